//! What a hive must never forget.

use std::collections::{BTreeMap, BTreeSet};

use hive_inventory::seed::KnownSwarm;
use serde::{Deserialize, Serialize};

/// The version of [`Record`] that this release writes and reads.
pub const RECORD_VERSION: u32 = 1;

/// A person's word that hives are silent because they never were in the site's swarm, nor will be with
/// the disks that they have. It is good for one founding: it holds as long as none of
/// them is heard and all others have the disks that they had when it was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Full names of those to found without.
    pub without: BTreeSet<String>,
    /// All others, each with the number of its disk ([`Record::disk`]).
    pub disks: BTreeMap<String, u64>,
}

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
    /// A person's decision to found without some hives.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// Random number of this disk, from the first start on it; a flashed disk gets another one. 0: none yet.
    #[serde(default)]
    pub disk: u64,
    /// The epoch of the swarm that this hive is about to make: 0 when it founds, more when a person
    /// told it to recover. Written before Docker is touched, so that the swarm is known for this
    /// hive's own after a crash in between.
    #[serde(default)]
    pub founding: Option<u64>,
    /// Docker's id of this node in a swarm that is not the site's any more: to be left.
    #[serde(default)]
    pub leave: Option<String>,
}
