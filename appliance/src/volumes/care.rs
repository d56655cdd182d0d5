//! A turn of a volume's upkeep: step by step until there is nothing to do for now.

use std::sync::Arc;
use std::time::Duration;

use hive_inventory::volumes::FileSystemReport;
use hive_volumes::upkeep::{Next, Seen, next};
use hive_volumes::{Module, Record};
use tokio::time::{Instant, timeout};

use super::effort::Effort;
use super::host::Host;
use super::locks::Held;
use super::look::HereOwned;
use super::{mounts, report, restart};

/// Pause while others have something to do, or a person.
const WAITING: Duration = Duration::from_secs(5);
/// A turn of more steps than the longest way has goes in circles.
const STEPS: u32 = 40;
/// Whoever acts on a volume may wait in the kernel for frozen I/O, and then only a restart helps.
const ACTING: Duration = Duration::from_secs(5);
/// The kernel knows how full a file system is without asking its disk.
const ROOM: Duration = Duration::from_secs(5);

/// What became of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// There is no such record (any more).
    Gone,
    /// Raft can't be asked, so all stays as it is; or there is more to do, and others have their turn first.
    Later,
    /// The record at this version was seen to.
    Cared {
        /// Docker's version of the config.
        version: u64,
        /// How long to wait before the next turn; `None`: all is as it should be, and the next reading is time enough.
        pause: Option<Duration>,
    },
}

/// Sees to a volume. Its record may be as old as `oldest`, if nobody here had the volume since.
pub async fn care(host: &Arc<Host>, name: &str, effort: &mut Effort, oldest: Instant) -> Outcome {
    for _ in 0..STEPS {
        let held = turn(host, name).await;
        if host.goes_down() {
            return Outcome::Later;
        }
        let oldest = oldest.max(held.unchanged_since());
        let record = match host.record_since(name, oldest).await {
            Ok(Some(record)) => record,
            Ok(None) => return Outcome::Gone,
            Err(_) => return Outcome::Later,
        };
        let cared = |pause| Outcome::Cared {
            version: record.version,
            pause,
        };
        let (seen, here) = match look(host, &record).await {
            Ok(looked) => looked,
            Err(why) => {
                let pause = effort.is_blind(why);
                let told = report::unseen(&record, host.me(), effort);
                host.tell(name, told);
                return cared(Some(pause));
            }
        };
        let next = next(&record, &here.borrow(), &seen);
        if !matches!(next, Next::Do(_)) {
            effort.rests();
        }
        let room = room(host, &record, &seen).await;
        let told = report::seen(&record, host.me(), &seen, &next, effort, room);
        host.tell(name, told);
        let step = match next {
            Next::Do(step) => step,
            Next::Wait(_) | Next::Stuck(_) => return cared(Some(WAITING)),
            Next::Settled => return cared(None),
        };
        if !effort.is_on(&step) {
            eprintln!("<6>hived: volume {name}: {step}");
        }
        held.says(step.to_string());
        let done = host
            .carry_out(&record, &seen, here.borrow().file, &step)
            .await;
        if let Err(why) = &done {
            eprintln!("<5>hived: volume {name}: {step}: {why}");
        }
        let pause = effort.tried(&step, done);
        if !pause.is_zero() {
            return cared(Some(pause));
        }
    }
    Outcome::Later
}

/// Waits until nobody else acts on the volume. Somebody may hang there for ever because this host was
/// overtaken, so that is looked at meanwhile.
async fn turn(host: &Arc<Host>, name: &str) -> Held {
    loop {
        if let Ok(held) = timeout(ACTING, host.lock(name)).await {
            return held;
        }
        let record = host.record(name).await.ok().flatten();
        if let Some(record) = record.filter(|record| record.identity.module == Module::Drbd84) {
            // It tells nothing that the turn itself would not tell.
            let _ = look(host, &record).await;
        }
    }
}

/// Looks, and starts the machine anew if it was overtaken. `record` was read just now.
async fn look(host: &Arc<Host>, record: &Record) -> Result<(Seen, HereOwned), String> {
    let seen = host.look(record).await?;
    let here = host.here(record, &seen).await?;
    let state = &host.paths.volumes_kept;
    let state = state.parent().unwrap_or(state);
    restart::if_overtaken(record, &here.borrow(), &seen, &host.bench, state).await;
    Ok((seen, here))
}

async fn room(host: &Arc<Host>, record: &Record, seen: &Seen) -> Option<FileSystemReport> {
    let frozen = seen.resource.as_ref().is_none_or(|r| r.suspended);
    if seen.mount.is_none() || frozen {
        return None;
    }
    let at = host.mount_point(&record.identity.name);
    let work = format!("asking how full {} is", at.display());
    let ask = move || Ok(mounts::room(&at));
    host.bench.work(work, ROOM, ask).await.ok().flatten()
}
