//! Making an empty volume.

use std::io::{Seek, SeekFrom, Write};

use crate::error::io;
use crate::geometry::{FatKind, Geometry, SECTOR};
use crate::{FatError, name};

/// FAT32's sector of the second copy of the boot sector.
const BACKUP_BOOT: u64 = 6;

/// Makes an empty volume in the first `size` bytes of `out`.
///
/// Volumes of 48 MiB and more are FAT32, smaller ones FAT16 (the least is 3 MiB). `label` has at
/// most 11 characters of ASCII; it is kept in capitals. Bytes of clusters that nothing uses are
/// left as they are.
pub fn format<T: Write + Seek>(
    out: &mut T,
    size: u64,
    volume_id: u32,
    label: &str,
) -> Result<(), FatError> {
    let geometry = Geometry::plan(size)?;
    let label = name::volume_label(label)?;
    let zeros = vec![0u8; 1 << 16];
    let head = geometry.root_offset() + geometry.root_bytes();
    put(out, 0, &[])?;
    let mut left = head;
    while left > 0 {
        let n = left.min(zeros.len() as u64);
        out.write_all(&zeros[..n as usize])
            .map_err(io("clear the tables"))?;
        left -= n;
    }

    let boot = boot_sector(&geometry, volume_id, &label);
    put(out, 0, &boot)?;
    if geometry.kind == FatKind::Fat32 {
        let info = info_sector(geometry.clusters - 1, 3);
        put(out, SECTOR, &info)?;
        put(out, BACKUP_BOOT * SECTOR, &boot)?;
        put(out, (BACKUP_BOOT + 1) * SECTOR, &info)?;
    }
    // Entry 0 repeats the media byte, entry 1 says "cleanly unmounted"; FAT32's root folder is one cluster.
    let table: &[u8] = match geometry.kind {
        FatKind::Fat32 => &[
            0xF8, 0xFF, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0x0F,
        ],
        _ => &[0xF8, 0xFF, 0xFF, 0xFF],
    };
    for copy in 0..geometry.fats {
        put(out, geometry.fat_offset(copy), table)?;
    }
    let mut root = vec![0u8; 32];
    root[..11].copy_from_slice(&label);
    root[11] = 0x08;
    root[22..26].copy_from_slice(&[0, 0, 0x21, 0]);
    let at = match geometry.kind {
        FatKind::Fat32 => {
            let at = geometry.cluster_offset(geometry.root_cluster);
            root.resize(geometry.cluster_bytes() as usize, 0);
            at
        }
        _ => geometry.root_offset(),
    };
    put(out, at, &root)?;
    out.flush().map_err(io("flush the empty tables"))
}

fn put<T: Write + Seek>(out: &mut T, at: u64, bytes: &[u8]) -> Result<(), FatError> {
    out.seek(SeekFrom::Start(at))
        .and_then(|_| out.write_all(bytes))
        .map_err(io("write the boot sector and tables"))
}

/// FAT32's hint of free clusters and of where to look for the next.
pub(crate) fn info_sector(free: u32, next: u32) -> [u8; 512] {
    let mut s = [0u8; 512];
    s[0..4].copy_from_slice(b"RRaA");
    s[484..488].copy_from_slice(b"rrAa");
    s[488..492].copy_from_slice(&free.to_le_bytes());
    s[492..496].copy_from_slice(&next.to_le_bytes());
    s[510..].copy_from_slice(&[0x55, 0xAA]);
    s
}

fn boot_sector(g: &Geometry, volume_id: u32, label: &[u8; 11]) -> [u8; 512] {
    let fat32 = g.kind == FatKind::Fat32;
    let mut s = [0u8; 512];
    s[0..3].copy_from_slice(&[0xEB, if fat32 { 0x58 } else { 0x3C }, 0x90]);
    s[3..11].copy_from_slice(b"HIVE    ");
    s[11..13].copy_from_slice(&(g.sector as u16).to_le_bytes());
    s[13] = g.sectors_per_cluster as u8;
    s[14..16].copy_from_slice(&(g.reserved as u16).to_le_bytes());
    s[16] = g.fats as u8;
    s[17..19].copy_from_slice(&(g.root_entries as u16).to_le_bytes());
    // The 16-bit count must be used when it fits, except on FAT32.
    match u16::try_from(g.total_sectors) {
        Ok(small) if !fat32 => s[19..21].copy_from_slice(&small.to_le_bytes()),
        _ => s[32..36].copy_from_slice(&g.total_sectors.to_le_bytes()),
    }
    s[21] = 0xF8;
    s[24..26].copy_from_slice(&63u16.to_le_bytes());
    s[26..28].copy_from_slice(&255u16.to_le_bytes());
    let tail = if fat32 {
        s[36..40].copy_from_slice(&g.fat_sectors.to_le_bytes());
        s[44..48].copy_from_slice(&g.root_cluster.to_le_bytes());
        s[48..50].copy_from_slice(&1u16.to_le_bytes());
        s[50..52].copy_from_slice(&(BACKUP_BOOT as u16).to_le_bytes());
        64
    } else {
        s[22..24].copy_from_slice(&(g.fat_sectors as u16).to_le_bytes());
        36
    };
    s[tail] = 0x80;
    s[tail + 2] = 0x29;
    s[tail + 3..tail + 7].copy_from_slice(&volume_id.to_le_bytes());
    s[tail + 7..tail + 18].copy_from_slice(label);
    s[tail + 18..tail + 26].copy_from_slice(if fat32 { b"FAT32   " } else { b"FAT16   " });
    // Not a boot disk for a BIOS: hand over to the next device.
    s[tail + 26..tail + 30].copy_from_slice(&[0xCD, 0x18, 0xEB, 0xFE]);
    s[510..].copy_from_slice(&[0x55, 0xAA]);
    s
}
