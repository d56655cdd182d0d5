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
    } else if s[88 + salt_size..].iter().any(|b| *b != 0) {
        "followed by bytes that do not belong there"
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

    /// A disk in memory.
    struct Bytes(Vec<u8>);

    impl Disk for Bytes {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            let at = offset as usize;
            let found = self.0.get(at..at + buffer.len());
            buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
        fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    const BLOCKS: u64 = 300;

    /// Data, superblock and tree, built from the format's description.
    fn sealed() -> (Vec<u8>, SealedRoot) {
        let salt = vec![0xAB; 32];
        let mut disk: Vec<u8> = (0..BLOCKS).flat_map(|b| vec![b as u8; BLOCK]).collect();
        disk[1024..1028].copy_from_slice(&EROFS_MAGIC);
        let mut levels = vec![disk.clone()];
        while levels[levels.len() - 1].len() > BLOCK {
            let mut next: Vec<u8> = levels[levels.len() - 1]
                .chunks(BLOCK)
                .flat_map(|b| hash(&salt, b))
                .collect();
            next.resize(next.len().next_multiple_of(BLOCK), 0);
            levels.push(next);
        }
        let mut s = vec![0; BLOCK];
        s[..8].copy_from_slice(b"verity\0\0");
        s[8] = 1;
        s[12] = 1;
        s[32..38].copy_from_slice(b"sha256");
        s[64..68].copy_from_slice(&4096u32.to_le_bytes());
        s[68..72].copy_from_slice(&4096u32.to_le_bytes());
        s[72..80].copy_from_slice(&BLOCKS.to_le_bytes());
        s[80] = 32;
        s[88..120].copy_from_slice(&salt);
        disk.extend(s);
        for level in levels[1..].iter().rev() {
            disk.extend(level);
        }
        let root = SealedRoot {
            hash: hash(&salt, &levels[levels.len() - 1]),
            blocks: BLOCKS,
            salt,
        };
        (disk, root)
    }

    #[test]
    fn any_flipped_byte_of_superblock_tree_and_first_block_is_found() {
        let (mut disk, root) = sealed();
        let length = disk.len() as u64;
        assert_eq!(length, total_bytes(BLOCKS));
        check(&Bytes(disk.clone()), 0, length, &root).unwrap();
        let behind_data = BLOCKS as usize * BLOCK;
        // Unsealed and harmless: the name of the tree, algorithm name's and salt size's padding.
        let free = |at: usize| [16..32, 39..64, 82..88].iter().any(|r| r.contains(&at));
        for at in (0..BLOCK).chain(behind_data..disk.len()).step_by(13) {
            disk[at] ^= 0x10;
            let torn = Bytes(disk);
            let found = check(&torn, 0, length, &root);
            let harmless = at >= behind_data && free(at - behind_data);
            assert_eq!(found.is_ok(), harmless, "byte {at}");
            disk = torn.0;
            disk[at] ^= 0x10;
        }
        let error = check(&Bytes(disk), 0, length - 1, &root).unwrap_err();
        assert!(matches!(error, VerityError::Short { .. }), "{error}");
    }
}
