//! Finding the table on a disk, the second copy when the first is damaged.

use std::io;

use hive_inventory::disk::SECTOR;

use super::codec::{self, Header};
use super::{ARRAY_SECTORS, HEAD_SECTORS, Partition, TAIL_SECTORS, Table};
use crate::blockdev::Disk;

/// A table, and how its two copies are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The table in force: the first copy if that is whole, as firmware has it too.
    pub table: Table,
    /// Whether the first copy is whole.
    pub primary_good: bool,
    /// Whether the second copy is whole and says the same.
    pub backup_good: bool,
}

/// Why a disk has no usable table.
#[derive(Debug, thiserror::Error)]
pub enum GptError {
    /// The disk does not read.
    #[error("the partition table does not read: {0}")]
    Io(#[from] io::Error),
    /// Neither copy is whole.
    #[error("there is no whole GUID partition table")]
    None,
    /// The entries contradict each other or the disk.
    #[error("the partition table is not sound: {0}")]
    Unsound(String),
}

/// Reads the partition table of a disk.
pub fn read(disk: &dyn Disk) -> Result<Found, GptError> {
    let sectors = disk.size() / SECTOR;
    if sectors < HEAD_SECTORS + TAIL_SECTORS {
        return Err(GptError::None);
    }
    let primary = copy_at(disk, 1, sectors)?;
    let backup_at = primary.as_ref().map_or(sectors - 1, |t| t.backup_at);
    let backup = copy_at(disk, backup_at, sectors)?;
    let same = |a: &Table, b: &Table| {
        a.disk == b.disk
            && a.partitions == b.partitions
            && (a.first_usable, a.last_usable) == (b.first_usable, b.last_usable)
    };
    let (primary_good, backup_good) = match (&primary, &backup) {
        (Some(a), Some(b)) => (true, same(a, b)),
        (a, b) => (a.is_some(), b.is_some()),
    };
    let table = primary.or(backup).ok_or(GptError::None)?;
    sound(&table, sectors)?;
    Ok(Found {
        table,
        primary_good,
        backup_good,
    })
}

/// The table in the last sectors of a disk, which a freshly flashed image leaves from the life before.
pub fn former(disk: &dyn Disk) -> Option<Table> {
    let sectors = disk.size() / SECTOR;
    copy_at(disk, sectors.checked_sub(1)?, sectors).ok()?
}

/// The copy whose header is in sector `own`, if its two sums are right.
fn copy_at(disk: &dyn Disk, own: u64, sectors: u64) -> io::Result<Option<Table>> {
    if own == 0 || own >= sectors {
        return Ok(None);
    }
    let mut sector = [0; SECTOR as usize];
    disk.read_at(own * SECTOR, &mut sector)?;
    let Some(header) = codec::header(&sector, own) else {
        return Ok(None);
    };
    let end = header.array_at.checked_add(ARRAY_SECTORS);
    if end.is_none_or(|end| end > sectors) {
        return Ok(None);
    }
    let mut array = vec![0; (ARRAY_SECTORS * SECTOR) as usize];
    disk.read_at(header.array_at * SECTOR, &mut array)?;
    if crc32fast::hash(&array) != header.array_sum {
        return Ok(None);
    }
    Ok(Some(table(&header, &array)))
}

fn table(header: &Header, array: &[u8]) -> Table {
    Table {
        disk: header.disk,
        first_usable: header.first_usable,
        last_usable: header.last_usable,
        // The first copy names the second; the second is where it is.
        backup_at: if header.own == 1 {
            header.other
        } else {
            header.own
        },
        partitions: codec::partitions(array),
    }
}

fn sound(table: &Table, sectors: u64) -> Result<(), GptError> {
    let mut sorted: Vec<&Partition> = table.partitions.iter().collect();
    sorted.sort_by_key(|p| p.first);
    let mut free_from = HEAD_SECTORS;
    for p in sorted {
        let complain = |what: &str| {
            let (number, name) = (p.number, &p.name);
            GptError::Unsound(format!("partition {number} ({name}) {what}"))
        };
        if p.last < p.first {
            return Err(complain("ends before it begins"));
        }
        if p.first < free_from {
            return Err(complain("overlaps what lies before it"));
        }
        if p.last >= sectors {
            return Err(complain("ends beyond the disk"));
        }
        free_from = p.last + 1;
    }
    Ok(())
}
