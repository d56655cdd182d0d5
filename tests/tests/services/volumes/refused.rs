//! W13: what can't be is refused before anything is changed.

use hive_tests::checklist::{How, Item};
use hive_tests::said;

use super::site::{self, RECORDS, many, one_more};
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W13",
    name: "wrong input is refused, says what to do, and changes nothing",
    how: How::Run(refused),
}];

/// Of the volumes that are not to be.
const NAME: &str = "t-wrong";
/// A host that has a volume of docker's own under that name.
const HOLDER: &str = "p-hive1";

fn refused(stage: &Stage) {
    let good = "fstype: ext4, size: 50M";
    let one = |attributes: &str| one_more(NAME, NAME, attributes);
    let twice = one(good) + &one_more("t-other", NAME, "fstype: ext4, size: 60M");
    for (what, services, words) in [
        ("a size declared twice", twice, "has not the same size"),
        (
            "larger than the pool",
            one("fstype: xfs, size: 100G"),
            "the whole pool of",
        ),
        (
            "an unknown file system",
            one("fstype: ext3, size: 50M"),
            "must be one of xfs, ext4",
        ),
        (
            "too small for xfs",
            one("fstype: xfs, size: 52M"),
            "xfs needs 300 MiB at least",
        ),
        (
            "diskless on all hosts",
            one("fstype: ext4, size: 50M, diskless: [p-hive0, p-hive1, p-hive2]"),
            "has a copy nowhere",
        ),
        (
            "more than 255",
            many("t-many", 256),
            "there is no device id left",
        ),
    ] {
        fails(stage, what, &services, &["build-volumes"], words);
    }
    let ids = numbers(stage);
    assert!(
        !ids.contains("t-many"),
        "ids were given to volumes that can't be: {ids}"
    );
    let docker = |command: &str| {
        stage.cluster.sh(
            HOLDER,
            &format!("docker volume {command} {NAME} >/dev/null"),
        )
    };
    docker("create");
    let clash = format!("docker on {HOLDER} has a volume of driver local");
    fails(
        stage,
        "a name that docker has",
        &one(good),
        &["build-volumes"],
        &clash,
    );
    docker("rm");
    let remove = ["build-volumes", "-D", "--yes", "-l", RECORDS];
    fails(stage, "removal of a used one", "", &remove, "is used by");
    stage.intact();
    stage.verified();
}

fn fails(stage: &Stage, what: &str, services: &str, args: &[&str], words: &str) {
    let before = stage.versions();
    site::add(&stage.cluster, services);
    let output = stage.cluster.hive(args);
    site::add(&stage.cluster, "");
    let text = said(&output);
    println!("{what}: {text}");
    let code = output.status.code();
    assert!(
        matches!(code, Some(1 | 2)),
        "{what}: it ended with {code:?}: {text}"
    );
    assert!(text.contains(words), "{what}: no {words:?} in: {text}");
    assert_eq!(stage.versions(), before, "{what}: something was changed");
}

/// The ids that were given to volumes.
fn numbers(stage: &Stage) -> String {
    stage.cluster.ok(&["get", "drbd_device_map"])
}
