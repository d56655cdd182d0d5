//! The dm-verity tree: what makes one root hash vouch for every block of the root file system.
//!
//! The layout is that of `veritysetup format` (cryptsetup wiki, "DMVerity") with hash type 1,
//! SHA-256 and blocks of 4096 bytes: the data, then one block with the superblock, then the hash
//! tree with its top level first. The bytes depend on the data, the salt and the UUID only, never
//! on the number of threads that hash.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::thread;

use hive_inventory::disk::VERITY_BLOCK;
use sha2::{Digest, Sha256};

use super::guid;

/// Bytes of a block, as an index.
const BLOCK: usize = VERITY_BLOCK as usize;
/// Bytes of a digest.
const DIGEST: usize = 32;
/// Digests that fit one hash block.
const FAN_OUT: u64 = (BLOCK / DIGEST) as u64;
/// Blocks that a thread reads at a time: 1 MiB.
const READ_BLOCKS: usize = 256;

/// What the tree depends on besides the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Hashed before every block.
    pub salt: [u8; 32],
    /// UUID of the hash area, in the order in which it is written out as text.
    pub uuid: [u8; 16],
}

impl Parameters {
    /// Parameters that follow from `key`: the same key gives the same tree for the same data.
    ///
    /// The salt is public, so that nothing is lost by deriving it; it only keeps trees of unlike
    /// images apart.
    pub fn derived_from(key: &[u8]) -> Self {
        let salt = Sha256::new()
            .chain_update(b"hive verity salt\0")
            .chain_update(key)
            .finalize();
        Self {
            salt: salt.into(),
            uuid: guid::derived("verity", key).into_bytes(),
        }
    }

    /// The salt as hex digits, as the kernel command line carries it.
    pub fn salt_hex(&self) -> String {
        hex(&self.salt)
    }
}

/// What `append` wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The root hash.
    pub root_hash: [u8; 32],
    /// Number of data blocks of 4096 bytes; the superblock lies in the block of this number.
    pub data_blocks: u64,
    /// Size of data, superblock and tree in bytes: the new length of the file.
    pub size: u64,
}

impl Sealed {
    /// The root hash as 64 hex digits.
    pub fn root_hash_hex(&self) -> String {
        hex(&self.root_hash)
    }
}

