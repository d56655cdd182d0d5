//! W10: volumes come, are used, and go, again and again.

use std::time::Instant;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::said;

use super::site;
use super::stage::Stage;
use super::watch::Watch;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W10",
    name: "made, used and removed again and again: nobody stands alone, nothing is filled anew, and nothing is left",
    how: How::Run(cycles),
}];

/// Of its service, too.
const NAME: &str = "t-cycled";
/// A resource has no connection yet when it comes up, and none any more when it goes down; on a quick computer.
const MOMENT: u64 = 5;

fn cycles(stage: &Stage) {
    site::add(
        &stage.cluster,
        &site::one_more(NAME, NAME, "fstype: ext4, size: 50M"),
    );
    let mut birthmarks = Vec::new();
    for round in 1..=stage.rounds(50, 5) {
        let since = Instant::now();
        let birthmark = cycle(stage, round);
        assert!(
            !birthmarks.contains(&birthmark),
            "the volume of an earlier round is back"
        );
        birthmarks.push(birthmark);
        println!("round {round}: {:.0} s", since.elapsed().as_secs_f64());
    }
    site::add(&stage.cluster, "");
    stage.intact();
    stage.verified();
}

/// Returns what tells the volume from others of its name.
fn cycle(stage: &Stage, round: u64) -> String {
    let cluster = &stage.cluster;
    let watch = Watch::new(stage);
    cluster.ok(&["build-volumes"]);
    stage.intact();
    let reports = stage.reports(NAME).unwrap();
    let birthmark = reports.values().next().unwrap().birthmark.clone();
    let (minor, copies) = (stage.minor(NAME), stage.copies(NAME));
    let meta_data = meta_data(stage, copies[0], minor);
    cluster.ok(&["deploy-services", "-l", NAME]);
    let host = stage
        .cluster
        .eventually("its service to run", 240, || stage.host_of(HOSTS[0], NAME));
    // A new volume has nothing of an earlier one of its name.
    cluster.sh(
        &host,
        &format!(
            "same '' \"$(inside {NAME} ls -A /data)\"; inside {NAME} sh -c 'echo {round} >/data/round; sync'"
        ),
    );
    cluster.ok(&["deploy-services", "-D", "--yes", "-l", NAME]);
    // Its container is gone a moment later.
    stage
        .cluster
        .eventually("the volume to be removed", 120, || {
            let output = cluster.hive(&["build-volumes", "-D", "--yes", "-l", NAME]);
            match output.status.success() {
                true => Ok(()),
                false => Err(said(&output)),
            }
        });
    stage.left_nothing(NAME, minor);
    stage.all_on_speaking_terms();
    judge(stage, &watch, minor, &copies, meta_data);
    birthmark
}

/// KiB of DRBD's meta data: all of the logical volume that is not the device.
fn meta_data(stage: &Stage, host: &str, minor: u64) -> u64 {
    let script = format!(
        "echo $((($(blockdev --getsize64 /dev/drbdvg/{NAME}) - $(cat /sys/block/drbd{minor}/size) * 512) / 1024))"
    );
    stage.cluster.sh(host, &script).parse().unwrap()
}

/// What hosts saw from before the volume's birth until after its end.
fn judge(stage: &Stage, watch: &Watch, minor: u64, copies: &[&str], meta_data: u64) {
    let seen = watch.seen(NAME, minor);
    let resyncs = watch.resyncs(stage, minor);
    println!("{meta_data} KiB of meta data; resyncs of {resyncs:?} KiB; {seen:?}");
    for host in copies {
        let seen = seen.get(host);
        let seen = seen.unwrap_or_else(|| panic!("no look of {host} had the volume"));
        assert!(seen.whole, "{host} never saw all copies up to date");
        let moment = stage.cluster.patient(MOMENT);
        assert!(seen.alone <= moment, "{host} stood alone: {seen:?}");
        assert!(
            seen.out_of_sync <= meta_data,
            "on {host} more differs than DRBD's own meta data: {seen:?}"
        );
    }
    assert!(
        resyncs.iter().all(|kibibytes| *kibibytes <= meta_data),
        "a volume that is new everywhere was filled: {resyncs:?} KiB"
    );
}
