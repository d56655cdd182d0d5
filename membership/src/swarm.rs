//! What Docker says of the swarm.

use std::collections::BTreeMap;

/// This node in the swarm, as its own Docker Engine sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Local {
    /// The engine does not answer, or starts. Nothing can be said or done.
    Unknown,
    /// In no swarm.
    Inactive,
    /// Joining or starting; wait.
    Pending,
    /// In a swarm as a worker. A worker can't tell which swarm it is.
    Worker {
        /// Docker's id of this node.
        node: String,
    },
    /// In a swarm as a manager.
    Manager {
        /// Docker's id of this node.
        node: String,
        /// Docker's id of the swarm. Known while there is no quorum too if the engine was asked before.
        cluster: Option<String>,
        /// What the managers agree on; `None`: there is no majority of them.
        quorum: Option<Quorum>,
    },
    /// The engine has the state of a swarm and can't use it (locked, certificate gone, removed).
    Broken {
        /// The engine's words.
        why: String,
    },
}

/// What a manager with quorum knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quorum {
    /// Whether this node leads: only the leader's hived changes roles, entries and labels.
    pub leader: bool,
    /// Token with which workers join. Never stored, never logged.
    pub worker_token: String,
    /// All entries, sorted by id.
    pub nodes: Vec<Node>,
}

/// An entry in the swarm's list of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// Docker's id.
    pub id: String,
    /// Host name as the engine there gave it: the first label of the hive's name.
    pub host: String,
    /// Whether it is a manager by its spec.
    pub manager: bool,
    /// Manager: whether the others reach it.
    pub reachable: bool,
    /// Whether its agent answers (`Ready`).
    pub ready: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Local {
    /// Docker's id of this node, if it is in a swarm.
    pub fn node(&self) -> Option<&String> {
        match self {
            Self::Worker { node } | Self::Manager { node, .. } => Some(node),
            _ => None,
        }
    }
}
