//! The tree as it lies on disk, and whether it belongs to a root hash.

use std::io;

use hive_inventory::disk::VERITY_BLOCK;
use sha2::{Digest, Sha256};

use crate::blockdev::Disk;
use crate::cmdline::SealedRoot;

const BLOCK: usize = VERITY_BLOCK as usize;
/// Hashes in a tree block.
const FAN_OUT: u64 = VERITY_BLOCK / 32;
/// EROFS's magic number, little-endian at byte 1024 (kernel, fs/erofs/erofs_fs.h).
const EROFS_MAGIC: [u8; 4] = 0xE0F5_E1E2_u32.to_le_bytes();

/// Why a root is not run.
#[derive(Debug, thiserror::Error)]
pub enum VerityError {
    /// The disk does not read.
    #[error("block {block} of the root partition does not read: {source}")]
    Io {
        /// Number of the 4096-byte block.
        block: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The partition ends before the tree does.
    #[error("the partition has {have} bytes, the sealed root needs {need}")]
    Short {
        /// Size of the partition in bytes.
        have: u64,
        /// What data and tree need.
        need: u64,
    },
    /// Not the superblock that belongs to the sealed words.
    #[error("the root does not verify: the superblock behind the data is {0}")]
    Superblock(&'static str),
    /// A hash differs.
    #[error("the root does not verify: {what} {block} does not have the hash that was sealed")]
    Hash {
        /// `tree block` or `data block`.
        what: &'static str,
        /// Number of the block in the partition.
        block: u64,
    },
    /// Verified, and yet no root file system.
    #[error("the root verifies, but there is no EROFS file system in it")]
    NotErofs,
}

/// Blocks of each level, the lowest (which covers the data) first.
fn levels(data_blocks: u64) -> Vec<u64> {
    let mut out = Vec::new();
    let mut blocks = data_blocks;
    loop {
        blocks = blocks.div_ceil(FAN_OUT);
        out.push(blocks);
        if blocks <= 1 {
            return out;
        }
    }
}

/// Bytes of data, superblock and tree together.
pub fn total_bytes(data_blocks: u64) -> u64 {
    (data_blocks + 1 + levels(data_blocks).iter().sum::<u64>()) * VERITY_BLOCK
}

/// Reads the superblock, the whole tree and the first data block of the root that begins at byte
/// `start` and has `length` bytes, and holds them against the sealed root hash.
///
/// Data blocks beyond the first are the kernel's: it checks each when it is read.
pub fn check(
    disk: &dyn Disk,
    start: u64,
    length: u64,
    root: &SealedRoot,
) -> Result<(), VerityError> {
    let need = total_bytes(root.blocks);
    if need > length {
        return Err(VerityError::Short { have: length, need });
    }
    let read = |block: u64, count: u64| {
        let mut buffer = vec![0; (count * VERITY_BLOCK) as usize];
        disk.read_at(start + block * VERITY_BLOCK, &mut buffer)
            .map(|()| buffer)
            .map_err(|source| VerityError::Io { block, source })
    };
    superblock(&read(root.blocks, 1)?, root)?;
    // The top level lies first, so expected hashes are always those of the level read before.
    let mut expected = root.hash.to_vec();
    let mut at = root.blocks + 1;
    for count in levels(root.blocks).into_iter().rev() {
        let level = read(at, count)?;
        for (index, block) in level.chunks_exact(BLOCK).enumerate() {
            if hash(&root.salt, block)[..] != expected[index * 32..index * 32 + 32] {
                return Err(VerityError::Hash {
                    what: "tree block",
                    block: at + index as u64,
                });
            }
        }
        expected = level;
        at += count;
    }
    let first = read(0, 1)?;
    if hash(&root.salt, &first)[..] != expected[..32] {
        return Err(VerityError::Hash {
            what: "data block",
            block: 0,
        });
    }
    if first[1024..1028] != EROFS_MAGIC {
        return Err(VerityError::NotErofs);
    }
    Ok(())
}

/// Format 1 puts the salt in front of the block.
fn hash(salt: &[u8], block: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(block)
        .finalize()
        .into()
}

/// The superblock seals nothing, but other tools go by it, so it has to say the same.
fn superblock(s: &[u8], root: &SealedRoot) -> Result<(), VerityError> {
    let u32_at = |at: usize| u32::from_le_bytes([s[at], s[at + 1], s[at + 2], s[at + 3]]);
    let blocks = u64::from(u32_at(72)) | u64::from(u32_at(76)) << 32;
    let salt_size = usize::from(u16::from_le_bytes([s[80], s[81]]));
    let complaint = if &s[..8] != b"verity\0\0" {
        "missing"
    } else if (u32_at(8), u32_at(12)) != (1, 1) || !s[32..64].starts_with(b"sha256\0") {
        "of another format"
    } else if (u32_at(64), u32_at(68)) != (BLOCK as u32, BLOCK as u32) {
        "for another block size"
    } else if blocks != root.blocks {
        "for another number of blocks"
    } else if s[88..344].get(..salt_size) != Some(&root.salt[..]) {
        "for another salt"
    } else {
        return Ok(());
    };
    Err(VerityError::Superblock(complaint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_end_in_one_block() {
        assert_eq!(levels(2), [1]);
        assert_eq!(levels(128), [1]);
        assert_eq!(levels(129), [2, 1]);
        assert_eq!(levels(128 * 128 + 1), [129, 2, 1]);
        assert_eq!(total_bytes(129), (129 + 1 + 3) * 4096);
    }
}
