//! What a machine reports: how it booted, and how it is.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::follow::FollowReport;
use crate::image::BakedImage;
use crate::seed::KnownSwarm;
use crate::volumes::VolumesReport;

/// What `hive-init` found and did, before the real root took over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootReport {
    /// Version of this document, [`NODE_VERSION`].
    pub version: u32,
    /// What the initrd says was baked.
    pub image: BakedImage,
    /// The disk that the machine runs from, `/dev/vda`.
    pub disk: String,
    /// The slot that the machine runs from, `root-a` or `root-b`.
    pub slot: String,
    /// Where the seed came from, or `None`: the machine has no identity yet.
    pub seed_source: Option<String>,
    /// Why the machine started without an identity although seeds were found: tampered with, of
    /// another version or site, for another machine, contradicting each other. With the next step.
    #[serde(default)]
    pub seed_fault: Option<String>,
    /// Whether this boot made the second slot and the state partition.
    pub first_boot: bool,
    /// What a person should know, a sentence each.
    pub notices: Vec<String>,
}

/// How a node is, written by `hived` and printed by `hive status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Version of this document, [`NODE_VERSION`].
    pub version: u32,
    /// The host's name, as the kernel has it.
    pub host: String,
    /// Whether the machine does what it is for; if not, `waiting_for` says why.
    pub ready: bool,
    /// What is missing, a sentence each, with the cause.
    pub waiting_for: Vec<String>,
    /// How it booted.
    pub boot: Option<BootReport>,
    /// Whether the root file system is a dm-verity device, mounted read-only.
    pub root_verified: bool,
    /// Docker Engine's version when it answers.
    pub docker: Option<String>,
    /// Version of the loaded DRBD module.
    pub drbd: Option<String>,
    /// Seconds from power-on (kernel start) to the first moment `ready` was true.
    pub ready_after_seconds: Option<f64>,
    /// What the node is in the site's swarm; `None` without a seed, or for a host outside the swarm.
    #[serde(default)]
    pub swarm: Option<SwarmStatus>,
    /// The other hives of the stage, as this node hears them.
    #[serde(default)]
    pub peers: Vec<PeerStatus>,
    /// What a person should know though the node may be ready, a sentence each: machines of another
    /// site on the network, a swarm with an even number of managers, an entry with a stranger's name.
    #[serde(default)]
    pub notices: Vec<String>,
    /// Virtual IPs and marks; `None` where `follow-swarm-service` has not told anything yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<FollowReport>,
    /// Mirrored volumes; `None` until `hived` has looked, and on hosts outside the swarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<VolumesReport>,
}

/// A node's place in the site's swarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwarmStatus {
    /// `blank`, `founding`, `joining`, `worker`, `manager`, `removed` or `lost`.
    pub role: SwarmRole,
    /// Docker's id of this node.
    pub node: Option<String>,
    /// The swarm that the node is in, or knows to be the site's.
    pub known: Option<KnownSwarm>,
    /// Whether this manager has a majority of the managers; `None` for others.
    pub quorum: Option<bool>,
    /// Managers of the swarm, those that are out of reach included; `None` when this node can't know.
    pub managers: Option<u32>,
    /// Managers in reach.
    pub managers_reachable: Option<u32>,
}

/// What a node is in the site's swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SwarmRole {
    /// In none, and knows of none.
    Blank,
    /// It makes the swarm.
    Founding,
    /// It knows the swarm and is not in it yet.
    Joining,
    /// In it, as a worker.
    Worker,
    /// In it, as a manager.
    Manager,
    /// A person removed it from the swarm; it stays out until told otherwise.
    Removed,
    /// It is a manager of a swarm that lost the majority of its managers.
    Lost,
}

/// Another hive, as this node hears it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Full name.
    pub host: String,
    /// Private address.
    pub address: IpAddr,
    /// Whether it was heard lately.
    pub heard: bool,
    /// When it was heard last, RFC 3339 in UTC; `None`: never since this node's daemon started.
    pub last_heard: Option<String>,
    /// What it said that it is.
    pub role: Option<SwarmRole>,
    /// Why it is not understood: another site's certificate, another list of hosts.
    pub trouble: Option<String>,
}

/// What became of the disk for mirrored volumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskReport {
    /// Version of this document, [`NODE_VERSION`].
    pub version: u32,
    /// The device that carries the volume group, `/dev/vdb1`.
    pub device: Option<String>,
    /// Why there is none though the seed wants one, with a table of the disks; shown until it is mended.
    pub waiting_for: Option<String>,
}

/// The version of the documents in this module.
pub const NODE_VERSION: u32 = 2;

/// How often `hived status --follow` says again what has not changed: silence for much longer is no good sign.
pub const STATUS_REPEATED: Duration = Duration::from_secs(5);
