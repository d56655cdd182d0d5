//! The table as it is to be, with our partition in it.

use std::collections::BTreeMap;

use super::{ALIGNMENT, Edges, MINIMUM, NAME, Partition, Places, Table, codec, own_guid};
use crate::guid::{self, Guid};

/// Sectors by number.
pub type Image = BTreeMap<u64, Vec<u8>>;

/// A table to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Every sector of both copies. Those of a table that was there before do not include sector 0.
    pub image: Image,
    /// Our partition in it.
    pub ours: Partition,
}

/// Why no partition can be added to a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// What follows the last partition is too little.
    #[error("behind its last partition there are only {} MiB free", .0 >> 20)]
    Bytes(u64),
    /// All entries are taken.
    #[error("its partition table has no free entry")]
    Entry,
}

/// The table for an empty disk, with our partition as the only one. `identity` makes its GUID.
///
/// # Errors
/// The disk is too small.
pub fn fresh(edges: &Edges, identity: &[&[u8]]) -> Result<Target, NoRoom> {
    const ENTRIES: u32 = 128;
    let array_sectors = codec::array_sectors(ENTRIES, edges.sector);
    let last = edges.sectors - 1;
    let usable = (2 + array_sectors, last - array_sectors - 1);
    let size = (edges.sectors * edges.sector).to_le_bytes();
    let words: Vec<&[u8]> = [NAME.as_bytes(), b"disk", &size]
        .into_iter()
        .chain(identity.iter().copied())
        .collect();
    let disk = Guid::derived(&words);
    let empty = Table {
        disk,
        first_usable: usable.0,
        last_usable: usable.1,
        partitions: Vec::new(),
        header: codec::new_header(edges.sector, disk, usable, ENTRIES),
        array: vec![0; (array_sectors * edges.sector) as usize],
        entries: ENTRIES,
        places: Places {
            head_array: 2,
            tail_array: last - array_sectors,
            tail_header: last,
        },
    };
    let mut target = added(edges, &empty)?;
    let mbr = codec::protective_mbr(edges.sector, edges.sectors);
    target.image.insert(0, mbr);
    Ok(target)
}

/// The table with our partition behind the last one of it, up to the end.
///
/// # Errors
/// There is no room.
pub fn added(edges: &Edges, table: &Table) -> Result<Target, NoRoom> {
    let unit = ALIGNMENT / edges.sector;
    let behind = table.partitions.iter().map(|p| p.last + 1).max();
    let from = behind.unwrap_or(0).max(table.first_usable).max(unit);
    let first = from.div_ceil(unit) * unit;
    let end = (table.last_usable + 1) / unit * unit;
    let room = end.saturating_sub(first) * edges.sector;
    // The same floor as for whole disks, less what the table itself takes.
    if room < MINIMUM - 2 * ALIGNMENT {
        return Err(NoRoom::Bytes(room));
    }
    // Only an entry without a single byte in it: then taking ours out again gives what was before.
    let slot = (0..table.entries)
        .find(|slot| super::is_zero(&table.array[span(*slot)]))
        .ok_or(NoRoom::Entry)?;
    let ours = Partition {
        number: slot + 1,
        kind: guid::LVM,
        guid: own_guid(table.disk, first),
        first,
        last: end - 1,
        name: NAME.to_owned(),
    };
    let mut array = table.array.clone();
    array[span(slot)].copy_from_slice(&codec::entry(&ours));
    Ok(Target {
        image: image(edges, table, &array),
        ours,
    })
}

/// The table as it was before `ours` was added to it.
pub(super) fn without(edges: &Edges, table: &Table, ours: &Partition) -> (Table, Image) {
    let mut before = table.clone();
    before.array[span(ours.number - 1)].fill(0);
    before.partitions.retain(|p| p.number != ours.number);
    let image = image(edges, &before, &before.array);
    (before, image)
}

/// Both copies of a table, as sectors.
pub(super) fn image(edges: &Edges, table: &Table, array: &[u8]) -> Image {
    let at = table.places;
    let head = codec::seal(&table.header, 1, at.tail_header, at.head_array, array);
    let tail = codec::seal(&table.header, at.tail_header, 1, at.tail_array, array);
    let mut image = Image::from([(1, head), (at.tail_header, tail)]);
    for (sector, n) in array.chunks_exact(edges.sector as usize).zip(0..) {
        image.insert(at.head_array + n, sector.to_vec());
        image.insert(at.tail_array + n, sector.to_vec());
    }
    image
}

fn span(slot: u32) -> std::ops::Range<usize> {
    let start = slot as usize * codec::ENTRY_BYTES;
    start..start + codec::ENTRY_BYTES
}

impl Target {
    /// Whether it is for a disk that was empty.
    pub fn is_fresh(&self) -> bool {
        self.image.contains_key(&0)
    }

    /// The writes in the order that leaves one whole copy at any moment: the second copy, then, once
    /// that is on the medium, the first, its header after its entries.
    pub fn writes(&self, edges: &Edges) -> [Vec<(u64, &[u8])>; 2] {
        let (head, tail): (Vec<_>, Vec<_>) = self
            .image
            .iter()
            .map(|(lba, bytes)| (*lba, bytes.as_slice()))
            .partition(|(lba, _)| *lba < edges.sectors / 2);
        [tail, head.into_iter().rev().collect()]
    }
}
