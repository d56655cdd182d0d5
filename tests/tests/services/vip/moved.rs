//! V2 to V5: each kind of failure, and how long it is until packets are answered again.

use std::time::{Duration, Instant};

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::mac;

use super::stage::{SERVICE, Stage, VIP};
use super::takeover::{Takeover, takeover};
use crate::failure::Failure;

pub const BOXES: &[Item<Stage>] = &[
    Item {
        id: "V2",
        name: "the container is killed: the virtual IP is where the next one is",
        how: How::Run(|stage| moved(stage, Failure::Kill)),
    },
    Item {
        id: "V3",
        name: "the host is drained: the virtual IP goes with the service",
        how: How::Run(|stage| moved(stage, Failure::Drain)),
    },
    Item {
        id: "V4",
        name: "the host loses its power: another has service and virtual IP, and it stays so",
        how: How::Run(|stage| moved(stage, Failure::PowerCut)),
    },
    Item {
        id: "V5",
        name: "the host is cut off: it drops the virtual IP before another may have it",
        how: How::Run(cut_off),
    },
];

/// Where the daemon states its bounds.
const FENCE: &str = include_str!("../../../../appliance/src/follow/fence.rs");

/// A bound as the daemon states it.
fn stated(name: &str) -> Duration {
    let begin = format!("pub const {name}: Duration = Duration::from_secs(");
    let (_, rest) = FENCE.split_once(&begin).unwrap();
    let number = rest.split(')').next().unwrap();
    Duration::from_secs(number.parse().unwrap())
}

#[test]
fn the_daemon_states_its_bounds() {
    assert!(stated("PROOF_AGE") < stated("DECLARED_DEAD"));
}

fn moved(stage: &Stage, failure: Failure) {
    let took = takeover(stage, failure, SERVICE, VIP, &[SERVICE]);
    failure.mend(&stage.cluster, &took.from);
    end(stage, &took);
}

fn cut_off(stage: &Stage) {
    let host = stage.settled(SERVICE, VIP).host;
    let leads = stage.cluster.sh(
        &host,
        "docker node inspect --format '{{.ManagerStatus.Leader}}' self",
    );
    // Runs on the host itself, which is reached past the switch.
    let watch = format!(
        "end=$((SECONDS + 120 * SLOW))
         while ip -4 -o addr show to {VIP} | grep -q .; do [ $SECONDS -lt $end ] || fail 'it is still there'; sleep 0.1; done
         echo $EPOCHREALTIME"
    );
    let (took, dropped) = std::thread::scope(|all| {
        let watch = all.spawn(|| stage.cluster.sh(&host, &watch));
        std::thread::sleep(Duration::from_secs(3));
        let took = takeover(stage, Failure::Partition, SERVICE, VIP, &[]);
        (took, watch.join().unwrap())
    });
    let clock = stage.cluster.clock(&host);
    let dropped = clock.moment(dropped.parse().unwrap());
    Failure::Partition.mend(&stage.cluster, &host);
    let after = dropped.saturating_duration_since(took.failed);
    println!(
        "host cut off: {host} (led the swarm: {leads}) dropped {VIP} {:.2} s after the cut (± {:.2} s), {:.2} s before {} answered; its proof holds {} s, the swarm takes {} s at least",
        after.as_secs_f64(),
        clock.precision.as_secs_f64(),
        took.answered
            .saturating_duration_since(dropped)
            .as_secs_f64(),
        took.to,
        stated("PROOF_AGE").as_secs(),
        stated("DECLARED_DEAD").as_secs(),
    );
    end(stage, &took);
    assert_eq!(took.from, host);
    assert!(
        dropped + clock.precision < took.answered,
        "both hosts had it for a while"
    );
    // What lies between the two bounds is for processors as slow as these.
    assert!(after < stated("DECLARED_DEAD"), "it came too late");
}

/// What is true after every takeover, also once the host is back.
fn end(stage: &Stage, took: &Takeover) {
    // Who comes back believing that it has the address would say so at once.
    std::thread::sleep(Duration::from_secs(10));
    let now = Instant::now();
    stage.prober.look(|history| {
        let doubles = history.doubles(VIP, took.failed..now);
        assert!(doubles.is_empty(), "two had it: {doubles:?}");
        assert_eq!(
            history.neighbour(VIP, now),
            Some(mac(&took.to)),
            "a neighbour knows something else"
        );
        let late = history.holders(VIP, now - Duration::from_secs(5)..now);
        assert_eq!(late, [mac(&took.to)]);
    });
    if took.failure != Failure::Kill {
        assert_ne!(took.from, took.to);
    }
}
