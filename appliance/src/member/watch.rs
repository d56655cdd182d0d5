//! Asks Docker again and again what it is in, beside everything else: a manager without a majority
//! takes half a minute for an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hive_membership::Local;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::swarm::Engine;

/// Pause between questions while the host is not where it belongs.
const UNSETTLED: Duration = Duration::from_secs(2);
/// Pause between questions when all is well.
const SETTLED: Duration = Duration::from_secs(5);

/// What the loop tells the watch.
#[derive(Debug, Default)]
pub struct Watch {
    /// Counts actions begun and ended: an answer to a question of before is worth nothing.
    epoch: AtomicU64,
    settled: AtomicBool,
    now: Notify,
}

/// An answer of Docker.
pub struct Seen {
    epoch: u64,
    local: Local,
}

impl Watch {
    /// Something was changed: older answers are void, and a new one is wanted now.
    pub fn changed(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.now.notify_one();
    }

    /// Whether the host is where it belongs.
    pub fn settled(&self, settled: bool) {
        self.settled.store(settled, Ordering::SeqCst);
    }

    /// The answer, unless it is older than the last change.
    pub fn current(&self, seen: Seen) -> Option<Local> {
        (seen.epoch == self.epoch.load(Ordering::SeqCst)).then_some(seen.local)
    }

    /// Asks until nobody listens any more.
    pub async fn run(self: Arc<Self>, engine: Arc<Engine>, out: mpsc::Sender<Seen>) {
        loop {
            let epoch = self.epoch.load(Ordering::SeqCst);
            let local = engine.observe().await;
            if out.send(Seen { epoch, local }).await.is_err() {
                return;
            }
            let pause = match self.settled.load(Ordering::SeqCst) {
                true => SETTLED,
                false => UNSETTLED,
            };
            // Either is a reason to ask again.
            let _ = timeout(pause, self.now.notified()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_from_before_a_change_is_void() {
        let watch = Watch::default();
        let local = Local::Inactive;
        let before = Seen { epoch: 0, local };
        watch.changed();
        assert_eq!(watch.current(before), None);
        let local = Local::Pending;
        let after = Seen { epoch: 1, local };
        assert_eq!(watch.current(after), Some(Local::Pending));
    }
}
