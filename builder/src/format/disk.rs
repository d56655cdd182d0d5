//! The golden raw image: a GPT with the boot partition, the seed partition and the first root slot.
//!
//! The root slot comes last, so that a target can grow it in place. Identifiers follow from the
//! root hash, and whatever is not written stays a hole: the image is as sparse as it can be.
//! Layout after the UEFI specification 2.10, chapter 5.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::partition::Partition;
use gpt::partition_types::{OperatingSystem, Type};
use hive_inventory::disk::{
    ALIGNMENT, ATTR_NO_AUTO, ATTR_READ_ONLY, NAME_ESP, NAME_ROOT_A, NAME_SEED, SECTOR, SEED_SIZE,
    TYPE_ESP, TYPE_ROOT, TYPE_SEED, root_partition_uuid,
};
use uuid::Uuid;

use super::guid;

/// Bytes that are written, or found to be zero and left out, at a time.
const GRAIN: usize = 64 << 10;
/// Bytes that are read at a time.
const BUFFER: usize = 4 << 20;

/// What the image is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The FAT volume of the boot partition; whole mebibytes.
    pub esp: &'a File,
    /// The FAT volume of the seed partition, [`SEED_SIZE`] bytes.
    pub seed: &'a File,
    /// Root file system with its verity tree.
    pub root: &'a File,
    /// Root hash of the verity tree, 64 hex digits.
    pub root_hash: &'a str,
}

/// A stretch of the image, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where it starts.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

/// Where everything is in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Boot partition.
    pub esp: Span,
    /// Seed partition.
    pub seed: Span,
    /// First root slot.
    pub root: Span,
    /// Size of the image in bytes, whole mebibytes.
    pub size: u64,
}

