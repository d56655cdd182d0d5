//! Where the watcher writes and the pages read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, watch};

use super::look::Trouble;
use crate::snapshot::{Instant, Link, Snapshot, State};

/// The state as last seen, and who wants to know.
#[derive(Debug)]
pub struct Board {
    state: watch::Sender<State>,
    arrivals: Notify,
    looks: AtomicU64,
}

/// Milliseconds since 1970.
pub fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as Instant)
}

impl Default for Board {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::connecting(now())),
            arrivals: Notify::new(),
            looks: AtomicU64::new(0),
        }
    }
}

impl Board {
    /// The swarm was seen.
    pub fn seen(&self, snapshot: Snapshot) {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.state.send_replace(State {
            link: Link::Live,
            snapshot: Some(Arc::new(snapshot)),
        });
    }

    /// The swarm could not be seen: a short sentence, how it failed, what to do next. What was seen before stays.
    pub fn lost(&self, title: &str, detail: &str, next: &str) {
        self.state.send_modify(|state| {
            let since = match &state.link {
                Link::Broken { since, .. } => *since,
                Link::Connecting { .. } | Link::Live => now(),
            };
            state.link = Link::Broken {
                since,
                title: title.to_owned(),
                detail: detail.to_owned(),
                next: next.to_owned(),
            };
        });
    }

    pub(super) fn broken(&self, trouble: &Trouble) {
        self.lost(&trouble.title, &trouble.detail, &trouble.next);
    }

    /// What is known now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// What is known now, and all that follows.
    pub fn subscribe(&self) -> watch::Receiver<State> {
        let receiver = self.state.subscribe();
        self.arrivals.notify_one();
        receiver
    }

    /// Whether somebody sees the page.
    pub(super) fn watched(&self) -> bool {
        self.state.receiver_count() > 0
    }

    /// How often the swarm was seen.
    pub(super) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Waits for the next page that is opened.
    pub(super) async fn somebody_came(&self) {
        self.arrivals.notified().await;
    }
}
