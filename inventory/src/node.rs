//! What a machine reports: how it booted, and how it is.

use serde::{Deserialize, Serialize};

use crate::image::BakedImage;

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
}

/// The version of the documents in this module.
pub const NODE_VERSION: u32 = 1;
