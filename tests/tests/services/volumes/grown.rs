//! W9: the volume grows below its writer, and does not shrink.

use std::time::Instant;

use hive_tests::checklist::{How, Item};
use hive_tests::said;

use super::site::{self, RECORDS};
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W9",
    name: "a volume grows while it is written to, and one that nobody uses; shrinking is refused, with the way out",
    how: How::Run(grows),
}];

/// Megabytes more.
const MORE: u64 = 300;
/// A volume that no service has.
const UNUSED: &str = "t-unused";

fn grows(stage: &Stage) {
    let cluster = &stage.cluster;
    stage.intact();
    let host = stage.writing();
    let room = || -> Result<u64, String> {
        let script = "inside writer df -k /records | tail -n 1 | awk '{print $2}'";
        let text = cluster.try_sh(&host, script)?;
        text.parse().map_err(|e| format!("{text}: {e}"))
    };
    let before = room().unwrap();
    let old = site::megabytes(cluster);
    let since = Instant::now();
    site::resize(cluster, old + MORE);
    let output = cluster.hive(&["build-volumes"]);
    println!("{}", said(&output));
    assert!(output.status.success(), "{}", said(&output));
    // Some of it is the file system's own.
    let least = before + MORE * 1024 * 9 / 10;
    let after = stage.cluster.eventually("room in the container", 120, || {
        let now = room()?;
        (now >= least)
            .then_some(now)
            .ok_or_else(|| format!("{now} KiB, {before} KiB before"))
    });
    assert_eq!(stage.writing(), host, "the writer was moved");
    println!(
        "{old}M to {}M: {before} KiB to {after} KiB in the container, {:.0} s; the longest time without a record was {:.2} s",
        old + MORE,
        since.elapsed().as_secs_f64(),
        stage.listener.look(|h| h.silence(since)).as_secs_f64()
    );
    stage.intact();
    stage.verified();
    // Where DRBD's notes were before is data now.
    stage.same_by_drbd(RECORDS);
    shrinks_not(stage, old + MORE);
    unused_grows(stage);
}

fn unused_grows(stage: &Stage) {
    let cluster = &stage.cluster;
    for size in [50, 80] {
        let attributes = format!("fstype: ext4, size: {size}M");
        site::add(cluster, &site::one_more(UNUSED, UNUSED, &attributes));
        cluster.ok(&["build-volumes", "-l", UNUSED]);
    }
    stage.same_by_drbd(UNUSED);
    site::add(cluster, "");
    cluster.ok(&["build-volumes", "-D", "--yes", "-l", UNUSED]);
}

fn shrinks_not(stage: &Stage, megabytes: u64) {
    let cluster = &stage.cluster;
    let versions = stage.versions();
    site::resize(cluster, megabytes - 100);
    let output = cluster.hive(&["build-volumes"]);
    site::resize(cluster, megabytes);
    let text = said(&output);
    println!("{text}");
    assert!(!output.status.success(), "{text}");
    for words in [RECORDS, "can't shrink", "under another name"] {
        assert!(text.contains(words), "no {words:?} in: {text}");
    }
    assert_eq!(stage.versions(), versions, "something was changed");
}
