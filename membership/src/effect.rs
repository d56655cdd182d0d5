//! What a hive wants done.

use std::collections::BTreeMap;

use hive_inventory::seed::KnownSwarm;

use crate::message::Message;
use crate::record::Record;

/// To be carried out in order. If one fails (or the machine dies) those behind it are dropped: a
/// record that could not be written is followed by nothing that relies on it. After a record that
/// could not be written the member is dropped too and made anew from what the disk has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Write the record so that it survives a power cut, then go on.
    Store(Record),
    /// Send a message; nobody waits for it.
    Send {
        /// Full name of the receiver.
        to: String,
        /// The message.
        message: Message,
    },
    /// Start a change at Docker; its end comes back as [`Event::Done`](crate::event::Event::Done).
    Act(Action),
    /// The record could not be trusted or two swarms were seen: tell a person.
    Tell(String),
}

/// A change at Docker.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Make a swarm of this node alone.
    Init,
    /// Join a swarm as a worker.
    Join {
        /// Which swarm.
        known: KnownSwarm,
        /// Docker's token for workers.
        token: String,
        /// Full names of managers to join through.
        managers: Vec<String>,
    },
    /// Leave the swarm, by force.
    Leave,
    /// Make of this manager's state a swarm with this node as its only manager (`force-new-cluster`).
    ForceNewCluster,
    /// Make a worker a manager.
    Promote(String),
    /// Make a manager a worker.
    Demote(String),
    /// Remove an entry that is down from the list of nodes, by force.
    Remove(String),
    /// Set and unset labels of an entry; `None` unsets.
    Label {
        /// Docker's id of the node.
        node: String,
        /// What is to change.
        labels: BTreeMap<String, Option<String>>,
    },
}

impl std::fmt::Debug for Action {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Init => f.write_str("Init"),
            Self::Join {
                known, managers, ..
            } => {
                write!(
                    f,
                    "Join {{ {} epoch {}, through {managers:?} }}",
                    known.cluster, known.epoch
                )
            }
            Self::Leave => f.write_str("Leave"),
            Self::ForceNewCluster => f.write_str("ForceNewCluster"),
            Self::Promote(node) => write!(f, "Promote({node})"),
            Self::Demote(node) => write!(f, "Demote({node})"),
            Self::Remove(node) => write!(f, "Remove({node})"),
            Self::Label { node, labels } => write!(f, "Label({node}, {labels:?})"),
        }
    }
}
