//! The GUID partition table (UEFI 2.10, chapter 5), as far as one partition is added to it.
//!
//! Pure: it works on the first and last bytes of a disk and gives the sectors to write. [`state`]
//! tells what is there, work of ours that a power cut left half done included; [`target`] makes the
//! table with our partition in it, in which every other byte is what it was.

mod codec;
pub mod state;
pub mod target;

use crate::guid::{self, Guid};

/// Bytes that are looked at on either end of a disk. Tables lie there, and so do the signatures of
/// most things, also those of a partition that once began at the first MiB.
pub const EDGE: usize = 2 << 20;
/// Disks below this size are not looked at: their ends would touch, and they are of no use.
pub const MINIMUM: u64 = 64 << 20;
/// Name of the partition that hive makes.
pub const NAME: &str = "hive-mirrored";
/// Partitions begin and end at multiples of it.
const ALIGNMENT: u64 = 1 << 20;

/// Both ends of a disk.
#[derive(Debug, Clone)]
pub struct Edges {
    /// Bytes of a logical sector.
    pub sector: u64,
    /// Sectors of the disk.
    pub sectors: u64,
    /// The first [`EDGE`] bytes.
    pub head: Vec<u8>,
    /// The last [`EDGE`] bytes.
    pub tail: Vec<u8>,
}

impl Edges {
    /// `count` sectors from `lba`, when they lie within one of the ends.
    fn get(&self, lba: u64, count: u64) -> Option<&[u8]> {
        let start = lba.checked_mul(self.sector)?;
        let length = count.checked_mul(self.sector)?;
        let tail = (self.sectors * self.sector).checked_sub(self.tail.len() as u64)?;
        let (bytes, start) = if start >= tail {
            (&self.tail, start - tail)
        } else {
            (&self.head, start)
        };
        let start = usize::try_from(start).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }

    /// Whether both ends hold nothing but zeros.
    pub fn are_zero(&self) -> bool {
        is_zero(&self.head) && is_zero(&self.tail)
    }

    /// The numbers of all sectors of both ends.
    fn lbas(&self) -> impl Iterator<Item = u64> + use<> {
        let (head, tail) = (self.head.len() as u64, self.tail.len() as u64);
        let (sector, sectors) = (self.sector, self.sectors);
        (0..head / sector).chain(sectors - tail / sector..sectors)
    }
}

/// Whether all bytes are zero.
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| *b == 0)
}

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
    /// Its name.
    pub name: String,
}

impl Partition {
    /// Whether hive made it: type, name, and the GUID that hive derives from the disk's and from
    /// where the partition begins. No other tool arrives at that GUID.
    pub fn is_ours(&self, disk: Guid) -> bool {
        self.kind == guid::LVM && self.name == NAME && self.guid == own_guid(disk, self.first)
    }
}

fn own_guid(disk: Guid, first: u64) -> Guid {
    Guid::derived(&[NAME.as_bytes(), &disk.0, &first.to_le_bytes()])
}

/// A table, as one of its valid copies has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The disk's identity.
    pub disk: Guid,
    /// First sector that partitions may use.
    pub first_usable: u64,
    /// Last sector that partitions may use.
    pub last_usable: u64,
    /// The partitions in use, in the order of their numbers.
    pub partitions: Vec<Partition>,
    /// A header's sector, to be written again with another sum.
    header: Vec<u8>,
    /// The entries, in whole sectors.
    array: Vec<u8>,
    /// How many of them count.
    entries: u32,
    /// Where the copies are.
    places: Places,
}

/// Where the two copies of a table lie, as sector numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Places {
    head_array: u64,
    tail_array: u64,
    tail_header: u64,
}

impl Table {
    /// The partition that hive made, if there is one.
    pub fn ours(&self) -> Option<&Partition> {
        self.partitions.iter().find(|p| p.is_ours(self.disk))
    }
}
