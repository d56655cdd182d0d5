//! V7: what labels may say wrong costs the service that says it, and nobody else.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Instant;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::host_of;
use serde_json::Value;

use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "V7",
    name: "one virtual IP for two, two replicas, and labels that make no sense: complaints of these services, others go on",
    how: How::Run(complaints),
}];

const GOOD: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 95);
const SHARED: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 96);
const DOUBLE: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 97);

/// Services that something is wrong with, and what they are made of.
const WRONG: [(&str, &str); 6] = [
    ("t-twin2", "--label HIVE_VIP=192.168.77.96"),
    ("t-two", "--label HIVE_VIP=192.168.77.97 --replicas 2"),
    ("t-address", "--label HIVE_VIP=300.1.2.3"),
    ("t-outside", "--label HIVE_VIP=10.99.0.1"),
    ("t-interface", "--label HIVE_VIP=192.168.77.98/24@nosuch0"),
    (
        "t-ports",
        "--label HIVE_VIP=192.168.77.99 --label HIVE_DNAT_PORTS=80,,x",
    ),
];

fn complaints(stage: &Stage) {
    for ip in [SHARED, DOUBLE] {
        stage.prober.watch(ip);
    }
    let sleeps = "box:1 sleep 100000";
    stage.create("t-good", &format!("--label HIVE_VIP={GOOD} {sleeps}"));
    stage.create("t-twin1", &format!("--label HIVE_VIP={SHARED} {sleeps}"));
    let holder = stage.settled("t-good", GOOD);
    let since = Instant::now();
    for (name, words) in WRONG {
        stage.create(name, &format!("{words} {sleeps}"));
    }
    let wrong: BTreeSet<String> = WRONG.iter().map(|(name, _)| (*name).to_owned()).collect();
    stage.cluster.eventually("a complaint of each", 120, || {
        let vips = stage.vips();
        let told = services(&vips["complaints"]);
        (told == wrong).then_some(()).ok_or(vips.to_string())
    });
    let status = stage.cluster.hive(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let hosts = status["hosts"].as_array().unwrap();
    let told = hosts
        .iter()
        .flat_map(|host| services(&host["status"]["follow"]["complaints"]));
    assert_eq!(told.collect::<BTreeSet<_>>(), wrong, "hive status");

    // The older one has the shared address, one of two tasks the other, and the good one lost nothing.
    stage.settled("t-twin1", SHARED);
    stage
        .cluster
        .eventually("one holder for two tasks", 120, || {
            let now = Instant::now();
            let last = now - std::time::Duration::from_secs(3);
            let holders = stage.prober.look(|h| h.holders(DOUBLE, last..now));
            (holders.len() == 1)
                .then_some(())
                .ok_or(format!("{holders:?}"))
        });
    let time = since..Instant::now();
    stage.prober.look(|history| {
        for ip in [GOOD, SHARED, DOUBLE] {
            let doubles = history.doubles(ip, time.clone());
            assert!(doubles.is_empty(), "{doubles:?}");
        }
        let holders = history.holders(GOOD, time.clone());
        let hosts: Vec<_> = holders.into_iter().map(host_of).collect();
        assert_eq!(hosts, [Some(holder.host.as_str())]);
    });

    let names: Vec<&str> = WRONG.iter().map(|(name, _)| *name).collect();
    stage.remove(&names.join(" "));
    stage.cluster.eventually("all to be well again", 120, || {
        let vips = stage.vips();
        let well = services(&vips["complaints"]).is_empty();
        well.then_some(()).ok_or(vips.to_string())
    });
    stage.remove("t-good t-twin1");
    stage
        .cluster
        .eventually("nobody to have what nobody wants", 120, || {
            let now = Instant::now();
            let last = now - std::time::Duration::from_secs(3);
            let held =
                [GOOD, SHARED, DOUBLE].map(|ip| stage.prober.look(|h| h.holders(ip, last..now)));
            held.iter()
                .all(Vec::is_empty)
                .then_some(())
                .ok_or(format!("{held:?}"))
        });
}

/// Names of the services in a list of complaints.
fn services(complaints: &Value) -> BTreeSet<String> {
    let list = complaints.as_array().cloned().unwrap_or_default();
    let name = |c: &Value| c["service"].as_str().map(str::to_owned);
    list.iter().filter_map(name).collect()
}
