//! How a hive is, for people.

use std::time::Duration;

use hive_inventory::node::SwarmRole;
use hive_inventory::seed::KnownSwarm;

/// What a hive tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is in the swarm.
    pub role: SwarmRole,
    /// Docker's id of this node.
    pub node: Option<String>,
    /// The swarm that it is in, or knows to be the site's.
    pub known: Option<KnownSwarm>,
    /// Whether this manager has a majority of the managers; `None` for others.
    pub quorum: Option<bool>,
    /// Managers of the swarm, those out of reach included; `None`: it can't know.
    pub managers: Option<u32>,
    /// Managers in reach.
    pub managers_reachable: Option<u32>,
    /// What is missing, a sentence each with cause and next step. Empty: it is where it should be.
    pub waiting_for: Vec<String>,
    /// What a person should know all the same.
    pub notices: Vec<String>,
    /// The other hives, in the order of the inventory.
    pub peers: Vec<PeerView>,
}

/// Another hive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerView {
    /// Full name.
    pub host: String,
    /// Whether it was heard lately.
    pub heard: bool,
    /// When it was heard last, on the clock of `Member::handle`;
    /// `None`: never since this start.
    pub last_heard: Option<Duration>,
    /// What it said that it is.
    pub role: Option<SwarmRole>,
    /// Why it is not understood: another list of hives, another swarm.
    pub trouble: Option<String>,
}
