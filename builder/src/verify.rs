//! Where two images differ, for a person who wonders why a bake did not give the same bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use hive_fat::Volume;
use hive_inventory::disk::{NAME_ESP, NAME_ROOT_A, NAME_ROOT_B, NAME_SEED, SECTOR, VERITY_BLOCK};
use serde::Serialize;

use crate::format::window::Window;

/// Compared at a time.
const CHUNK: usize = 1 << 20;

/// The first difference between two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Bytes from the start of the files to the first that differ, or to the end of the shorter one.
    pub offset: u64,
    /// Lengths of both files in bytes.
    pub lengths: (u64, u64),
    /// What lies there.
    pub place: Place,
}

/// What lies at an offset of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Both are equal as far as the shorter one goes.
    Length,
    /// Not a raw disk image: nothing is known but the offset.
    File,
    /// The partition table, or the space between partitions.
    Table,
    /// A partition.
    Partition {
        /// Its name.
        name: String,
        /// Bytes from its start.
        offset: u64,
        /// What is there, more exactly.
        detail: Option<String>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            lengths: (a, b),
            place,
        } = self;
        match place {
            Place::Length => write!(
                f,
                "the images are equal up to byte {offset}, where the shorter one ends ({a} and {b} bytes)"
            ),
            Place::File => write!(
                f,
                "the files differ first at byte {offset}; compare their raw images for the partition"
            ),
            Place::Table => write!(
                f,
                "the images differ first at byte {offset}: the partition table or the space between partitions"
            ),
            Place::Partition {
                name,
                offset: inner,
                detail,
            } => {
                write!(
                    f,
                    "the images differ first at byte {offset}: partition {name}, byte {inner}"
                )?;
                detail
                    .as_ref()
                    .map_or(Ok(()), |detail| write!(f, ", {detail}"))
            }
        }
    }
}

/// Compares two images byte for byte, and tells what lies at the first difference.
///
/// # Errors
/// A file can't be read.
pub fn compare(a: &Path, b: &Path) -> Result<Option<Difference>> {
    let open = |path: &Path| -> Result<(File, u64)> {
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let length = file
            .metadata()
            .with_context(|| format!("measuring {}", path.display()))?
            .len();
        Ok((file, length))
    };
    let (file_a, length_a) = open(a)?;
    let (file_b, length_b) = open(b)?;
    let lengths = (length_a, length_b);
    let Some(offset) = first_difference(&file_a, &file_b, a, b)? else {
        if length_a == length_b {
            return Ok(None);
        }
        return Ok(Some(Difference {
            offset: length_a.min(length_b),
            lengths,
            place: Place::Length,
        }));
    };
    let place = place(a, &file_a, &file_b, offset);
    Ok(Some(Difference {
        offset,
        lengths,
        place,
    }))
}

fn first_difference(a: &File, b: &File, path_a: &Path, path_b: &Path) -> Result<Option<u64>> {
    let (mut left, mut right) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut at = 0;
    loop {
        let n = fill(a, &mut left, at).with_context(|| format!("reading {}", path_a.display()))?;
        let m = fill(b, &mut right, at).with_context(|| format!("reading {}", path_b.display()))?;
        let both = n.min(m);
        if left[..both] != right[..both] {
            let inner = left[..both]
                .iter()
                .zip(&right[..both])
                .position(|(x, y)| x != y);
            return Ok(inner.map(|inner| at + inner as u64));
        }
        if both < CHUNK {
            return Ok(None);
        }
        at += CHUNK as u64;
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &File, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], at + done as u64)? {
            0 => break,
            n => done += n,
        }
    }
    Ok(done)
}

fn place(path: &Path, a: &File, b: &File, offset: u64) -> Place {
    // A disk whose table can't be read (the difference may lie there) is still a file.
    let Ok(table) = gpt::GptConfig::new().writable(false).open(path) else {
        return Place::File;
    };
    for partition in table.partitions().values() {
        let start = partition.first_lba * SECTOR;
        let end = (partition.last_lba + 1) * SECTOR;
        if (start..end).contains(&offset) {
            let inner = offset - start;
            let detail = match partition.name.as_str() {
                NAME_ESP | NAME_SEED => differing_file(a, b, start, end - start),
                NAME_ROOT_A | NAME_ROOT_B => Some(block(a, start, inner)),
                _ => None,
            };
            return Place::Partition {
                name: partition.name.clone(),
                offset: inner,
                detail,
            };
        }
    }
    Place::Table
}