/// Why an image could not be assembled.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// A part has a size that cannot be right.
    #[error("the {part} has {size} bytes, which cannot be: {why}")]
    Size {
        /// Which part.
        part: &'static str,
        /// Its size in bytes.
        size: u64,
        /// What was expected.
        why: &'static str,
    },
    /// The root hash is none.
    #[error("{0:?} is not a dm-verity root hash of 64 hex digits")]
    RootHash(String),
    /// A part could not be copied.
    #[error("copying the {part} into the disk image; is the disk full?")]
    Copy {
        /// Which part.
        part: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The image file could not be prepared.
    #[error("preparing the disk image; is the disk full?")]
    Prepare(#[source] io::Error),
    /// The partition table could not be written.
    #[error("writing the partition table of the disk image")]
    Table(#[source] gpt::GptError),
}

impl Layout {
    /// Places parts of these sizes in bytes.
    pub fn of(esp: u64, seed: u64, root: u64) -> Result<Self, DiskError> {
        let bad = |part, size, why| Err(DiskError::Size { part, size, why });
        if esp == 0 || !esp.is_multiple_of(ALIGNMENT) {
            return bad("boot volume", esp, "it has to be whole mebibytes");
        }
        if seed != SEED_SIZE {
            return bad("seed volume", seed, "it has to be 16 MiB");
        }
        if root == 0 || !root.is_multiple_of(4096) {
            return bad(
                "root file system",
                root,
                "it has to be blocks of 4096 bytes",
            );
        }
        let esp = Span {
            offset: ALIGNMENT,
            length: esp,
        };
        let seed = Span {
            offset: esp.end(),
            length: seed,
        };
        let root = Span {
            offset: seed.end(),
            length: root.next_multiple_of(ALIGNMENT),
        };
        // The last mebibyte holds the backup of the partition table.
        Ok(Self {
            esp,
            seed,
            root,
            size: root.end() + ALIGNMENT,
        })
    }
}

impl Span {
    /// The first byte behind it.
    pub fn end(&self) -> u64 {
        self.offset + self.length
    }
}

/// Writes the image into `out`, which loses what it held.
pub fn assemble(out: &File, parts: &Parts<'_>) -> Result<Layout, DiskError> {
    let root_guid = root_partition_uuid(parts.root_hash)
        .and_then(|text| Uuid::parse_str(&text).ok())
        .ok_or_else(|| DiskError::RootHash(parts.root_hash.to_owned()))?;
    let size = |part, file: &File| match file.metadata() {
        Ok(metadata) => Ok(metadata.len()),
        Err(source) => Err(DiskError::Copy { part, source }),
    };
    let layout = Layout::of(
        size("boot volume", parts.esp)?,
        size("seed volume", parts.seed)?,
        size("root file system", parts.root)?,
    )?;
    // Emptied first: what is not written has to read as zeros.
    out.set_len(0)
        .and_then(|()| out.set_len(layout.size))
        .map_err(DiskError::Prepare)?;
    write_table(out, &layout, parts.root_hash, root_guid)?;
    let copied = |part| move |source| DiskError::Copy { part, source };
    copy_sparse(parts.esp, out, layout.esp.offset).map_err(copied("boot volume"))?;
    copy_sparse(parts.seed, out, layout.seed.offset).map_err(copied("seed volume"))?;
    copy_dense(parts.root, out, layout.root.offset).map_err(copied("root file system"))?;
    Ok(layout)
}

fn write_table(out: &File, layout: &Layout, hash: &str, root: Uuid) -> Result<(), DiskError> {
    let hash = hash.to_ascii_lowercase();
    let derived = |purpose| guid::derived(purpose, hash.as_bytes());
    let mut partitions = BTreeMap::new();
    for (n, (name, kind, guid, span, flags)) in [
        (NAME_ESP, TYPE_ESP, derived(NAME_ESP), layout.esp, 0),
        (NAME_SEED, TYPE_SEED, derived(NAME_SEED), layout.seed, 0),
        // Nothing but the initrd mounts a root slot, and never without its tree.
        (
            NAME_ROOT_A,
            TYPE_ROOT,
            root,
            layout.root,
            ATTR_READ_ONLY | ATTR_NO_AUTO,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let kind = Uuid::parse_str(kind).unwrap_or_default();
        let partition = Partition {
            part_type_guid: Type {
                guid: kind,
                os: OperatingSystem::None,
            },
            part_guid: guid,
            first_lba: span.offset / SECTOR,
            last_lba: span.end() / SECTOR - 1,
            flags,
            name: name.to_owned(),
        };
        partitions.insert(n as u32 + 1, partition);
    }
    let sectors = u32::try_from(layout.size / SECTOR - 1).unwrap_or(u32::MAX);
    let mut device = out;
    ProtectiveMBR::with_lb_size(sectors)
        .overwrite_lba0(&mut device)
        .map_err(|error| DiskError::Prepare(io::Error::other(error)))?;
    let mut table = gpt::GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .create_from_device(device, Some(derived("disk")))
        .map_err(DiskError::Table)?;
    table
        .update_partitions(partitions)
        .map_err(DiskError::Table)?;
    table.write().map_err(DiskError::Table)?;
    Ok(())
}

/// Copies a file that is mostly empty, leaving out what is zero.
fn copy_sparse(from: &File, to: &File, offset: u64) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut at = 0;
    loop {
        let read = match from.read_at(&mut buffer, at) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for (n, grain) in buffer[..read].chunks(GRAIN).enumerate() {
            if grain.iter().any(|&b| b != 0) {
                to.write_all_at(grain, offset + at + (n * GRAIN) as u64)?;
            }
        }
        at += read as u64;
    }
}

/// Copies a file that is full, within the kernel where the file system can: `io::copy` between
/// files uses copy_file_range(2), which shares the blocks where that is possible.
fn copy_dense(mut from: &File, mut to: &File, offset: u64) -> io::Result<()> {
    from.seek(SeekFrom::Start(0))?;
    to.seek(SeekFrom::Start(offset))?;
    io::copy(&mut from, &mut to)?;
    Ok(())
}

#[cfg(test)]
mod tests;
