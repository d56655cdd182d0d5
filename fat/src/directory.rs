//! A folder's entries: 32 bytes each, long names in front of the short one they belong to.

use crate::name;

const DELETED: u8 = 0xE5;
const ATTR_LABEL: u8 = 0x08;
const ATTR_FOLDER: u8 = 0x10;
const ATTR_LONG: u8 = 0x0F;
/// Positions of the 13 UTF-16 units in a long-name entry.
const UNITS: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// A file or folder as its folder lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name: the long one where there is one.
    pub name: String,
    /// Whether it is a folder.
    pub folder: bool,
    /// Size in bytes; 0 for folders.
    pub size: u32,
    pub(crate) short: [u8; 11],
    pub(crate) cluster: u32,
    /// The slots that it takes up, first to last.
    pub(crate) slots: (usize, usize),
}

/// Lists a folder; `.`, `..`, deleted entries and the label are left out.
pub(crate) fn entries(bytes: &[u8]) -> Vec<Entry> {
    let mut out = Vec::new();
    let mut long = LongName::default();
    for (slot, raw) in bytes.chunks_exact(32).enumerate() {
        match raw[0] {
            0 => break,
            DELETED => long = LongName::default(),
            _ if raw[11] & 0x3F == ATTR_LONG => long.add(slot, raw),
            b'.' => long = LongName::default(),
            _ if raw[11] & ATTR_LABEL != 0 => long = LongName::default(),
            _ => {
                let mut short = [0u8; 11];
                short.copy_from_slice(&raw[..11]);
                if short[0] == 0x05 {
                    short[0] = DELETED;
                }
                let (first, text) = std::mem::take(&mut long)
                    .finish(name::checksum(&short))
                    .unwrap_or_else(|| (slot, name::display(&short, raw[12])));
                let cluster = u32::from(u16::from_le_bytes([raw[20], raw[21]])) << 16
                    | u32::from(u16::from_le_bytes([raw[26], raw[27]]));
                let folder = raw[11] & ATTR_FOLDER != 0;
                let size = u32::from_le_bytes([raw[28], raw[29], raw[30], raw[31]]);
                out.push(Entry {
                    name: text,
                    folder,
                    size: if folder { 0 } else { size },
                    short,
                    cluster,
                    slots: (first, slot),
                });
            }
        }
    }
    out
}

/// The label kept in a root folder.
pub(crate) fn label(bytes: &[u8]) -> Option<String> {
    bytes
        .chunks_exact(32)
        .take_while(|raw| raw[0] != 0)
        .find(|raw| raw[0] != DELETED && raw[11] & 0x3F != ATTR_LONG && raw[11] & ATTR_LABEL != 0)
        .map(|raw| {
            let text: String = raw[..11].iter().map(|b| char::from(*b)).collect();
            text.trim_end().to_owned()
        })
}

/// The entries that keep `name`: long-name entries if the short name does not say it all.
pub(crate) fn encode(
    name: &str,
    existing: &[Entry],
    folder: bool,
    cluster: u32,
    size: u32,
) -> Vec<u8> {
    let (short, complete) = name::shorten(name, |candidate| {
        existing.iter().any(|e| e.short == *candidate)
    });
    let mut out = Vec::new();
    if !complete {
        let mut units: Vec<u16> = name.encode_utf16().collect();
        let pieces = units.len().div_ceil(13);
        if !units.len().is_multiple_of(13) {
            units.push(0);
            units.resize(pieces * 13, 0xFFFF);
        }
        for (index, piece) in units.chunks_exact(13).enumerate().rev() {
            let mut raw = [0u8; 32];
            raw[0] = (index + 1) as u8 | if index + 1 == pieces { 0x40 } else { 0 };
            raw[11] = ATTR_LONG;
            raw[13] = name::checksum(&short);
            for (at, unit) in UNITS.iter().zip(piece) {
                raw[*at..at + 2].copy_from_slice(&unit.to_le_bytes());
            }
            out.extend_from_slice(&raw);
        }
    }
    out.extend_from_slice(&record(&short, folder, cluster, size));
    out
}

/// The first two entries of every folder but the root; `parent` is 0 when that is the root.
pub(crate) fn dots(own: u32, parent: u32) -> [u8; 64] {
    let mut out = [0u8; 64];
    out[..32].copy_from_slice(&record(b".          ", true, own, 0));
    out[32..].copy_from_slice(&record(b"..         ", true, parent, 0));
    out
}

fn record(short: &[u8; 11], folder: bool, cluster: u32, size: u32) -> [u8; 32] {
    let mut raw = [0u8; 32];
    raw[..11].copy_from_slice(short);
    raw[11] = if folder { ATTR_FOLDER } else { 0x20 };
    // 1980-01-01 for made, read and changed.
    for date in [16, 18, 24] {
        raw[date] = 0x21;
    }
    raw[20..22].copy_from_slice(&((cluster >> 16) as u16).to_le_bytes());
    raw[26..28].copy_from_slice(&(cluster as u16).to_le_bytes());
    raw[28..32].copy_from_slice(&size.to_le_bytes());
    raw
}

/// The first of `count` slots in a row that are free, the never used end included.
pub(crate) fn free_slots(bytes: &[u8], count: usize) -> Option<usize> {
    let mut run = 0;
    let mut ended = false;
    for (slot, raw) in bytes.chunks_exact(32).enumerate() {
        ended |= raw[0] == 0;
        run = if ended || raw[0] == DELETED {
            run + 1
        } else {
            0
        };
        if run == count {
            return Some(slot + 1 - count);
        }
    }
    None
}

/// Marks an entry and its long name deleted.
pub(crate) fn delete(bytes: &mut [u8], entry: &Entry) {
    for slot in entry.slots.0..=entry.slots.1 {
        bytes[slot * 32] = DELETED;
    }
}

/// Long-name entries seen so far; they come last piece first.
#[derive(Default)]
struct LongName {
    first: usize,
    expected: u8,
    sum: u8,
    pieces: Vec<[u16; 13]>,
}

impl LongName {
    fn add(&mut self, slot: usize, raw: &[u8]) {
        let order = raw[0] & 0x3F;
        if raw[0] & 0x40 != 0 {
            *self = Self {
                first: slot,
                expected: order,
                sum: raw[13],
                pieces: Vec::new(),
            };
        }
        if order == 0 || order != self.expected || raw[13] != self.sum {
            *self = Self::default();
            return;
        }
        let mut piece = [0u16; 13];
        for (unit, at) in piece.iter_mut().zip(UNITS) {
            *unit = u16::from_le_bytes([raw[at], raw[at + 1]]);
        }
        self.pieces.push(piece);
        self.expected -= 1;
    }

    fn finish(self, sum: u8) -> Option<(usize, String)> {
        if self.pieces.is_empty() || self.expected != 0 || self.sum != sum {
            return None;
        }
        let units: Vec<u16> = self
            .pieces
            .iter()
            .rev()
            .flatten()
            .copied()
            .take_while(|u| *u != 0)
            .collect();
        Some((self.first, String::from_utf16_lossy(&units)))
    }
}