/// The first file, by name, that two FAT volumes do not share.
fn differing_file(a: &File, b: &File, start: u64, length: u64) -> Option<String> {
    let read = |file| -> Result<BTreeMap<String, Vec<u8>>, hive_fat::FatError> {
        let mut volume = Volume::open(Window::new(file, start, length))?;
        let mut files = BTreeMap::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for entry in volume.list(&folder)? {
                let path = format!("{folder}/{}", entry.name)
                    .trim_start_matches('/')
                    .to_owned();
                if entry.folder {
                    folders.push(path);
                } else {
                    let content = volume.read_file(&path)?;
                    files.insert(path, content);
                }
            }
        }
        Ok(files)
    };
    let (a, b) = (read(a).ok()?, read(b).ok()?);
    if let Some(only) = a
        .keys()
        .chain(b.keys())
        .find(|path| a.contains_key(*path) != b.contains_key(*path))
    {
        return Some(format!("file {only} is in one of them only"));
    }
    let (path, at) = a.iter().find_map(|(path, content)| {
        let other = b.get(path)?;
        (content != other).then(|| {
            let common = content
                .iter()
                .zip(other)
                .take_while(|(x, y)| x == y)
                .count();
            (path, common)
        })
    })?;
    Some(format!("file {path} at its byte {at}"))
}

/// The block of a root slot, and whether it is the file system or its verity tree.
fn block(file: &File, start: u64, inner: u64) -> String {
    let block = inner / VERITY_BLOCK;
    let part = match erofs_blocks(file, start) {
        Some(blocks) if block < blocks => " of the file system",
        Some(_) => " in the verity tree behind the file system",
        None => "",
    };
    format!("block {block}{part} (of {VERITY_BLOCK} bytes)")
}

/// Number of blocks of 4096 bytes, from the superblock (Linux `fs/erofs/erofs_fs.h`).
fn erofs_blocks(file: &File, start: u64) -> Option<u64> {
    const MAGIC: u32 = 0xE0F5_E1E2;
    let mut superblock = [0; 128];
    Window::new(file, start + 1024, 128)
        .read_exact(&mut superblock)
        .ok()?;
    let word = |at: usize| {
        Some(u32::from_le_bytes(
            superblock.get(at..at + 4)?.try_into().ok()?,
        ))
    };
    (word(0)? == MAGIC && superblock[12] == 12).then_some(())?;
    word(36).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{disk, seed_volume};
    use hive_inventory::disk::{SEED_FILE, SEED_SIZE};

    const HASH: &str = "0123456789abcdef00112233445566778899aabbccddeeff0011223344556677";

    fn image(dir: &Path, name: &str, seed: Option<&[u8]>) -> (std::path::PathBuf, disk::Layout) {
        let path = dir.join(name);
        let out = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        let esp = tempfile::tempfile().unwrap();
        esp.set_len(64 << 20).unwrap();
        let volume = tempfile::tempfile().unwrap();
        seed_volume::write(&volume, seed).unwrap();
        assert_eq!(volume.metadata().unwrap().len(), SEED_SIZE);
        let root = tempfile::tempfile().unwrap();
        root.set_len(1 << 20).unwrap();
        let mut superblock = [0; 128];
        superblock[..4].copy_from_slice(&0xE0F5_E1E2u32.to_le_bytes());
        superblock[12] = 12;
        superblock[36] = 100;
        root.write_all_at(&superblock, 1024).unwrap();
        let parts = disk::Parts {
            esp: &esp,
            seed: &volume,
            root: &root,
            root_hash: HASH,
        };
        let layout = disk::assemble(&out, &parts).unwrap();
        (path, layout)
    }

    fn detail(a: &Path, b: &Path) -> String {
        compare(a, b).unwrap().unwrap().to_string()
    }

    #[test]
    fn equal_images_have_no_difference() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (
            image(dir.path(), "a", None).0,
            image(dir.path(), "b", None).0,
        );
        assert_eq!(compare(&a, &b).unwrap(), None);
    }

    #[test]
    fn the_block_of_the_root_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let ((a, layout), (b, _)) = (image(dir.path(), "a", None), image(dir.path(), "b", None));
        let file = File::options().write(true).open(&b).unwrap();
        file.write_all_at(&[1], layout.root.offset + 150 * 4096 + 7)
            .unwrap();
        let text = detail(&a, &b);
        assert!(
            text.contains("partition root-a") && text.contains("block 150 in the verity tree"),
            "{text}"
        );
        file.write_all_at(&[1], layout.root.offset + 99 * 4096)
            .unwrap();
        let text = detail(&a, &b);
        assert!(text.contains("block 99 of the file system"), "{text}");
    }

    #[test]
    fn the_file_of_a_volume_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let a = image(dir.path(), "a", Some(b"{\"a\":1}")).0;
        let b = image(dir.path(), "b", Some(b"{\"a\":2}")).0;
        let text = detail(&a, &b);
        assert!(
            text.ends_with(&format!("file {SEED_FILE} at its byte 5")),
            "{text}"
        );
    }

    #[test]
    fn a_shorter_file_and_no_image_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b, c) = (
            dir.path().join("a"),
            dir.path().join("b"),
            dir.path().join("c"),
        );
        std::fs::write(&a, "12345").unwrap();
        std::fs::write(&b, "123").unwrap();
        std::fs::write(&c, "1x3").unwrap();
        assert!(detail(&a, &b).contains("equal up to byte 3"));
        assert!(detail(&b, &c).contains("differ first at byte 1"));
        let error = format!("{:#}", compare(&a, &dir.path().join("gone")).unwrap_err());
        assert!(error.contains("gone"), "{error}");
    }
}
