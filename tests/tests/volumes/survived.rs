//! W3 to W6 and W8: the writer's host fails in some way, and the next writer has all that was acknowledged.

use std::time::{Duration, Instant};

use hive_tests::checklist::{How, Item};

use super::failure::Failure;
use super::stage::Stage;

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
    Item {
        id: "W5",
        name: "its host loses power: the volume is taken elsewhere, and the host's copy is filled when it is back",
        how: How::Run(|stage| survive(stage, Failure::PowerCut)),
    },
];

/// What sets hosts against each other.
pub const TOGETHER: &[Item<Stage>] = &[
    Item {
        id: "W6",
        name: "its host is cut off: nothing is acknowledged there that the other side lacks",
        how: How::Run(|stage| survive(stage, Failure::Partition)),
    },
    Item {
        id: "W8",
        name: "its host is replaced by one with blank disks: its copy is filled without a command",
        how: How::Run(|stage| survive(stage, Failure::Replacement)),
    },
];

/// How long the side that was cut off is listened to.
const LISTENING: Duration = Duration::from_secs(10);

fn survive(stage: &Stage, failure: Failure) {
    stage.intact();
    let old = stage.writing();
    let writers = stage.listener.look(|h| h.writers());
    let failed = failure.strike(stage, &old);
    let first = stage.resumed(&writers);
    println!(
        "{}, {old}: {:.2} s from the failure to the first new acknowledged record, {} of {}",
        failure.name(),
        first.heard.saturating_duration_since(failed).as_secs_f64(),
        first.number,
        first.writer
    );
    if failure == Failure::Partition {
        cut_off_side_is_silent(stage, &old, first.heard);
    }
    if failure != Failure::Kill {
        let manager = stage.other(&old);
        let new = stage.eventually("the writer to run", 240, || {
            stage.host_of(manager, super::site::WRITER)
        });
        assert_ne!(new, old, "it is still there");
    }
    failure.mend(stage, &old);
    stage.intact();
    stage.verified();
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
