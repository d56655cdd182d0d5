//! Numbered records with checksums: what a service writes on a mirrored volume, so that afterwards it
//! can be told whether everything that was acknowledged is there, in order.
//!
//! A record has 512 bytes, a sector, so that a torn write is a bad record and not two halves of good
//! ones: a number from 1 on, the host and the time of writing, and a CRC-32 of all that.
//! A record is acknowledged when `fsync` came back, and only then told to whoever watches.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Bytes of a record.
pub const RECORD: usize = 512;
/// Each record starts with it.
const MAGIC: [u8; 8] = *b"hiverec1";
/// Bytes of a host's name.
const HOST: usize = 64;
/// Where the checksum lies.
const SUM: usize = RECORD - 4;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// 1 for the first.
    pub number: u64,
    /// Milliseconds since 1970, by the writer's clock.
    pub time: u64,
    /// The host that wrote it.
    pub host: String,
}

/// What is wrong with a file of records.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The place `0` has no whole record.
    Broken(u64),
    /// A place has the record of another.
    Misplaced {
        /// The number that belongs there.
        place: u64,
        /// The number that is there.
        found: u64,
    },
    /// Records that were acknowledged are not there.
    Missing {
        /// The last that is there.
        last: u64,
        /// The last that was acknowledged.
        acknowledged: u64,
    },
}

impl Record {
    /// As it is written.
    pub fn bytes(&self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.time.to_le_bytes());
        let host = self.host.as_bytes();
        let host = &host[..host.len().min(HOST)];
        bytes[24..24 + host.len()].copy_from_slice(host);
        // Something that differs from record to record in all of the sector.
        for (place, byte) in bytes[24 + HOST..SUM].iter_mut().enumerate() {
            *byte = self.number.wrapping_mul(31).wrapping_add(place as u64) as u8;
        }
        let sum = crc32(&bytes[..SUM]);
        bytes[SUM..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads what was written; `None`: it is not a whole record.
    pub fn read(bytes: &[u8; RECORD]) -> Option<Self> {
        let number = |from: usize| {
            let bytes = bytes[from..from + 8].try_into().ok()?;
            Some(u64::from_le_bytes(bytes))
        };
        let sum = u32::from_le_bytes(bytes[SUM..].try_into().ok()?);
        if bytes[..8] != MAGIC || sum != crc32(&bytes[..SUM]) {
            return None;
        }
        let host = &bytes[24..24 + HOST];
        let host = host.split(|byte| *byte == 0).next().unwrap_or_default();
        Some(Self {
            number: number(8)?,
            time: number(16)?,
            host: String::from_utf8_lossy(host).into_owned(),
        })
    }
}

/// Where a writer goes on: behind the last whole record of an unbroken row. What lies behind was never
/// acknowledged.
///
/// # Errors
/// The file can't be read.
pub fn next_number(file: &File) -> io::Result<u64> {
    let mut next = 1;
    let mut bytes = [0; RECORD];
    loop {
        match file.read_exact_at(&mut bytes, (next - 1) * RECORD as u64) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(next),
            Err(e) => return Err(e),
            Ok(()) => {}
        }
        match Record::read(&bytes) {
            Some(record) if record.number == next => next += 1,
            _ => return Ok(next),
        }
    }
}

/// Writes a record, and returns when it is on the medium.
///
/// # Errors
/// The file can't be written: the record is not acknowledged.
pub fn append(file: &File, record: &Record) -> io::Result<()> {
    file.write_all_at(&record.bytes(), (record.number - 1) * RECORD as u64)?;
    file.sync_data()
}

/// Reads all records and tells what is wrong. The very last place may be broken or be more than was
/// acknowledged: it was being written when the writer ended.
///
/// # Errors
/// The file can't be read.
pub fn verify(mut file: impl Read, acknowledged: u64) -> io::Result<Result<Vec<Record>, Fault>> {
    let mut all = Vec::new();
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let mut rest = text.as_slice();
    while let Some((first, behind)) = rest.split_first_chunk::<RECORD>() {
        rest = behind;
        let place = all.len() as u64 + 1;
        match Record::read(first) {
            Some(record) if record.number == place => all.push(record),
            Some(record) => {
                let found = record.number;
                return Ok(Err(Fault::Misplaced { place, found }));
            }
            None if place > acknowledged && rest.len() < RECORD => break,
            None => return Ok(Err(Fault::Broken(place))),
        }
    }
    let last = all.len() as u64;
    Ok(match last < acknowledged {
        true => Err(Fault::Missing { last, acknowledged }),
        false => Ok(all),
    })
}

/// CRC-32 as in IEEE 802.3, bit by bit: a record is small.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(sum & 1));
        }
    }
    !sum
}

#[cfg(test)]
mod tests;
