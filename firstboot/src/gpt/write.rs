//! Writing a table so that a power cut at any moment leaves one whole copy.

use std::io;

use hive_inventory::disk::SECTOR;

use super::codec::{self, Header};
use super::{ARRAY_SECTORS, Table};
use crate::blockdev::Disk;

/// Makes `table` the disk's table.
///
/// First the second copy, while the first still says what it said; only when that is on the medium,
/// the first. A cut leaves the old first copy, or a torn first and the new second copy. The moment
/// from which the new table counts is the one in which the first copy stops being the old one.
pub fn write(disk: &dyn Disk, table: &Table) -> io::Result<()> {
    let array = codec::array(table);
    let array_sum = crc32fast::hash(&array);
    let header = |own, other, array_at| {
        codec::header_sector(&Header {
            own,
            other,
            first_usable: table.first_usable,
            last_usable: table.last_usable,
            disk: table.disk,
            array_at,
            array_sum,
        })
    };
    let backup_array = table.backup_at - ARRAY_SECTORS;
    disk.write_at(backup_array * SECTOR, &array)?;
    disk.write_at(
        table.backup_at * SECTOR,
        &header(table.backup_at, 1, backup_array),
    )?;
    disk.flush()?;
    disk.write_at(2 * SECTOR, &array)?;
    disk.write_at(SECTOR, &header(1, table.backup_at, 2))?;
    disk.flush()?;
    // Kernels look at this sector's partition type, not at its size: it may come last.
    disk.write_at(0, &protective_mbr(disk)?)?;
    disk.flush()
}

/// The sector 0 that tells old tools that the disk is in use; boot code in it is kept.
fn protective_mbr(disk: &dyn Disk) -> io::Result<[u8; SECTOR as usize]> {
    let mut s = [0; SECTOR as usize];
    disk.read_at(0, &mut s)?;
    let sectors = u32::try_from(disk.size() / SECTOR - 1).unwrap_or(u32::MAX);
    s[446..510].fill(0);
    s[446..454].copy_from_slice(&[0, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF]);
    s[454..458].copy_from_slice(&1u32.to_le_bytes());
    s[458..462].copy_from_slice(&sectors.to_le_bytes());
    s[510..].copy_from_slice(&[0x55, 0xAA]);
    Ok(s)
}
