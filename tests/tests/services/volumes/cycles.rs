//! W10: volumes come, are used, and go, again and again.

use std::collections::BTreeSet;
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

/// The service, and what names of its volumes begin with.
const NAME: &str = "t-cycled";
/// Volumes that come and go together.
const AT_ONCE: usize = 5;
/// A resource has no connection yet when it comes up, and none any more when it goes down; on a quick computer.
const MOMENT: u64 = 5;

fn cycles(stage: &Stage) {
    site::add(&stage.cluster, &site::many(NAME, AT_ONCE));
    let mut birthmarks = BTreeSet::new();
    let rounds = stage.rounds(50, 5).div_ceil(AT_ONCE as u64);
    for round in 1..=rounds {
        let since = Instant::now();
        for birthmark in cycle(stage, round) {
            let new = birthmarks.insert(birthmark);
            assert!(new, "a volume of an earlier round is back");
        }
        println!(
            "round {round} of {AT_ONCE} volumes: {:.0} s",
            since.elapsed().as_secs_f64()
        );
    }
    println!("{} volumes came and went", birthmarks.len());
    site::add(&stage.cluster, "");
    stage.intact();
    stage.verified();
}

/// A volume of a round.
struct Made {
    name: String,
    minor: u64,
    copies: Vec<&'static str>,
    /// Of DRBD's meta data.
    kibibytes: u64,
}

/// Returns what tells the volumes from others of their names.
fn cycle(stage: &Stage, round: u64) -> Vec<String> {
    let cluster = &stage.cluster;
    let watch = Watch::new(stage);
    cluster.ok(&["build-volumes"]);
    stage.intact();
    let names: Vec<String> = (0..AT_ONCE).map(|n| format!("{NAME}{n}")).collect();
    let birthmarks = names.iter().map(|name| {
        let reports = stage.told(name);
        reports.values().next().unwrap().birthmark.clone()
    });
    let birthmarks = birthmarks.collect();
    let made: Vec<Made> = names.iter().map(|name| Made::look(stage, name)).collect();
    cluster.ok(&["deploy-services", "-l", NAME]);
    let host = stage
        .cluster
        .eventually("its service to run", 240, || stage.host_of(HOSTS[0], NAME));
    // A new volume has nothing of an earlier one of its name.
    cluster.sh(
        &host,
        &format!(
            "for n in {{0..{}}}; do
                 same '' \"$(inside {NAME} ls -A /data$n)\"
                 inside {NAME} sh -c \"echo {round} >/data$n/round; sync\"
             done",
            AT_ONCE - 1
        ),
    );
    // What an earlier volume left in the pool is on no copy of a later one.
    stage.same_by_drbd(&names[round as usize % AT_ONCE]);
    cluster.ok(&["deploy-services", "-D", "--yes", "-l", NAME]);
    let mut remove = vec!["build-volumes", "-D", "--yes", "-l"];
    let list = names.join(",");
    remove.push(&list);
    // Its container is gone a moment later.
    stage
        .cluster
        .eventually("the volumes to be removed", 120, || {
            let output = cluster.hive(&remove);
            match output.status.success() {
                true => Ok(()),
                false => Err(said(&output)),
            }
        });
    for made in &made {
        stage.left_nothing(&made.name, made.minor);
    }
    stage.all_on_speaking_terms();
    for made in &made {
        judge(stage, &watch, made);
    }
    birthmarks
}

impl Made {
    fn look(stage: &Stage, name: &str) -> Self {
        let (minor, copies) = (stage.minor(name), stage.copies(name));
        // All of the logical volume that is not the device.
        let script = format!(
            "echo $((($(blockdev --getsize64 /dev/drbdvg/{name}) - $(cat /sys/block/drbd{minor}/size) * 512) / 1024))"
        );
        let kibibytes = stage.cluster.sh(copies[0], &script).parse().unwrap();
        Self {
            name: name.to_owned(),
            minor,
            copies,
            kibibytes,
        }
    }
}

/// What hosts saw from before the volume's birth until after its end.
fn judge(stage: &Stage, watch: &Watch, made: &Made) {
    let Made {
        name,
        minor,
        kibibytes,
        ..
    } = made;
    let seen = watch.seen(name, *minor);
    let resyncs = watch.resyncs(stage, *minor);
    println!("{name}: {kibibytes} KiB of meta data; resyncs of {resyncs:?} KiB; {seen:?}");
    for host in &made.copies {
        let seen = seen.get(host);
        let seen = seen.unwrap_or_else(|| panic!("no look of {host} had {name}"));
        assert!(
            seen.whole,
            "{host} never saw all copies of {name} up to date"
        );
        let moment = stage.cluster.patient(MOMENT);
        assert!(seen.alone <= moment, "{host} stood alone: {seen:?}");
        assert!(
            seen.out_of_sync <= *kibibytes,
            "on {host} more of {name} differs than DRBD's own meta data: {seen:?}"
        );
    }
    assert!(
        resyncs.iter().all(|resync| resync <= kibibytes),
        "{name}, which is new everywhere, was filled: {resyncs:?} KiB"
    );
}
