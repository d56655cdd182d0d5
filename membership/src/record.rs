//! What a hive must never forget.

use std::collections::BTreeSet;

use hive_inventory::seed::KnownSwarm;
use serde::{Deserialize, Serialize};

/// The version of [`Record`] that this release writes and reads.
pub const RECORD_VERSION: u32 = 1;

/// The hive's durable part. A blank disk has the default one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`RECORD_VERSION`]; 0 for one that was never written.
    pub version: u32,
    /// The site's swarm as far as this disk knows: written before it is joined, and as soon as a peer
    /// tells of it. From then on this hive neither founds nor grants.
    pub known: Option<KnownSwarm>,
    /// Docker's id of this node, once it was in the swarm. With it, and with Docker in no swarm, a
    /// person has taken this node out.
    pub joined: Option<String>,
    /// The hive that it granted the founding to. Granted once, repeated to the same hive only.
    pub granted: Option<String>,
    /// Hives that a person said to found without.
    pub without: BTreeSet<String>,
    /// The epoch of the swarm that this hive is about to make: 0 when it founds, more when a person
    /// told it to recover. Written before Docker is touched, so that the swarm is known for this
    /// hive's own after a crash in between.
    #[serde(default)]
    pub founding: Option<u64>,
    /// Docker's id of this node in a swarm that is not the site's any more: to be left.
    #[serde(default)]
    pub leave: Option<String>,
}
