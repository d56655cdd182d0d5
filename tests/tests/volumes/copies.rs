//! W12: the copies, byte by byte, below DRBD.

use std::collections::BTreeMap;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;

use super::site::{FILLED, RECORDS, WRITER};
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W12",
    name: "all copies are the same, byte by byte",
    how: How::Run(same),
}];

fn same(stage: &Stage) {
    let cluster = &stage.cluster;
    stage.verified();
    stage.intact();
    let services = [WRITER, FILLED[0].0, FILLED[1].0];
    scale(stage, &services, 0);
    stage.eventually("nobody to use a volume", 120, || {
        let all = stage.volumes();
        let volumes = all["volumes"].as_array().unwrap();
        let unused = |v: &serde_json::Value| {
            v["users"] == 0 && v["primary"].as_array().is_some_and(Vec::is_empty)
        };
        match volumes.iter().all(unused) {
            true => Ok(()),
            false => Err(all.to_string()),
        }
    });
    stage.intact();
    for volume in [RECORDS, FILLED[0].0, FILLED[1].0] {
        let reports = stage.reports(volume).unwrap();
        let copies = reports.iter().filter(|(_, v)| v.part == "copy");
        let sums: BTreeMap<&str, String> = copies
            .map(|(host, report)| {
                // Past the page cache, which knows nothing of what DRBD wrote below it.
                let script = format!(
                    "bytes=$(($(cat /sys/block/drbd{}/size) * 512))
                     sum=$(dd if=/dev/drbdvg/{volume} bs=1M iflag=direct,count_bytes count=$bytes status=none | sha256sum | cut -d' ' -f1)
                     echo $bytes $sum",
                    report.minor
                );
                (*host, cluster.sh(host, &script))
            })
            .collect();
        println!("{volume}: {sums:?}");
        let first = sums.values().next().unwrap();
        assert!(sums.len() >= 2, "{volume} has one copy: {reports:#?}");
        assert!(
            sums.values().all(|sum| sum == first) && !first.starts_with("0 "),
            "the copies of {volume} differ: {sums:?}"
        );
    }
    scale(stage, &services, 1);
    stage.verified();
}

fn scale(stage: &Stage, services: &[&str], to: usize) {
    for service in services {
        let script = format!("docker service scale -d {service}={to} >/dev/null");
        stage.cluster.sh(HOSTS[0], &script);
    }
}
