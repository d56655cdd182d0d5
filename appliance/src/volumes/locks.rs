//! One at a time acts on a volume of this host, and tells those who wait what it is doing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// The locks of all volumes.
#[derive(Debug, Default)]
pub struct Locks(Mutex<BTreeMap<String, Lock>>);

#[derive(Debug, Clone, Default)]
struct Lock {
    turn: Arc<tokio::sync::Mutex<()>>,
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
    _turn: OwnedMutexGuard<()>,
}

impl Locks {
    /// Waits for that right.
    pub async fn lock(&self, name: &str) -> Held {
        let Lock { turn, doing } = self.of(name);
        Held {
            _turn: turn.lock_owned().await,
            doing,
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
    /// Tells what is done next.
    pub fn says(&self, what: String) {
        let since = Instant::now();
        *locked(&self.doing) = Some(Doing { what, since });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *locked(&self.doing) = None;
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
        drop(held);
        let _next = locks.lock("web").await;
        assert_eq!(locks.doing("web"), None);
    }
}
