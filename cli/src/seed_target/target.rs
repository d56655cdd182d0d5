//! Images and devices that seeds are put into.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, anyhow};
use hive_builder::format::seed_volume::{Document, SeedVolumeError};
use hive_inventory::disk::NAME_SEED;
use rustix::io::Errno;

use super::{qcow2, raw};
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result};

/// What the names of folders begin with in which seeds for an image are prepared.
const SCRATCH: &str = ".seeding-";

/// Puts the documents into a raw or qcow2 image.
///
/// # Errors
/// It is none, is in use, has no seed volume, or is the golden image itself.
pub fn into_image(context: &ContextFolder, image: &Path, documents: &[Document]) -> Result<()> {
    let doing = || format!("putting seeds into {}", image.display());
    let path = image.canonicalize().with_context(doing)?;
    let metadata = path.metadata().with_context(doing)?;
    if !metadata.is_file() {
        let error = anyhow!("it is not an image file").context(doing());
        return Err(CommandError::from(error).hint("`--device` is for disks and sticks"));
    }
    let golden = context.images().canonicalize().ok();
    if golden.is_some_and(|golden| path.parent() == Some(&golden)) {
        let error = anyhow!("it is the golden image, the same for every host").context(doing());
        return Err(CommandError::from(error).hint(format!(
            "copy it first: `cp --sparse=always {} HOST.img`, then `--into HOST.img`",
            image.display()
        )));
    }
    let mut magic = [0; 4];
    let is_qcow2 = File::open(&path)
        .and_then(|file| file.read_exact_at(&mut magic, 0))
        .is_ok()
        && magic == qcow2::MAGIC;
    if is_qcow2 {
        // Beside the keys, where nobody else looks: what is prepared there holds keys.
        let _only_one = context.lock()?;
        sweep(context).with_context(doing)?;
        let scratch = tempfile::Builder::new()
            .prefix(SCRATCH)
            .tempdir_in(context.path(""))
            .with_context(doing)?;
        return qcow2::write(&path, documents, scratch.path())
            .with_context(doing)
            .map_err(explained);
    }
    let file = File::options().read(true).write(true).open(&path);
    let file = file.with_context(doing)?;
    raw::write(&file, documents)
        .with_context(doing)
        .map_err(explained)
}

/// Puts the documents onto a disk, a stick, or one partition of it.
///
/// # Errors
/// It is no block device, is mounted or else in use, or has no seed volume.
pub fn into_device(device: &Path, documents: &[Document]) -> Result<()> {
    let doing = || format!("putting seeds onto {}", device.display());
    let metadata = device.metadata().with_context(doing)?;
    if !metadata.file_type().is_block_device() {
        let error = anyhow!("it is not a disk or stick").context(doing());
        return Err(
            CommandError::from(error).hint("`lsblk` lists them; `--into` is for image files")
        );
    }
    // For block devices this means: only if nobody has it, or a part of it, mounted.
    let exclusive = i32::try_from(rustix::fs::OFlags::EXCL.bits()).unwrap_or_default();
    let opened = File::options()
        .read(true)
        .write(true)
        .custom_flags(exclusive)
        .open(device);
    let medium = match opened {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::BUSY) => {
            let error = anyhow!("it is in use").context(doing());
            return Err(CommandError::from(error).hint(format!(
                "`lsblk {}` shows where it is mounted; unmount it first",
                device.display()
            )));
        }
        other => other.with_context(doing)?,
    };
    raw::write(&medium, documents)
        // It may be pulled out the moment that this command ends.
        .and_then(|()| medium.sync_all().context("waiting until it is written"))
        .with_context(doing)
        .map_err(|error| {
            let missing = error.chain().any(|cause| {
                cause
                    .downcast_ref::<SeedVolumeError>()
                    .is_some_and(|e| matches!(e, SeedVolumeError::NotSeed { .. }))
            });
            let error = CommandError::from(error);
            match missing {
                false => error,
                true => error.hint(format!(
                    "hive formats no disks. A stick with an image gets its seed in its {NAME_SEED} partition: write the image first. An empty stick becomes a seed stick, and loses what is on it, by: `mkfs.vfat -I -n {NAME_SEED} {}`",
                    device.display()
                )),
            }
        })
}

/// Removes what a command that was killed has left.
fn sweep(context: &ContextFolder) -> io::Result<()> {
    for entry in fs::read_dir(context.path(""))? {
        let entry = entry?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(SCRATCH.as_bytes())
        {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// What QEMU's tools say of an image in use, for people.
fn explained(error: anyhow::Error) -> CommandError {
    let in_use = error
        .chain()
        .any(|cause| cause.to_string().contains("another process using"));
    let error = CommandError::from(error);
    match in_use {
        false => error,
        true => error.hint("it is the disk of a machine that runs; switch that off first"),
    }
}
