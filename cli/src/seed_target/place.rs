//! Where the seed volume is: a GPT partition named `HIVE-SEED`, or a file system of that label
//! that fills the whole medium. (GUID Partition Table: UEFI specification 2.10, chapter 5.)

use anyhow::{Result, bail};
use hive_inventory::disk::{NAME_SEED, SECTOR};

/// How much of a medium's beginning has to be known: its partition table.
pub const HEAD: u64 = 1 << 20;
/// Bytes of an entry of the table that are looked at.
const ENTRY: usize = 128;

/// Where the volume is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its first byte.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
    /// Whether a partition table says so, and not the file system alone.
    pub partition: bool,
}

/// Finds the volume by the first [`HEAD`] bytes of a medium of `size` bytes.
///
/// # Errors
/// The table is damaged, or names several seed partitions; `Ok(None)`: there is no table.
pub fn find(head: &[u8], size: u64) -> Result<Option<Place>> {
    let header = head.get(512..1024).unwrap_or_default();
    if !header.starts_with(b"EFI PART") {
        return Ok(None);
    }
    let number = |at: usize| u32_at(header, at);
    let length = number(12) as usize;
    if !(92..=512).contains(&length) || number(16) != header_crc(header, length) {
        bail!("its partition table is damaged: the header's checksum is wrong");
    }
    let (count, bytes) = (number(80) as usize, number(84) as usize);
    let from = u64_at(header, 72).saturating_mul(SECTOR);
    let list = usize::try_from(from).ok().and_then(|from| {
        let to = from.checked_add(count.checked_mul(bytes)?)?;
        head.get(from..to)
    });
    let Some(list) = list.filter(|_| bytes >= ENTRY) else {
        bail!("its partition table is not of a form that hive writes");
    };
    if crc32fast::hash(list) != number(88) {
        bail!("its partition table is damaged: the checksum of the partitions is wrong");
    }
    let named = list.chunks_exact(bytes).filter(|e| name(e) == NAME_SEED);
    let named: Vec<&[u8]> = named.collect();
    match named.as_slice() {
        [] => bail!("none of its partitions is called {NAME_SEED}"),
        [entry] => {
            let (first, last) = (u64_at(entry, 32), u64_at(entry, 40));
            let end = last.saturating_add(1).saturating_mul(SECTOR);
            if first < 3 || last < first || end > size {
                bail!("its partition {NAME_SEED} lies outside of it; is it complete?");
            }
            Ok(Some(Place {
                offset: first * SECTOR,
                length: end - first * SECTOR,
                partition: true,
            }))
        }
        several => bail!(
            "{} of its partitions are called {NAME_SEED}; rename those that are not meant (`sgdisk -c NUMBER:NAME`)",
            several.len()
        ),
    }
}

fn header_crc(header: &[u8], length: usize) -> u32 {
    let mut copy = header[..length].to_vec();
    copy[16..20].fill(0);
    crc32fast::hash(&copy)
}

fn name(entry: &[u8]) -> String {
    let units = entry[56..ENTRY].chunks_exact(2);
    let units: Vec<u16> = units
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|&unit| unit != 0)
        .collect();
    String::from_utf16_lossy(&units)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
