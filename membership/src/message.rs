//! What hives say to each other. Every message goes one way, over a connection on which both sides
//! have proved their names; it may get lost, come twice, or late.

use std::collections::BTreeSet;
use std::time::Duration;

use hive_inventory::node::SwarmRole;
use hive_inventory::seed::KnownSwarm;
use serde::{Deserialize, Serialize};

use crate::record::Decision;

/// No message is handled that is older. It is the protocol's second assumption about time (the first is at
/// [`member`](crate::member)): nobody flashes a machine and has it running again within it. So what
/// a hive hears of a swarm was on a disk when the machine whose turn it may be now was flashed last:
/// a word that comes late can't bring back a swarm of which no disk is left. A person who founds without
/// a hive of which the disk was flashed or taken out does so no sooner either.
///
/// Whoever drives a [`Member`](crate::Member) has to keep it. A message carries no time, since clocks
/// of machines that have just been flashed can't be trusted: hived bounds how long a connection lives
/// and how long a message waits.
pub const MESSAGE_AGE: Duration = Duration::from_secs(20);

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Message {
    /// How the sender is; goes to everybody every now and then.
    Hello(Hello),
    /// The sender wants to found, and asks for a durable grant.
    AskGrant {
        /// Of this try; an answer to another one does not count.
        nonce: u64,
        /// Hives that it founds without, as a person said: the decision is in its Hello.
        without: BTreeSet<String>,
    },
    /// The sender grants the founding to the receiver, has it on disk, and was never in the site's swarm.
    Grant {
        /// Of the question.
        nonce: u64,
    },
    /// It does not.
    Refuse {
        /// Of the question.
        nonce: u64,
        /// Why.
        why: Refusal,
    },
    /// The sender has granted the founding to the receiver, thinks that it is another hive's turn,
    /// and asks to be let off.
    AskRelease {
        /// Of this try.
        nonce: u64,
    },
    /// The sender is in no swarm, makes none, and uses no grant that it was given before this.
    Release {
        /// Of the question.
        nonce: u64,
    },
    /// The sender wants to join.
    AskToken {
        /// Of this try.
        nonce: u64,
    },
    /// What the receiver needs to join.
    Token {
        /// Of the question.
        nonce: u64,
        /// The swarm.
        known: KnownSwarm,
        /// Docker's token for workers.
        token: String,
        /// Names of managers in reach, which the receiver may join through.
        managers: Vec<String>,
    },
    /// The sender is a manager with quorum, and the receiver's node is not in the swarm's list.
    Unlisted {
        /// The node that the receiver said it is.
        node: String,
        /// The swarm.
        known: KnownSwarm,
    },
}

/// How a hive is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hello {
    /// What it is in the swarm.
    pub role: SwarmRole,
    /// The swarm it knows, from its disk or its seed.
    pub known: Option<KnownSwarm>,
    /// Docker's id of the node that it is now.
    pub node: Option<String>,
    /// Whether it is a manager with quorum: it can give out tokens.
    pub quorum: bool,
    /// Whom it granted the founding to.
    pub granted: Option<String>,
    /// A person's decision to found without some hives.
    pub decision: Option<Decision>,
    /// Number of its disk.
    pub disk: u64,
    /// The hives of its seed, in order: only those who agree on them found together.
    pub hives: Vec<String>,
    /// Whether it wants an answer at once (it has just started).
    pub answer: bool,
}

/// Why a hive does not grant the founding.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Refusal {
    /// It knows the site's swarm.
    Known {
        /// That one.
        known: KnownSwarm,
    },
    /// It has granted it to another hive.
    Granted {
        /// That one.
        to: String,
    },
    /// Its seed names other hives.
    OtherHives {
        /// Those.
        hives: Vec<String>,
    },
    /// It does not know of the decision to found without some hive, or thinks another hive's turn comes first.
    NotItsTurn,
    /// Its own engine does not tell what it is in, or it has not heard the asking hive's Hello yet.
    Unsure,
}
