//! The seed volume: a small FAT file system where a machine finds what it is to become.
//!
//! In the golden image it is empty; a stick or a virtual machine's disk gets its seed, or the seeds
//! of many hosts, by [`inject_seeds`], or by a person who copies `seed.json` onto it.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use hive_fat::{FatError, Volume};
use hive_inventory::disk::{NAME_SEED, SEED_FILE, SEED_FILE_SUFFIX, SEED_SIZE};

use super::guid;
use super::window::Window;

/// Bytes that are looked at for something to wipe at a time.
const GRAIN: usize = 64 << 10;

/// Why a seed volume could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SeedVolumeError {
    /// The stretch of the file holds something else.
    #[error(
        "there is no seed volume (FAT with the label HIVE-SEED) at byte {offset} of the image, and nothing was written; is this an image that hive baked?"
    )]
    NotSeed {
        /// Where it was looked for.
        offset: u64,
        /// What was found wrong, if it is no FAT volume at all.
        source: Option<FatError>,
    },
    /// The file could not be prepared.
    #[error("making the seed volume; is the disk full?")]
    Prepare(#[source] io::Error),
    /// The file system could not be written.
    #[error("writing the seed volume")]
    Fat(#[from] FatError),
}

/// A seed document on a volume.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Its file name, [`SEED_FILE`] or one that ends with [`SEED_FILE_SUFFIX`].
    pub name: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Writes a volume of [`SEED_SIZE`] bytes into `out`, which loses what it held; empty without `seed`.
pub fn write(out: &File, seed: Option<&[u8]>) -> Result<(), SeedVolumeError> {
    out.set_len(0)
        .and_then(|()| out.set_len(SEED_SIZE))
        .map_err(SeedVolumeError::Prepare)?;
    let documents: Vec<Document> = seed.map(Document::only).into_iter().collect();
    fill(Window::new(out, 0, SEED_SIZE), SEED_SIZE, &documents)
}

impl Document {
    /// The one seed of a volume.
    pub fn only(seed: &[u8]) -> Self {
        Self {
            name: SEED_FILE.to_owned(),
            content: seed.to_vec(),
        }
    }

    /// The seed of one host among many.
    pub fn of(host: &str, seed: &[u8]) -> Self {
        Self {
            name: format!("{host}{SEED_FILE_SUFFIX}"),
            content: seed.to_vec(),
        }
    }
}

/// Whether a file of this name is a seed document.
pub fn is_document(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == SEED_FILE || name.ends_with(SEED_FILE_SUFFIX)
}

/// Makes the seed volume at `offset` of an image anew, with `seed` on it and nothing else.
///
/// # Errors
/// As [`inject_seeds`].
pub fn inject_seed(
    image: &File,
    offset: u64,
    length: u64,
    seed: &[u8],
) -> Result<(), SeedVolumeError> {
    inject_seeds(image, offset, length, &[Document::only(seed)])
}

/// Makes the seed volume at `offset` of an image anew, with these documents on it and nothing else.
///
/// The volume has to be there already: a wrong offset destroys nothing. What a former seed left
/// in unused clusters is wiped.
///
/// # Errors
/// There is no seed volume, it is too small, or it can't be written.
pub fn inject_seeds(
    image: &File,
    offset: u64,
    length: u64,
    documents: &[Document],
) -> Result<(), SeedVolumeError> {
    check(image, offset, length)?;
    wipe(image, offset, length).map_err(SeedVolumeError::Prepare)?;
    fill(Window::new(image, offset, length), length, documents)
}

/// Puts these documents on the seed volume at `offset` in place of those that are there. Other files
/// stay: for sticks that a person has formatted.
///
/// # Errors
/// As [`inject_seeds`].
pub fn replace_seeds(
    image: &File,
    offset: u64,
    length: u64,
    documents: &[Document],
) -> Result<(), SeedVolumeError> {
    check(image, offset, length)?;
    let mut volume = Volume::open(Window::new(image, offset, length))?;
    for entry in volume.list("")? {
        if !entry.folder && is_document(&entry.name) {
            volume.wipe_file(&entry.name)?;
        }
    }
    add(volume, documents)
}

/// The seed documents on the volume at `offset` of an image.
///
/// # Errors
/// There is no seed volume, or it does not read.
pub fn documents(image: &File, offset: u64, length: u64) -> Result<Vec<Document>, SeedVolumeError> {
    check(image, offset, length)?;
    let mut volume = Volume::open(Window::new(image, offset, length))?;
    let mut out = Vec::new();
    for entry in volume.list("")? {
        if !entry.folder && is_document(&entry.name) {
            let content = volume.read_file(&entry.name)?;
            let name = entry.name;
            out.push(Document { name, content });
        }
    }
    Ok(out)
}

/// Whether there is a seed volume.
fn check(image: &File, offset: u64, length: u64) -> Result<(), SeedVolumeError> {
    let not_seed = |source| SeedVolumeError::NotSeed { offset, source };
    let label = Volume::open(Window::new(image, offset, length))
        .and_then(|mut volume| volume.label())
        .map_err(|error| not_seed(Some(error)))?;
    if label.as_deref() != Some(NAME_SEED) {
        return Err(not_seed(None));
    }
    Ok(())
}

fn fill(mut window: Window<'_>, size: u64, documents: &[Document]) -> Result<(), SeedVolumeError> {
    hive_fat::format(&mut window, size, guid::volume_id("seed", b""), NAME_SEED)?;
    add(Volume::open(window)?, documents)
}

fn add(mut volume: Volume<Window<'_>>, documents: &[Document]) -> Result<(), SeedVolumeError> {
    for document in documents {
        volume.add_file(&document.name, document.content.as_slice())?;
    }
    volume.finish()?;
    Ok(())
}

/// Writes zeros where there is anything else, so that holes stay holes.
fn wipe(image: &File, offset: u64, length: u64) -> io::Result<()> {
    let mut window = Window::new(image, offset, length);
    let mut buffer = vec![0; GRAIN];
    let mut at = 0;
    while at < length {
        let grain = &mut buffer[..GRAIN.min((length - at) as usize)];
        image.read_exact_at(grain, offset + at)?;
        if grain.iter().any(|&b| b != 0) {
            grain.fill(0);
            window.seek(SeekFrom::Start(at))?;
            window.write_all(grain)?;
        }
        at += grain.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
