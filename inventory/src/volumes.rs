//! What `hived` reports of mirrored volumes: what this host has of each, and what keeps it from more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the document.
pub const VOLUMES_VERSION: u32 = 1;

/// Mirrored volumes as one host sees them, told with the node's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumesReport {
    /// Version of this document, [`VOLUMES_VERSION`].
    pub version: u32,
    /// The thin pool; `None` on a host without a disk for mirrored volumes.
    #[serde(default)]
    pub pool: Option<PoolReport>,
    /// By name.
    pub volumes: BTreeMap<String, VolumeReport>,
    /// What is wrong with all of them, a sentence each: no majority of managers, records that do not read.
    #[serde(default)]
    pub faults: Vec<String>,
}

/// A thin pool. It takes no more writes when either share is full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolReport {
    /// LVM's volume group.
    pub group: String,
    /// The pool in it.
    pub pool: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// How much of it is used, in hundredths of a percent.
    pub used: u32,
    /// How much of its own notes (metadata) is used, in hundredths of a percent.
    pub notes_used: u32,
}

/// A volume on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeReport {
    /// The state of the record that this was made of: compare it with what was written.
    pub turn: u64,
    /// The record's birthmark, which tells a volume from an earlier one of its name.
    pub birthmark: String,
    /// Bytes, as the record has it.
    pub size: u64,
    /// Minor number of `/dev/drbdN`.
    pub minor: u8,
    /// `xfs` or `ext4`.
    pub file_system: String,
    /// `copy`, `diskless`, or `none` where this host has no part.
    pub part: String,
    /// Everything here is as the record wants it.
    pub settled: bool,
    /// The volume is being removed.
    #[serde(default)]
    pub removing: bool,
    /// What is being done, or waited for, in words.
    #[serde(default)]
    pub waiting_for: Option<String>,
    /// What needs a person, in words, with the next step.
    #[serde(default)]
    pub trouble: Option<String>,
    /// The resource, if it is up.
    #[serde(default)]
    pub resource: Option<ResourceReport>,
    /// The mounted file system, if it is mounted here.
    #[serde(default)]
    pub mounted: Option<FileSystemReport>,
    /// Containers that use it here.
    #[serde(default)]
    pub users: usize,
}

/// A DRBD resource as its host sees it; words are DRBD's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceReport {
    /// In use here.
    pub primary: bool,
    /// This host's copy: `UpToDate`, `Diskless`, …
    pub disk: String,
    /// All I/O waits.
    pub suspended: bool,
    /// With the majority.
    pub quorum: bool,
    /// The other hosts, by short name.
    pub peers: BTreeMap<String, VolumePeerReport>,
}

/// Another host, as DRBD sees it from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePeerReport {
    /// `Connected`, `Trying`, `StandAlone`, `Agreeing`, `SyncSource`, `SyncTarget`, `Verifying`.
    pub connection: String,
    /// In use there.
    pub primary: bool,
    /// The copy there.
    pub disk: String,
    /// Bytes that differ, as far as is known.
    pub out_of_sync: u64,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystemReport {
    /// Bytes that it has room for.
    pub bytes: u64,
    /// Bytes that are used.
    pub used: u64,
}
