//! W1 and W2: from the definition to volumes on all hosts, and to containers that use them.

use std::collections::BTreeSet;

use hive_inventory::volumes::VolumeReport;
use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::said;

use super::site::{FILLED, RECORDS};
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[
    Item {
        id: "W1",
        name: "build-volumes makes them on all hosts, and a second run changes nothing",
        how: How::Run(made),
    },
    Item {
        id: "W2",
        name: "deploy-services: records are written, and content of images is in their volumes",
        how: How::Run(used),
    },
];

fn made(stage: &Stage) {
    let cluster = &stage.cluster;
    let output = cluster.hive(&["build-volumes"]);
    println!("{}", said(&output));
    assert!(output.status.success(), "{}", said(&output));
    let versions = stage.versions();
    let again = cluster.hive(&["build-volumes"]);
    assert!(again.status.success(), "{}", said(&again));
    assert!(said(&again).contains("unchanged"), "{}", said(&again));
    assert_eq!(
        stage.versions(),
        versions,
        "the second run changed something"
    );

    let modules: BTreeSet<String> = HOSTS
        .iter()
        .map(|host| stage.status(host).unwrap().drbd.unwrap_or_default())
        .collect();
    println!("DRBD {modules:?}");
    assert!(
        modules.len() == 1 && !modules.contains(""),
        "modules of the hosts: {modules:?}"
    );
    let is_9 = modules.iter().any(|version| version.starts_with("9."));
    let names = FILLED.map(|(name, _)| name);
    for name in names.iter().copied().chain([RECORDS]) {
        let reports = stage.told(name);
        assert_eq!(reports.len(), HOSTS.len(), "{name}: {reports:#?}");
        let unsettled: Vec<_> = reports.iter().filter(|(_, v)| !v.settled).collect();
        assert!(unsettled.is_empty(), "{name}: {unsettled:#?}");
        let copies = reports.values().filter(|v| v.part == "copy").count();
        assert_eq!(copies, if is_9 { 3 } else { 2 }, "{name}: {reports:#?}");
        let marks: BTreeSet<&str> = reports.values().map(|v| v.birthmark.as_str()).collect();
        assert_eq!(marks.len(), 1, "{name}: {reports:#?}");
        let disk = |v: &VolumeReport| v.resource.as_ref().map(|r| r.disk.clone());
        for (host, report) in reports.iter().filter(|(_, v)| v.part == "copy") {
            assert_eq!(
                disk(report).as_deref(),
                Some("UpToDate"),
                "{name} on {host}"
            );
        }
    }
    stage.intact();
    println!("{}", cluster.ok(&["volumes"]));
}

fn used(stage: &Stage) {
    let cluster = &stage.cluster;
    cluster.ok(&["build-networks"]);
    let output = cluster.hive(&["deploy-services"]);
    assert!(output.status.success(), "{}", said(&output));
    let host = stage.writing();
    println!("the writer is on {host}");
    let expected = cluster.sh(HOSTS[0], "docker run --rm --network none box:1 ls -A /www");
    for (service, file_system) in FILLED {
        let host = stage
            .cluster
            .eventually(&format!("{service} to run"), 240, || {
                stage.host_of(HOSTS[0], service)
            });
        let seen = cluster.sh(
            &host,
            &format!(
                "same one \"$(inside {service} cat /www/version)\"
                 has {file_system} \"$(inside {service} grep ' /www ' /proc/mounts)\"
                 inside {service} ls -A /www"
            ),
        );
        assert_eq!(seen, expected, "in the container's folder of {service}");
        println!("{service} on {host}: {}", seen.replace('\n', " "));
    }
    let at = cluster.sh(
        &host,
        "same xfs \"$(inside writer grep ' /records ' /proc/mounts | cut -d' ' -f3)\"; grep drbd /proc/mounts | head -n 1",
    );
    println!("{at}");
    stage.intact();
    stage.verified();
}
