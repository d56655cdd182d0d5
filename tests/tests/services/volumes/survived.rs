//! W3 to W6: the writer's host fails in some way, and the next writer has all that was acknowledged.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hive_tests::checklist::{How, Item};
use hive_tests::waiting::other;

use super::site::{RECORDS, WRITER};
use super::stage::{Size, Stage};
use super::watch::Watch;
use crate::failure::Failure;

/// What goes wrong with one host.
pub const ALONE: &[Item<Stage>] = &[
    Item {
        id: "W3",
        name: "the container is killed: the next one goes on where it ended",
        how: How::Run(|stage| survive(stage, Failure::Kill)),
    },
    Item {
        id: "W4",
        name: "its host is drained: the volume goes along to another, and back is nothing to fear",
        how: How::Run(|stage| survive(stage, Failure::Drain)),
    },
];

/// Without power.
pub const POWERLESS: &[Item<Stage>] = &[Item {
    id: "W5",
    name: "its host loses power: the volume is taken elsewhere, and the host's copy is filled when it is back",
    how: How::Run(|stage| survive(stage, Failure::PowerCut)),
}];

/// What sets hosts against each other.
pub const TOGETHER: &[Item<Stage>] = &[Item {
    id: "W6",
    name: "its host is cut off: nothing is acknowledged there that the other side lacks",
    how: How::Run(|stage| survive(stage, Failure::Partition)),
}];

/// How long the side that was cut off is listened to.
const LISTENING: Duration = Duration::from_secs(10);
/// By when a host that is cut off can't write any more, on a quick computer: DRBD gives up a peer that says nothing
/// after 4 s, or 3 s later when there was nothing to say (`timeout` and `ping-int` of its configuration).
const BOUND: u64 = 10;

fn survive(stage: &Stage, failure: Failure) {
    stage.intact();
    let old = stage.writing();
    let copies = stage.copies(RECORDS);
    let watch = (failure == Failure::Partition).then(|| (Watch::new(stage), stage.minor(RECORDS)));
    let writers = stage.listener.look(|h| h.writers());
    let failed = failure.strike(&stage.cluster, &old, &[WRITER]);
    let first = stage.resumed(&writers);
    println!(
        "{}, {old}: {:.2} s from the failure to the first new acknowledged record, {} of {}",
        failure.name(),
        first.heard.saturating_duration_since(failed).as_secs_f64(),
        first.number,
        first.writer
    );
    if let Some((watch, minor)) = watch {
        cut_off_side_is_silent(stage, &old, first.heard);
        it_stopped_in_time(stage, &watch, minor, &old, failed, &writers);
    }
    if failure != Failure::Kill {
        let manager = other(&old);
        let new = stage
            .cluster
            .eventually("the writer to run", 240, || stage.host_of(manager, WRITER));
        assert_ne!(new, old, "it is still there");
        assert!(
            copies.iter().any(|host| *host == new),
            "it runs on {new}, and the copies are on {copies:?}"
        );
    }
    failure.mend(&stage.cluster, &old);
    stage.intact();
    stage.verified();
    if stage.size == Size::Full {
        stage.same_below_drbd();
    }
}

/// All that is acknowledged from now on comes from the new writer, though the old one may still run.
fn cut_off_side_is_silent(stage: &Stage, old: &str, since: Instant) {
    std::thread::sleep(LISTENING);
    let writers = stage.listener.look(|h| h.writers_since(since));
    let containers = stage.cluster.try_sh(
        old,
        "docker ps -a --format '{{.ID}} {{.Status}}' -f label=com.docker.swarm.service.name=writer",
    );
    println!("on {old}, cut off: {containers:?}; records are acknowledged by {writers:?}");
    assert_eq!(writers.len(), 1, "more than one writes: {writers:?}");
    if let Ok(containers) = containers {
        let of_old = |writer: &String| containers.lines().any(|l| l.starts_with(writer.as_str()));
        assert!(
            !writers.iter().any(of_old),
            "the side that is cut off writes"
        );
    }
}

/// The side that was cut off acknowledged nothing, and DRBD let it write nothing, after the bound.
fn it_stopped_in_time(
    stage: &Stage,
    watch: &Watch,
    minor: u64,
    old: &str,
    failed: Instant,
    writers: &BTreeSet<String>,
) {
    let bound = stage.cluster.patient(BOUND);
    let after = |moment: Option<Instant>| {
        let after = moment.map(|moment| moment.saturating_duration_since(failed));
        after.unwrap_or_default()
    };
    let last = stage.listener.look(|h| h.last_of(writers).map(|r| r.heard));
    let could = watch.could_write(old, RECORDS, minor);
    let looks = watch.count(old, failed);
    println!(
        "on {old}, cut off: the last record was acknowledged {:.2} s after the cut, and I/O froze or failed from {:.2} s after it, by {looks} looks",
        after(last).as_secs_f64(),
        after(could).as_secs_f64()
    );
    assert!(looks > 0, "{old} said nothing after the cut");
    assert!(
        after(last) <= bound && after(could) <= bound,
        "it could write for longer than {:.0} s",
        bound.as_secs_f64()
    );
}
