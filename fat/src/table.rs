//! The file allocation table, kept in memory while the volume is open.

use crate::FatError;
use crate::geometry::{FatKind, Geometry};

/// Marks the last cluster of a chain.
const END: u32 = 0x0FFF_FFFF;

/// One copy of the table; the volume writes it back to all.
#[derive(Debug)]
pub(crate) struct Table {
    kind: FatKind,
    bytes: Vec<u8>,
    clusters: u32,
    /// Where the search for a free cluster goes on.
    next: u32,
}

impl Table {
    /// Takes the bytes of a table as they are on disk.
    pub fn new(geometry: &Geometry, bytes: Vec<u8>) -> Self {
        Self {
            kind: geometry.kind,
            bytes,
            clusters: geometry.clusters,
            next: 2,
        }
    }

    /// The bytes as they belong on disk.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of clusters that nothing uses.
    pub fn free(&self) -> u32 {
        (2..self.clusters + 2).filter(|c| self.get(*c) == 0).count() as u32
    }

    /// Where the next search begins.
    pub fn hint(&self) -> u32 {
        self.next
    }

    /// The clusters that follow `first`, itself included.
    pub fn chain(&self, first: u32) -> Result<Vec<u32>, FatError> {
        let mut out = Vec::new();
        let mut at = first;
        loop {
            if at < 2 || at - 2 >= self.clusters {
                return Err(FatError::NotFat(format!(
                    "a chain leads to cluster {at}, which does not exist"
                )));
            }
            if out.len() > self.clusters as usize {
                return Err(FatError::NotFat(format!(
                    "the chain from cluster {first} is a circle"
                )));
            }
            out.push(at);
            let next = self.get(at);
            if self.is_end(next) {
                return Ok(out);
            }
            at = next;
        }
    }

    /// Takes a free cluster, makes it the end of a chain and hangs it behind `previous`.
    pub fn take(&mut self, previous: Option<u32>) -> Option<u32> {
        let last = self.clusters + 2;
        let found = (self.next..last)
            .chain(2..self.next)
            .find(|c| self.get(*c) == 0)?;
        self.next = if found + 1 < last { found + 1 } else { 2 };
        self.set(found, END);
        if let Some(previous) = previous {
            self.set(previous, found);
        }
        Some(found)
    }

    /// Gives the clusters back; the next search begins there.
    pub fn release(&mut self, chain: &[u32]) {
        for cluster in chain {
            self.set(*cluster, 0);
            self.next = self.next.min(*cluster);
        }
    }

    fn is_end(&self, value: u32) -> bool {
        match self.kind {
            FatKind::Fat12 => value >= 0xFF8,
            FatKind::Fat16 => value >= 0xFFF8,
            FatKind::Fat32 => value >= 0x0FFF_FFF8,
        }
    }

    fn get(&self, cluster: u32) -> u32 {
        let c = cluster as usize;
        match self.kind {
            FatKind::Fat12 => {
                let at = c + c / 2;
                let pair = u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]);
                u32::from(if c.is_multiple_of(2) {
                    pair & 0xFFF
                } else {
                    pair >> 4
                })
            }
            FatKind::Fat16 => u32::from(u16::from_le_bytes([
                self.bytes[2 * c],
                self.bytes[2 * c + 1],
            ])),
            FatKind::Fat32 => {
                let b = &self.bytes[4 * c..4 * c + 4];
                u32::from_le_bytes([b[0], b[1], b[2], b[3]]) & 0x0FFF_FFFF
            }
        }
    }

    fn set(&mut self, cluster: u32, value: u32) {
        let c = cluster as usize;
        match self.kind {
            FatKind::Fat12 => {
                let at = c + c / 2;
                let old = u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]);
                let value = (value & 0xFFF) as u16;
                let pair = if c.is_multiple_of(2) {
                    old & 0xF000 | value
                } else {
                    old & 0x000F | value << 4
                };
                self.bytes[at..at + 2].copy_from_slice(&pair.to_le_bytes());
            }
            FatKind::Fat16 => {
                self.bytes[2 * c..2 * c + 2].copy_from_slice(&(value as u16).to_le_bytes());
            }
            FatKind::Fat32 => {
                // The upper four bits are not ours.
                let kept = self.bytes[4 * c + 3] & 0xF0;
                self.bytes[4 * c..4 * c + 4].copy_from_slice(&value.to_le_bytes());
                self.bytes[4 * c + 3] = self.bytes[4 * c + 3] & 0x0F | kept;
            }
        }
    }
}
