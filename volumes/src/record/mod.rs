//! What the swarm's Raft knows of a volume: what never changes, and what does.
//!
//! Docker's configs are the only documents in Raft that are free to use. The data of a config can't
//! be changed, its labels can, with a version that makes each change a compare-and-swap. So the
//! [`Identity`] is the data and the [`State`] a label; [`document`] has the format.

pub mod document;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::file_system::FileSystem;
use crate::lease::Lease;
use crate::name::VolumeName;

/// How copies are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Module {
    /// DRBD 9: all hives see each other, and a majority of them decides.
    Drbd9,
    /// DRBD 8.4 of Debian's kernel: two copies on two hives, and Raft decides.
    Drbd84,
}

/// What never changes in the life of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Version of this document, [`document::RECORD_VERSION`].
    pub version: u32,
    /// Name of the docker volume, the resource and the logical volume.
    pub name: VolumeName,
    /// Told apart from an earlier volume of the same name by this, 16 hex digits made at random.
    /// Logical volumes carry it as a tag.
    pub birthmark: String,
    /// Minor number of `/dev/drbdN`, 1 to 255; the TCP port is 7000 above it.
    pub id: u8,
    /// What it is formatted with.
    pub file_system: FileSystem,
    /// LVM's volume group.
    pub group: String,
    /// The thin pool in it.
    pub pool: String,
    /// How copies are kept.
    pub module: Module,
    /// For how many peers the meta data has room.
    pub peers: u8,
    /// Name of the config that holds the secret by which hosts know each other.
    pub secret: String,
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// One more with each change, so that no two states are alike and no change is without effect.
    pub turn: u64,
    /// Bytes of the device; never less than before.
    pub size: u64,
    /// What a device without quorum does with reads and writes.
    pub on_no_quorum: OnNoQuorum,
    /// Every host that ever had a part, by its short name.
    pub hosts: BTreeMap<String, Part>,
    /// Whether it has content already.
    pub birth: Birth,
    /// Who may write, with [`Module::Drbd84`] only.
    pub lease: Lease,
    /// It is being removed; hosts that have nothing of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<BTreeSet<String>>,
}

/// What happens to reads and writes on the side that lost the majority (drbd.conf(5), DRBD 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnNoQuorum {
    /// They fail.
    #[default]
    IoError,
    /// They wait.
    SuspendIo,
}

/// A host's part in a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// DRBD's number of the host, 0 to 15. Meta data on all hosts refer to it, so it is never given
    /// to another host while the volume lives.
    pub node_id: u8,
    /// What it keeps.
    pub kind: PartKind,
}

/// What a host keeps of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// A copy.
    Copy,
    /// No copy; it can use the volume over the network, and counts for the majority.
    Diskless,
    /// It was removed from the site; its number is not given to others.
    Gone,
}

/// How far a volume was born. A step is never taken back, so a volume is formatted once in its life,
/// whoever is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Birth {
    /// No copy has a generation yet.
    Unborn,
    /// This host gives all copies their first generation.
    Minting(String),
    /// The copies are the same, and empty.
    Minted,
    /// This host makes the file system.
    Formatting(String),
    /// It can be used, and is never formatted again.
    Formatted,
}

/// A volume, with the version at which it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What never changes.
    pub identity: Identity,
    /// What does.
    pub state: State,
    /// Docker's id of the config.
    pub config: String,
    /// Docker's version of the config: a change names it, and is refused when there is a newer one.
    pub version: u64,
}

impl State {
    /// Hosts with a part, without those that are gone.
    pub fn present(&self) -> impl Iterator<Item = (&str, Part)> {
        let hosts = self.hosts.iter();
        hosts
            .filter(|(_, part)| part.kind != PartKind::Gone)
            .map(|(host, part)| (host.as_str(), *part))
    }

    /// Hosts that keep a copy.
    pub fn copies(&self) -> impl Iterator<Item = &str> {
        self.present()
            .filter(|(_, part)| part.kind == PartKind::Copy)
            .map(|(host, _)| host)
    }

    /// The part of a host, if it has one.
    pub fn part(&self, host: &str) -> Option<Part> {
        self.hosts
            .get(host)
            .copied()
            .filter(|part| part.kind != PartKind::Gone)
    }

    /// The lowest number that no host ever had.
    pub fn free_node_id(&self) -> Option<u8> {
        let taken: BTreeSet<u8> = self.hosts.values().map(|part| part.node_id).collect();
        (0..=HIGHEST_NODE_ID).find(|id| !taken.contains(id))
    }

    /// The state after a change, ready to be written.
    pub fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next.turn = self.turn + 1;
        next
    }
}

/// The highest node id of DRBD 9 (drbd.conf(5)).
pub const HIGHEST_NODE_ID: u8 = 15;

impl Identity {
    /// TCP port of the resource.
    pub fn port(&self) -> u16 {
        7000 + u16::from(self.id)
    }

    /// The device that is mounted.
    pub fn device(&self) -> String {
        format!("/dev/drbd{}", self.id)
    }

    /// The logical volume below it.
    pub fn backing(&self) -> String {
        format!("/dev/{}/{}", self.group, self.name)
    }

    /// Bytes of the logical volume below a device of `size` bytes.
    pub fn backing_size(&self, size: u64) -> u64 {
        crate::room::below(size, self.peers)
    }

    /// Bytes that DRBD keeps notes in, behind a device of `size` bytes, at the most.
    pub fn notes(&self, size: u64) -> u64 {
        self.backing_size(size) - size
    }

    /// LVM's tag on it.
    pub fn tag(&self) -> String {
        format!("hive.volume.{}", self.birthmark)
    }
}
