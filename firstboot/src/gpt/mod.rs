//! The GUID partition table (UEFI 2.10, chapter 5), read, changed and written.
//!
//! Not the `gpt` crate: what matters here is which sector is written when and flushed before
//! which, and that a test can cut the power between any two of them. [`write()`] has the order.

mod codec;
mod read;
mod write;

pub use read::{Found, GptError, former, read};
pub use write::write;

use crate::guid::Guid;

/// Entries in the table; the specification asks for room for at least 128.
pub const ENTRIES: usize = 128;
/// Bytes of an entry.
const ENTRY_BYTES: usize = 128;
/// Sectors of the entry array.
pub const ARRAY_SECTORS: u64 = (ENTRIES * ENTRY_BYTES) as u64 / hive_inventory::disk::SECTOR;
/// Sectors at the start of the disk that belong to the table: protective MBR, header, array.
pub const HEAD_SECTORS: u64 = 2 + ARRAY_SECTORS;
/// Sectors at the end of the disk that belong to the table: array, header.
pub const TAIL_SECTORS: u64 = 1 + ARRAY_SECTORS;

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Number as the kernel counts, from 1.
    pub number: u32,
    /// What it is for.
    pub kind: Guid,
    /// Its own identity, the PARTUUID.
    pub guid: Guid,
    /// First sector.
    pub first: u64,
    /// Last sector, inclusive.
    pub last: u64,
    /// Attribute bits.
    pub attributes: u64,
    /// Name, at most 36 UTF-16 units.
    pub name: String,
}

impl Partition {
    /// Number of sectors.
    pub fn sectors(&self) -> u64 {
        self.last - self.first + 1
    }

    /// Offset in bytes.
    pub fn offset(&self) -> u64 {
        self.first * hive_inventory::disk::SECTOR
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.sectors() * hive_inventory::disk::SECTOR
    }
}

/// A partition table, without the places of its two copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The disk's identity.
    pub disk: Guid,
    /// First sector that partitions may use.
    pub first_usable: u64,
    /// Last sector that partitions may use.
    pub last_usable: u64,
    /// Sector of the second copy's header.
    pub backup_at: u64,
    /// The partitions, in the order of their numbers.
    pub partitions: Vec<Partition>,
}

impl Table {
    /// The first partition with that name.
    pub fn named(&self, name: &str) -> Option<&Partition> {
        self.partitions.iter().find(|p| p.name == name)
    }

    /// The first partition with that identity.
    pub fn with_guid(&self, guid: Guid) -> Option<&Partition> {
        self.partitions.iter().find(|p| p.guid == guid)
    }
}
