//! Seeds on a medium byte for byte: a raw image, a disk, a stick.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, bail};
use hive_builder::format::seed_volume::{Document, inject_seeds, replace_seeds};
use hive_inventory::disk::SEED_SIZE;
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

use super::place::{self, HEAD, Place};

/// Puts the documents onto the seed volume of an open medium.
///
/// # Errors
/// It is in use, has no seed volume, or can't be written.
pub fn write(mut medium: &File, documents: &[Document]) -> Result<()> {
    lock(medium)?;
    let size = medium
        .seek(SeekFrom::End(0))
        .context("measuring its size")?;
    let mut head = vec![0; usize::try_from(HEAD.min(size)).unwrap_or_default()];
    medium
        .read_exact_at(&mut head, 0)
        .context("reading its partition table")?;
    let place = place::find(&head, size)?;
    let place = place.unwrap_or(Place {
        offset: 0,
        length: size,
        partition: false,
    });
    put(medium, place, documents)
}

/// Our own partition is made anew; on what a person has formatted, other files stay.
pub fn put(medium: &File, place: Place, documents: &[Document]) -> Result<()> {
    let Place { offset, length, .. } = place;
    if place.partition && length == SEED_SIZE {
        inject_seeds(medium, offset, length, documents)?;
    } else {
        replace_seeds(medium, offset, length, documents)?;
    }
    Ok(())
}

/// Locks a medium as no other program may have it: QEMU holds locks on parts of its disks, and
/// whoever asks for the whole file collides with them. (These locks and QEMU's see one another.)
fn lock(medium: &File) -> Result<()> {
    match fcntl_lock(medium, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::AGAIN | Errno::ACCESS) => {
            bail!(
                "it is in use, probably as the disk of a machine that runs; switch that off first"
            )
        }
        Err(error) => Err(error).context("locking it"),
    }
}
