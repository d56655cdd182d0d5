//! What the page gets: the last good data, and whether the way to the swarm works now.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{Instant, Snapshot};

/// Everything the page knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct State {
    /// The way to the swarm.
    pub link: Link,
    /// What the swarm held when it was last seen.
    #[serde(serialize_with = "shared")]
    pub snapshot: Option<Arc<Snapshot>>,
}

impl State {
    /// Before anything is known.
    pub fn connecting(now: Instant) -> Self {
        Self {
            link: Link::Connecting { since: now },
            snapshot: None,
        }
    }
}

fn shared<S: Serializer>(snapshot: &Option<Arc<Snapshot>>, to: S) -> Result<S::Ok, S::Error> {
    snapshot.as_deref().serialize(to)
}

/// The way to the swarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Link {
    /// First attempt.
    Connecting {
        /// When it began.
        since: Instant,
    },
    /// The data is of now.
    Live,
    /// It does not work; the data is old.
    Broken {
        /// Since when.
        since: Instant,
        /// A short sentence.
        title: String,
        /// What was tried and how it failed.
        detail: String,
        /// What to do next.
        next: String,
    },
}
