//! Headers and entries as bytes.

use super::{Edges, Partition, Places, Table};
use crate::guid::Guid;

const SIGNATURE: &[u8; 8] = b"EFI PART";
/// Bytes of a header that are in use.
const HEADER_BYTES: usize = 92;
/// Bytes of an entry.
pub(super) const ENTRY_BYTES: usize = 128;
/// More entries than anybody makes; it bounds what is read.
const MOST_ENTRIES: u32 = 1024;

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn guid_at(bytes: &[u8], at: usize) -> Guid {
    let mut guid = [0; 16];
    guid.copy_from_slice(&bytes[at..at + 16]);
    Guid(guid)
}

/// Whether the sector begins like a header, good or damaged.
pub(super) fn looks_like_header(edges: &Edges, lba: u64) -> bool {
    edges.get(lba, 1).is_some_and(|s| s.starts_with(SIGNATURE))
}

/// Reads the copy of the table whose header is at `own`; `None` if there is none that is whole.
pub(super) fn copy(edges: &Edges, own: u64) -> Option<Table> {
    let sector = edges.get(own, 1)?;
    let size = u32_at(sector, 12) as usize;
    if !sector.starts_with(SIGNATURE) || !(HEADER_BYTES..=sector.len()).contains(&size) {
        return None;
    }
    let mut summed = sector[..size].to_vec();
    summed[16..20].fill(0);
    let (entries, entry_bytes) = (u32_at(sector, 80), u32_at(sector, 84) as usize);
    let fits = (1..=MOST_ENTRIES).contains(&entries) && entry_bytes == ENTRY_BYTES;
    if crc32fast::hash(&summed) != u32_at(sector, 16) || u64_at(sector, 24) != own || !fits {
        return None;
    }
    let array_at = u64_at(sector, 72);
    let array_sectors = array_sectors(entries, edges.sector);
    let array = edges.get(array_at, array_sectors)?;
    let used = &array[..entries as usize * ENTRY_BYTES];
    if crc32fast::hash(used) != u32_at(sector, 88) {
        return None;
    }
    let last = edges.sectors - 1;
    let places = if own == 1 {
        Places {
            head_array: array_at,
            tail_array: last.checked_sub(array_sectors)?,
            tail_header: u64_at(sector, 32),
        }
    } else {
        Places {
            head_array: 2,
            tail_array: array_at,
            tail_header: own,
        }
    };
    let table = Table {
        disk: guid_at(sector, 56),
        first_usable: u64_at(sector, 40),
        last_usable: u64_at(sector, 48),
        partitions: partitions(used),
        header: sector.to_vec(),
        array: array.to_vec(),
        entries,
        places,
    };
    is_sane(&table, array_sectors).then_some(table)
}

/// Whether everything lies where it may: partitions within what the table calls usable, and that
/// between the two arrays. Numbers that lie would make hive believe that there is room.
fn is_sane(table: &Table, array_sectors: u64) -> bool {
    let Table {
        first_usable,
        last_usable,
        places,
        ..
    } = table;
    let after_head = places.head_array.checked_add(array_sectors);
    after_head.is_some_and(|after| after <= *first_usable)
        && first_usable <= last_usable
        && *last_usable < places.tail_array
        && table
            .partitions
            .iter()
            .all(|p| first_usable <= &p.first && p.first <= p.last && p.last <= *last_usable)
}

/// Sectors that hold so many entries.
pub(super) fn array_sectors(entries: u32, sector: u64) -> u64 {
    (u64::from(entries) * ENTRY_BYTES as u64).div_ceil(sector)
}

fn partitions(array: &[u8]) -> Vec<Partition> {
    array
        .chunks_exact(ENTRY_BYTES)
        .zip(1..)
        .filter(|(raw, _)| raw[..16] != Guid::ZERO.0)
        .map(|(raw, number)| {
            let units: Vec<u16> = raw[56..]
                .chunks_exact(2)
                .map(|u| u16::from_le_bytes([u[0], u[1]]))
                .take_while(|u| *u != 0)
                .collect();
            Partition {
                number,
                kind: guid_at(raw, 0),
                guid: guid_at(raw, 16),
                first: u64_at(raw, 32),
                last: u64_at(raw, 40),
                name: String::from_utf16_lossy(&units),
            }
        })
        .collect()
}

/// An entry as bytes, without attributes.
pub(super) fn entry(partition: &Partition) -> [u8; ENTRY_BYTES] {
    let mut raw = [0; ENTRY_BYTES];
    raw[..16].copy_from_slice(&partition.kind.0);
    raw[16..32].copy_from_slice(&partition.guid.0);
    raw[32..40].copy_from_slice(&partition.first.to_le_bytes());
    raw[40..48].copy_from_slice(&partition.last.to_le_bytes());
    for (at, unit) in partition.name.encode_utf16().take(36).enumerate() {
        raw[56 + 2 * at..58 + 2 * at].copy_from_slice(&unit.to_le_bytes());
    }
    raw
}

/// A header of a new table; places and sums come with [`seal`].
pub(super) fn new_header(sector: u64, disk: Guid, usable: (u64, u64), entries: u32) -> Vec<u8> {
    let mut s = vec![0; sector as usize];
    s[..8].copy_from_slice(SIGNATURE);
    s[8..12].copy_from_slice(&0x0001_0000u32.to_le_bytes());
    s[12..16].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
    s[40..48].copy_from_slice(&usable.0.to_le_bytes());
    s[48..56].copy_from_slice(&usable.1.to_le_bytes());
    s[56..72].copy_from_slice(&disk.0);
    s[80..84].copy_from_slice(&entries.to_le_bytes());
    s[84..88].copy_from_slice(&(ENTRY_BYTES as u32).to_le_bytes());
    s
}

/// The header for the copy at `own`, with the sums that belong to `array`.
pub(super) fn seal(header: &[u8], own: u64, other: u64, array_at: u64, array: &[u8]) -> Vec<u8> {
    let mut s = header.to_vec();
    let size = u32_at(&s, 12) as usize;
    let used = u32_at(&s, 80) as usize * ENTRY_BYTES;
    s[24..32].copy_from_slice(&own.to_le_bytes());
    s[32..40].copy_from_slice(&other.to_le_bytes());
    s[72..80].copy_from_slice(&array_at.to_le_bytes());
    s[88..92].copy_from_slice(&crc32fast::hash(&array[..used]).to_le_bytes());
    s[16..20].fill(0);
    let sum = crc32fast::hash(&s[..size]);
    s[16..20].copy_from_slice(&sum.to_le_bytes());
    s
}

/// The sector 0 that tells old tools that the whole disk is in use.
pub(super) fn protective_mbr(sector: u64, sectors: u64) -> Vec<u8> {
    let mut s = vec![0; sector as usize];
    let size = u32::try_from(sectors - 1).unwrap_or(u32::MAX);
    s[446..454].copy_from_slice(&[0, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF]);
    s[454..458].copy_from_slice(&1u32.to_le_bytes());
    s[458..462].copy_from_slice(&size.to_le_bytes());
    s[510..512].copy_from_slice(&[0x55, 0xAA]);
    s
}
