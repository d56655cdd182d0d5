//! One at a time acts on a volume of this host, and tells those who wait what it is doing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// The locks of all volumes.
#[derive(Debug, Default)]
pub struct Locks(Mutex<BTreeMap<String, Lock>>);

#[derive(Debug, Clone)]
struct Lock {
    /// When somebody had it last.
    turn: Arc<tokio::sync::Mutex<Instant>>,
    doing: Arc<Mutex<Option<Doing>>>,
}

#[derive(Debug)]
struct Doing {
    what: String,
    since: Instant,
}

/// The right to act on a volume.
#[derive(Debug)]
pub struct Held {
    doing: Arc<Mutex<Option<Doing>>>,
    before: Instant,
    turn: OwnedMutexGuard<Instant>,
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            turn: Arc::new(tokio::sync::Mutex::new(Instant::now())),
            doing: Arc::default(),
        }
    }
}

impl Locks {
    /// Waits for that right.
    pub async fn lock(&self, name: &str) -> Held {
        let Lock { turn, doing } = self.of(name);
        let turn = turn.lock_owned().await;
        Held {
            doing,
            before: *turn,
            turn,
        }
    }

    /// What is being done to a volume just now, and for how long; in words.
    pub fn doing(&self, name: &str) -> Option<String> {
        let lock = self.of(name);
        let doing = locked(&lock.doing);
        let doing = doing.as_ref()?;
        let seconds = doing.since.elapsed().as_secs();
        Some(format!("{} for {seconds} s", doing.what))
    }

    fn of(&self, name: &str) -> Lock {
        let mut locks = locked(&self.0);
        locks.entry(name.to_owned()).or_default().clone()
    }
}

impl Held {
    /// Since when nobody else had it: what was learnt of the volume later is not changed by anybody here.
    pub fn unchanged_since(&self) -> Instant {
        self.before
    }

    /// Tells what is done next.
    pub fn says(&self, what: String) {
        let since = Instant::now();
        *locked(&self.doing) = Some(Doing { what, since });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *locked(&self.doing) = None;
        *self.turn = Instant::now();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn who_waits_can_tell_for_what() {
        let locks = Locks::default();
        let held = locks.lock("web").await;
        assert_eq!(locks.doing("web"), None);
        held.says("checking its file system".into());
        assert!(timeout(SHORT, locks.lock("web")).await.is_err());
        let doing = locks.doing("web");
        assert_eq!(doing.as_deref(), Some("checking its file system for 0 s"));
        assert!(timeout(SHORT, locks.lock("db")).await.is_ok());
        let dropped = Instant::now();
        assert!(held.unchanged_since() < dropped);
        drop(held);
        let next = locks.lock("web").await;
        assert_eq!(locks.doing("web"), None);
        assert!(next.unchanged_since() >= dropped);
    }
}
