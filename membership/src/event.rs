//! What a hive is told.

use crate::effect::Action;
use crate::message::Message;
use crate::swarm::Local;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// Time passed: about every second.
    Tick,
    /// A peer's message came; its name is proved.
    Heard {
        /// Full name.
        from: String,
        /// The message.
        message: Message,
    },
    /// What Docker says now; about every two seconds, and after each action. Never an answer that is
    /// older than the last [`Event::Done`].
    Swarm(Local),
    /// An action was carried out, or failed. At most one action is under way at a time.
    Done {
        /// Which one.
        action: Action,
        /// `Err` with Docker's words.
        result: Result<(), String>,
    },
}

/// A person's decision, confirmed at the command; handed in with
/// `Member::order`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Order {
    /// Found the swarm though these hives are silent: they have never been in it and never will be
    /// again with the disks they have.
    FoundWithout {
        /// Full names.
        hives: Vec<String>,
        /// Also if a hive that takes part has granted the founding to one of them, which may
        /// therefore have founded already.
        even_if_granted: bool,
    },
    /// Make this hive the site's swarm: of a manager without a majority the only manager; of a hive
    /// that knows a swarm of which no manager lives, the founder of a new one. Everything else that
    /// was the site's swarm gives way.
    Recover,
    /// Let this hive into the swarm again though a person took it out.
    Rejoin,
}

/// Why a decision is not carried out. The text names the way out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderError {
    /// Why, and the way out.
    pub why: String,
    /// Whether it passes by itself: Docker does not tell just now, or the managers choose a leader.
    pub passing: bool,
}

impl std::fmt::Display for OrderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for OrderError {}
