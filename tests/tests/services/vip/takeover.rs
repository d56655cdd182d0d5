//! One failure, and how long it is until somebody answers at the virtual IP again.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use hive_tests::cluster::mac;
use hive_tests::prober::history::Double;
use hive_tests::waiting::other;

use super::stage::{Stage, Task};
use crate::failure::Failure;

/// Seconds that a takeover may take on a quick computer; the swarm's own part is most of it.
const LIMIT: u64 = 180;

/// What was measured.
#[derive(Debug)]
pub struct Takeover {
    /// What happened.
    pub failure: Failure,
    /// Where the task was.
    pub from: String,
    /// Where it is now.
    pub to: String,
    /// When it happened.
    pub failed: Instant,
    /// When the new task was running, by its host's clock.
    pub running: Instant,
    /// How exact the moments are: the prober's rounds, and the host's clock.
    pub precision: Duration,
    /// When the first packet to the address was answered afterwards.
    pub answered: Instant,
    /// Moments since the failure with two answerers.
    pub doubles: Vec<Double>,
}

impl Takeover {
    /// From the failure to the first packet answered.
    pub fn outage(&self) -> Duration {
        self.answered.saturating_duration_since(self.failed)
    }

    /// From the task running to the first packet answered.
    pub fn ours(&self) -> Duration {
        self.answered.saturating_duration_since(self.running)
    }
}

impl fmt::Display for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} → {}: {:.2} s from the failure to the first answer, {:.2} s of them from the task running to it (± {:.2} s); {} moments with two answerers",
            self.failure.name(),
            self.from,
            self.to,
            self.outage().as_secs_f64(),
            self.ours().as_secs_f64(),
            self.precision.as_secs_f64(),
            self.doubles.len()
        )
    }
}

/// Has a failure happen where the service's task runs, and waits until its address answers again.
/// `services` are those whose containers are killed when that is the failure. The host is not brought back. What was measured is printed.
pub fn takeover(
    stage: &Stage,
    failure: Failure,
    service: &str,
    vip: Ipv4Addr,
    services: &[&str],
) -> Takeover {
    let old = stage.settled(service, vip);
    let failed = failure.strike(&stage.cluster, &old.host, services);
    let new = successor(stage, &old, service);
    let clock = stage.cluster.clock(&new.host);
    let running = clock.moment(new.since);
    // On the same host the address may have answered for a while after the failure; it comes back a probe
    // after the task at the soonest.
    let from = match new.host == old.host {
        true => running.max(failed),
        false => failed,
    };
    let to = mac(&new.host);
    let what = format!("an answer of {} at {vip}", new.host);
    let answered = stage
        .prober
        .wait(&what, stage.cluster.patient(LIMIT), |history| {
            history.first_echo(vip, from, |mac| mac == to)
        });
    stage
        .prober
        .wait("neighbours to know", stage.cluster.patient(60), |history| {
            let now = Instant::now();
            (history.neighbour(vip, now) == Some(to)).then_some(())
        });
    // Whoever does not know that it is over answers a little longer.
    std::thread::sleep(Duration::from_secs(5));
    let now = Instant::now();
    let (late, doubles) = stage.prober.look(|history| {
        let late = history.precision(failed..now);
        (late, history.doubles(vip, failed..now))
    });
    let took = Takeover {
        failure,
        from: old.host,
        to: new.host,
        failed,
        running,
        precision: clock.precision + late,
        answered,
        doubles,
    };
    // At once: bringing the host back may fail, too.
    println!("{took}");
    took
}

/// The task that runs instead of another.
fn successor(stage: &Stage, old: &Task, service: &str) -> Task {
    let ask = other(&old.host);
    let what = format!("{service} to run anew");
    stage.cluster.eventually(&what, LIMIT, || {
        let task = stage.running(ask, service)?;
        (task.id != old.id)
            .then_some(task)
            .ok_or("the old task is still there".into())
    })
}