/// Why a tree could not be made.
#[derive(Debug, thiserror::Error)]
pub enum VerityError {
    /// There is nothing to seal.
    #[error("the root file system is empty: there is nothing to seal")]
    Empty,
    /// The data could not be read.
    #[error("reading block {block} of the root file system to hash it")]
    Read {
        /// Number of the first block of the range that was read.
        block: u64,
        /// The cause.
        source: io::Error,
    },
    /// The tree could not be written.
    #[error("writing the hash tree behind the root file system; is the disk full?")]
    Write(#[source] io::Error),
}

/// Appends superblock and hash tree to the data in `file`, padded with zeros to whole blocks first.
///
/// The file's present length is the length of the data. `threads` is how many threads hash at once.
pub fn append(
    file: &File,
    parameters: &Parameters,
    threads: NonZeroUsize,
) -> Result<Sealed, VerityError> {
    let length = file
        .metadata()
        .map_err(|source| VerityError::Read { block: 0, source })?
        .len();
    if length == 0 {
        return Err(VerityError::Empty);
    }
    let data_blocks = length.div_ceil(VERITY_BLOCK);
    let data_size = data_blocks * VERITY_BLOCK;
    if data_size != length {
        file.set_len(data_size).map_err(VerityError::Write)?;
    }
    let leaves = hash_data(file, data_blocks, &parameters.salt, threads)?;
    let (root_hash, levels) = tree(leaves, &parameters.salt);

    let mut area = superblock(parameters, data_blocks);
    for level in levels.iter().rev() {
        area.extend_from_slice(level);
    }
    file.write_all_at(&area, data_size)
        .map_err(VerityError::Write)?;
    Ok(Sealed {
        root_hash,
        data_blocks,
        size: data_size + area.len() as u64,
    })
}

/// The number of threads that this machine hashes with best.
pub fn all_cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Hashes every data block; each thread takes one stretch of blocks and fills its own part.
fn hash_data(
    file: &File,
    blocks: u64,
    salt: &[u8],
    threads: NonZeroUsize,
) -> Result<Vec<u8>, VerityError> {
    let mut digests = vec![0; blocks as usize * DIGEST];
    let share = (blocks as usize).div_ceil(threads.get());
    thread::scope(|scope| {
        let workers: Vec<_> = digests
            .chunks_mut(share * DIGEST)
            .enumerate()
            .map(|(n, part)| {
                scope.spawn(move || hash_stretch(file, (n * share) as u64, salt, part))
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })?;
    Ok(digests)
}

fn hash_stretch(
    file: &File,
    first: u64,
    salt: &[u8],
    digests: &mut [u8],
) -> Result<(), VerityError> {
    let salted = Sha256::new_with_prefix(salt);
    let mut buffer = vec![0; READ_BLOCKS * BLOCK];
    for (n, part) in digests.chunks_mut(READ_BLOCKS * DIGEST).enumerate() {
        let block = first + (n * READ_BLOCKS) as u64;
        let data = &mut buffer[..part.len() / DIGEST * BLOCK];
        file.read_exact_at(data, block * VERITY_BLOCK)
            .map_err(|source| VerityError::Read { block, source })?;
        hash_blocks(&salted, data, part);
    }
    Ok(())
}

fn hash_blocks(salted: &Sha256, data: &[u8], digests: &mut [u8]) {
    for (block, digest) in data
        .chunks_exact(BLOCK)
        .zip(digests.chunks_exact_mut(DIGEST))
    {
        digest.copy_from_slice(&salted.clone().chain_update(block).finalize());
    }
}

/// The levels of the tree, lowest first, each padded to whole blocks, and the root hash.
///
/// A single data block has no level at all: its digest is the root hash, as in the kernel.
fn tree(leaves: Vec<u8>, salt: &[u8]) -> ([u8; 32], Vec<Vec<u8>>) {
    let salted = Sha256::new_with_prefix(salt);
    let mut levels = Vec::new();
    let mut level = leaves;
    while level.len() > DIGEST {
        level.resize(level.len().next_multiple_of(BLOCK), 0);
        let mut above = vec![0; level.len() / BLOCK * DIGEST];
        hash_blocks(&salted, &level, &mut above);
        levels.push(level);
        level = above;
    }
    let mut root = [0; 32];
    root.copy_from_slice(&level);
    (root, levels)
}

/// The block with the superblock: `struct verity_sb` of cryptsetup, little endian.
fn superblock(parameters: &Parameters, data_blocks: u64) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    block.extend_from_slice(b"verity\0\0");
    block.extend_from_slice(&1u32.to_le_bytes()); // superblock version
    block.extend_from_slice(&1u32.to_le_bytes()); // hash type: salt first
    block.extend_from_slice(&parameters.uuid);
    let mut algorithm = [0; 32];
    algorithm[..6].copy_from_slice(b"sha256");
    block.extend_from_slice(&algorithm);
    block.extend_from_slice(&(BLOCK as u32).to_le_bytes()); // data block
    block.extend_from_slice(&(BLOCK as u32).to_le_bytes()); // hash block
    block.extend_from_slice(&data_blocks.to_le_bytes());
    block.extend_from_slice(&(parameters.salt.len() as u16).to_le_bytes());
    block.extend_from_slice(&[0; 6]);
    block.extend_from_slice(&parameters.salt);
    block.resize(BLOCK, 0);
    block
}

/// Bytes that superblock and tree take for `data_blocks` blocks of data.
pub fn hash_area_size(data_blocks: u64) -> u64 {
    let mut total = 1;
    let mut level = data_blocks;
    while level > 1 {
        level = level.div_ceil(FAN_OUT);
        total += level;
    }
    total * VERITY_BLOCK
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests;
