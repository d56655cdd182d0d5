//! The upkeep of this host's volumes: looks at everything again and again, so that nothing depends on an event
//! that was not missed or on what an earlier hived did.
//!
//! A reader asks Raft for the records; each volume has turns of its own ([`care`]), so a slow one
//! is in nobody's way. While Raft can't be asked, all stays as it is: nothing is demoted or unmounted.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use hive_inventory::volumes::{PoolReport, VolumeReport};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::care::{Outcome, care};
use super::effort::Effort;
use super::host::Host;
use super::raft::Reading;
use super::schedule::{Schedule, Turn};
use super::{kept, labels, look, report};

/// Pause between readings while something is not as it should be.
const UNSETTLED: Duration = Duration::from_secs(5);
/// Pause between readings when all is well.
const SETTLED: Duration = Duration::from_secs(15);
/// Pause before docker's events are followed again.
const EVENTS: Duration = Duration::from_secs(5);
/// Things that wait to be taken in.
const QUEUE: usize = 64;

/// What comes in.
enum News {
    /// Asked at this moment.
    Read(Instant, Result<Arc<Reading>, String>),
    /// What goes with a reading is done; what is wrong with it.
    Rounded(Option<PoolReport>, Vec<String>),
    Cared(String, Effort, Outcome),
}

/// Runs until the process ends.
pub async fn run(host: Arc<Host>) {
    tokio::spawn(follow(Arc::clone(&host)));
    let (sender, mut news) = mpsc::channel(QUEUE);
    let mut schedule = Schedule::default();
    let (mut read_at, mut reading, mut could_read) = (Some(Instant::now()), false, false);
    loop {
        let now = Instant::now();
        if !reading && read_at.is_some_and(|at| at <= now) {
            (read_at, reading) = (None, true);
            tokio::spawn(read(Arc::clone(&host), sender.clone()));
        }
        if look::module_fault().is_none() && !host.goes_down() {
            for Turn {
                name,
                mut effort,
                oldest,
            } in schedule.begin(now)
            {
                let (host, sender) = (Arc::clone(&host), sender.clone());
                tokio::spawn(async move {
                    let outcome = care(&host, &name, &mut effort, oldest).await;
                    // Nobody listens when the process ends.
                    let _ = sender.send(News::Cared(name, effort, outcome)).await;
                });
            }
        }
        let read_due = read_at.filter(|_| !reading);
        // One that is due and was not begun waits for the module, which is looked for with each reading.
        let next = schedule.next().filter(|at| *at > now);
        let wake = next.into_iter().chain(read_due).min();
        tokio::select! {
            Some(news) = news.recv() => match news {
                News::Read(asked, Ok(reading)) => {
                    could_read = true;
                    schedule.take(&reading.records, asked, Instant::now());
                    let known = schedule.names();
                    host.change(|report| {
                        report.volumes.retain(|name, _| known.contains(name));
                    });
                }
                News::Read(_, Err(_)) => could_read = false,
                News::Rounded(pool, faults) => {
                    host.change(|report| (report.pool, report.faults) = (pool, faults));
                    reading = false;
                    let pause = match could_read && schedule.is_settled() {
                        true => SETTLED,
                        false => UNSETTLED,
                    };
                    read_at.get_or_insert(Instant::now() + pause);
                }
                News::Cared(name, effort, outcome) => {
                    if outcome == Outcome::Gone {
                        host.change(|report| drop(report.volumes.remove(&name)));
                    }
                    schedule.end(&name, effort, &outcome, Instant::now());
                }
            },
            () = host.nudge.notified() => {
                let now = Instant::now();
                let nudged = host.take_nudged();
                let known = nudged.iter().filter(|name| schedule.ask(name, now)).count();
                if known < nudged.len() || nudged.is_empty() {
                    read_at = Some(now);
                }
            }
            () = until(wake) => {}
        }
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// Docker's events of configs are reasons to read at once.
async fn follow(host: Arc<Host>) {
    loop {
        // Why it ended is told by whatever else asks docker.
        let _ = host.engine.watch_configs(|| host.nudge.notify_one()).await;
        sleep(EVENTS).await;
    }
}

/// Reads, and does what goes with it.
async fn read(host: Arc<Host>, news: mpsc::Sender<News>) {
    let asked = Instant::now();
    let read = host.read_since(asked).await;
    let mut faults: Vec<String> = Vec::new();
    // Nobody listens when the process ends.
    let _ = news.send(News::Read(asked, read.clone())).await;
    match read {
        Ok(reading) => {
            let records = &reading.records;
            faults.extend(records.unreadable.iter().cloned());
            if !records.volumes.is_empty() {
                faults.extend(look::module_fault());
            }
            faults.extend(keep(&host, &reading).await.err());
            faults.extend(labels::keep(&host, records).await.err());
        }
        Err(why) => {
            faults.push(why);
            if look::module_fault().is_none() && !host.goes_down() {
                // What does not come up is tried again.
                let tried = host.bring_up().await;
                faults.extend(tried.into_values().filter_map(Result::err));
            }
        }
    }
    let pool = host.pool().await.unwrap_or_else(|why| {
        faults.push(why);
        None
    });
    let _ = news.send(News::Rounded(pool, faults)).await;
}

/// Keeps the records for the next boot, if they differ from those that are kept.
async fn keep(host: &Host, reading: &Reading) -> Result<(), String> {
    let text = kept::text(reading)?;
    let path = host.paths.volumes_kept.clone();
    let kept = spawn_blocking(move || match std::fs::read(&path) {
        Ok(before) if before == text => Ok(()),
        _ => kept::write(&path, &text),
    });
    let kept = kept.await.map_err(std::io::Error::other);
    kept.and_then(|kept| kept)
        .map_err(|e| format!("keeping the records of volumes for the next boot: {e}"))
}

impl Host {
    /// Tells of a volume.
    pub(super) fn tell(&self, name: &str, told: VolumeReport) {
        self.change(|report| {
            let before = report.volumes.get(name);
            for line in report::news(name, before, &told) {
                eprintln!("{line}");
            }
            report.volumes.insert(name.to_owned(), told);
        });
    }

    /// Changes what is told.
    fn change(&self, change: impl FnOnce(&mut hive_inventory::volumes::VolumesReport)) {
        self.report.send_if_modified(|before| {
            let mut now = before.clone().unwrap_or_else(report::nothing);
            change(&mut now);
            let changed = before.as_ref() != Some(&now);
            *before = Some(now);
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::host;
    use crate::member::View;
    use std::sync::Arc;
    use tokio::sync::watch;

    #[tokio::test]
    async fn without_a_swarm_the_reason_is_told_and_nothing_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let view = watch::channel(View::default()).1;
        let host = Arc::new(host::tests::host(dir.path(), view));
        let mut reports = host.reports();
        let upkeep = tokio::spawn(super::run(host));
        let told = reports.wait_for(Option::is_some).await.unwrap().clone();
        let told = told.unwrap();
        assert!(
            told.faults[0].contains("not in the site's swarm"),
            "{told:?}"
        );
        assert!(told.volumes.is_empty() && told.pool.is_none());
        upkeep.abort();
        assert!(!dir.path().join("var").exists() && !dir.path().join("etc").exists());
    }
}
