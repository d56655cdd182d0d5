//! What was seen on a machine: its disks, what is on them, and the volume groups of LVM.
//!
//! Plain data without any I/O, so that every decision can be tried on a scan that was written down.

use serde::{Deserialize, Serialize};

/// Everything that a decision rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// The disks of the machine, those that are looked at first in front.
    pub disks: Vec<Disk>,
    /// The volume groups that LVM knows.
    pub groups: Vec<Group>,
    /// What the device that the seed names is; `None` when it names none.
    pub named: Option<Named>,
}

/// What a path of the seed leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Named {
    /// To nothing.
    Missing,
    /// To a whole disk of the scan, by its path there.
    Disk(String),
    /// To a partition of this disk.
    Partition(String),
    /// To something that takes no partition table, in words.
    Other(String),
}

/// A whole disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its path, `/dev/vdb`.
    pub path: String,
    /// A path that names the same disk at every start, below `/dev/disk/by-id`, if there is one.
    pub lasting_path: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// What its maker calls it.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Whether the machine runs from it.
    pub boot: bool,
    /// Whether it can't be written.
    pub read_only: bool,
    /// Whether it may be pulled out: removable, or at a USB port.
    pub removable: bool,
    /// What uses it as a whole or one of its partitions: device-mapper, RAID, and the like.
    pub holders: Vec<String>,
    /// Where it or one of its partitions is mounted, `[swap]` included.
    pub mounts: Vec<String>,
    /// Signatures that were found on the disk as a whole, such as `ext4`, `LVM2_member`, `dos`, `gpt`.
    pub signatures: Vec<String>,
    /// The volume group of LVM that it belongs to as a whole.
    pub group: Option<String>,
    /// What is on it.
    pub content: Content,
}

/// What is on a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// It could not be read, in words.
    Unreadable(String),
    /// It is too small to be looked at.
    TooSmall,
    /// Zeros on both ends.
    Zeros,
    /// Something, and no GUID partition table.
    Bytes,
    /// A GUID partition table that hive was writing when the power went.
    Begun,
    /// A whole GUID partition table.
    Table(TableView),
    /// A GUID partition table that is damaged or out of the ordinary, in words.
    Broken(String),
}

/// A partition table, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableView {
    /// The partitions that were there.
    pub partitions: Vec<Part>,
    /// What is behind the last of them.
    pub room: Room,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number.
    pub number: u32,
    /// Its size.
    pub bytes: u64,
    /// Its name in the table.
    pub name: String,
    /// Whether hive made it.
    pub ours: bool,
    /// Its device, once the kernel has it where the table has it.
    pub device: Device,
    /// Signatures on it.
    pub signatures: Vec<String>,
    /// What lies where a physical volume keeps its metadata; only looked at when it is ours.
    pub area: Option<Area>,
    /// What LVM says about it; `None`: it sees no physical volume there.
    pub physical: Option<Physical>,
}

/// What the kernel knows about a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// It has it, at this path.
    Path(String),
    /// It does not have it yet.
    Unknown,
    /// It has another one under the same number.
    Stale,
}

/// A physical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Physical {
    /// Its volume group; `None`: it is in none, or in one that can't be read.
    pub group: Option<String>,
    /// Whether LVM can't read what is on it.
    pub damaged: bool,
}

/// What lies where a physical volume keeps its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Area {
    /// It never was in a volume group.
    Unused,
    /// Nothing but the first metadata of a volume group that hive was making.
    First,
    /// Something else: it has had a life.
    Used,
}

/// What is behind the last partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Room {
    /// Room for a partition.
    Free {
        /// Where it begins.
        start: u64,
        /// How much it is.
        bytes: u64,
        /// Signatures that an earlier partition left there.
        remains: Vec<String>,
    },
    /// None, in words.
    None(String),
}

/// A volume group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// LVM's identity of it.
    pub uuid: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// How many of its physical volumes are not there.
    pub missing: u64,
    /// Bytes of an extent.
    pub extent: u64,
    /// Extents that belong to no volume.
    pub free: u64,
    /// The physical volumes that are there.
    pub physical: Vec<Carrier>,
    /// Its volumes, internal ones included.
    pub volumes: Vec<Volume>,
}

/// A physical volume of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    /// Its device.
    pub path: String,
    /// The disks below it.
    pub disks: Vec<String>,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name, without the brackets of internal ones.
    pub name: String,
    /// Its type: `thin-pool`, `thin`, `linear`.
    pub kind: String,
    /// Of a thin pool: what it gives to a volume is zeroed first.
    pub zeroes: bool,
}

impl Part {
    /// Its path, when the kernel has it.
    pub fn path(&self) -> Option<&str> {
        match &self.device {
            Device::Path(path) => Some(path),
            Device::Unknown | Device::Stale => None,
        }
    }
}
