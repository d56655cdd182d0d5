//! Headers and entries as bytes.

use hive_inventory::disk::SECTOR;

use super::{ENTRIES, ENTRY_BYTES, Partition, Table};
use crate::guid::Guid;

const SIGNATURE: &[u8; 8] = b"EFI PART";
const REVISION: u32 = 0x0001_0000;
const HEADER_BYTES: u32 = 92;

/// What a header says, once its sum is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub own: u64,
    pub other: u64,
    pub first_usable: u64,
    pub last_usable: u64,
    pub disk: Guid,
    pub array_at: u64,
    pub array_sum: u32,
}

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

/// Reads the header in a sector that was found at `own`; `None` if it is none or damaged.
pub(super) fn header(sector: &[u8], own: u64) -> Option<Header> {
    let size = u32_at(sector, 12) as usize;
    if &sector[..8] != SIGNATURE || !(HEADER_BYTES as usize..=SECTOR as usize).contains(&size) {
        return None;
    }
    let mut copy = sector[..size].to_vec();
    copy[16..20].fill(0);
    let good = crc32fast::hash(&copy) == u32_at(sector, 16)
        && u64_at(sector, 24) == own
        && u32_at(sector, 80) as usize == ENTRIES
        && u32_at(sector, 84) as usize == ENTRY_BYTES;
    good.then(|| Header {
        own,
        other: u64_at(sector, 32),
        first_usable: u64_at(sector, 40),
        last_usable: u64_at(sector, 48),
        disk: guid_at(sector, 56),
        array_at: u64_at(sector, 72),
        array_sum: u32_at(sector, 88),
    })
}

/// Writes a header into a sector.
pub(super) fn header_sector(header: &Header) -> [u8; SECTOR as usize] {
    let mut s = [0; SECTOR as usize];
    s[..8].copy_from_slice(SIGNATURE);
    s[8..12].copy_from_slice(&REVISION.to_le_bytes());
    s[12..16].copy_from_slice(&HEADER_BYTES.to_le_bytes());
    s[24..32].copy_from_slice(&header.own.to_le_bytes());
    s[32..40].copy_from_slice(&header.other.to_le_bytes());
    s[40..48].copy_from_slice(&header.first_usable.to_le_bytes());
    s[48..56].copy_from_slice(&header.last_usable.to_le_bytes());
    s[56..72].copy_from_slice(&header.disk.0);
    s[72..80].copy_from_slice(&header.array_at.to_le_bytes());
    s[80..84].copy_from_slice(&(ENTRIES as u32).to_le_bytes());
    s[84..88].copy_from_slice(&(ENTRY_BYTES as u32).to_le_bytes());
    s[88..92].copy_from_slice(&header.array_sum.to_le_bytes());
    let sum = crc32fast::hash(&s[..HEADER_BYTES as usize]);
    s[16..20].copy_from_slice(&sum.to_le_bytes());
    s
}

/// Reads the entries of an array whose sum is right.
pub(super) fn partitions(array: &[u8]) -> Vec<Partition> {
    array
        .chunks_exact(ENTRY_BYTES)
        .enumerate()
        .filter(|(_, raw)| raw[..16] != Guid::ZERO.0)
        .map(|(index, raw)| {
            let units: Vec<u16> = raw[56..128]
                .chunks_exact(2)
                .map(|u| u16::from_le_bytes([u[0], u[1]]))
                .take_while(|u| *u != 0)
                .collect();
            Partition {
                number: index as u32 + 1,
                kind: guid_at(raw, 0),
                guid: guid_at(raw, 16),
                first: u64_at(raw, 32),
                last: u64_at(raw, 40),
                attributes: u64_at(raw, 48),
                name: String::from_utf16_lossy(&units),
            }
        })
        .collect()
}

/// Writes the entries of a table.
pub(super) fn array(table: &Table) -> Vec<u8> {
    let mut out = vec![0; ENTRIES * ENTRY_BYTES];
    for p in &table.partitions {
        let at = (p.number as usize - 1) * ENTRY_BYTES;
        let raw = &mut out[at..at + ENTRY_BYTES];
        raw[..16].copy_from_slice(&p.kind.0);
        raw[16..32].copy_from_slice(&p.guid.0);
        raw[32..40].copy_from_slice(&p.first.to_le_bytes());
        raw[40..48].copy_from_slice(&p.last.to_le_bytes());
        raw[48..56].copy_from_slice(&p.attributes.to_le_bytes());
        for (at, unit) in p.name.encode_utf16().take(36).enumerate() {
            raw[56 + 2 * at..58 + 2 * at].copy_from_slice(&unit.to_le_bytes());
        }
    }
    out
}
