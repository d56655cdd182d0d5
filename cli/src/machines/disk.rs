//! The disk of a machine: the baked image in a larger file, with the host's seed on it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, bail};
use hive_builder::format::seed_volume::inject_seed;
use hive_inventory::disk::{GIB, SEED_SIZE};
use rustix::fs::SeekFrom;
use rustix::io::Errno;

use crate::error::Result;
use crate::output;

/// Copied at a time.
const CHUNK: usize = 1 << 20;

/// Makes the disk from the raw image; it stands under its name only when it is complete.
///
/// # Errors
/// The disk would be smaller than the image, the image can't be read, or this computer's disk is full.
pub fn make(
    image: &Path,
    path: &Path,
    gigabytes: u64,
    seed_offset: u64,
    seed: &[u8],
) -> Result<()> {
    let from = File::open(image)
        .with_context(|| format!("opening the baked image {}", image.display()))?;
    let length = from
        .metadata()
        .with_context(|| format!("measuring {}", image.display()))?
        .len();
    let wanted = gigabytes.saturating_mul(GIB);
    if wanted < length {
        return Err(anyhow::anyhow!(
            "a disk of {gigabytes} GB is smaller than the image ({}); raise `disk_size` of the stage",
            output::size(length)
        )
        .into());
    }
    let aside = path.with_extension("new");
    let doing = || format!("making the disk {}", path.display());
    let made = (|| {
        let to = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&aside)?;
        copy(&from, &to, length)?;
        to.set_len(wanted)?;
        Ok::<_, io::Error>(to)
    })();
    let to = match made {
        Ok(to) => to,
        Err(error) => {
            drop(fs::remove_file(&aside));
            return Err(anyhow::Error::new(error).context(doing()).into());
        }
    };
    inject_seed(&to, seed_offset, SEED_SIZE, seed).with_context(doing)?;
    fs::rename(&aside, path).with_context(doing)?;
    Ok(())
}

/// Gives the disk of a machine that stands still another seed, in force at its next start.
///
/// # Errors
/// The disk has no seed volume there, or can't be written.
pub fn reseed(path: &Path, seed_offset: u64, seed: &[u8]) -> Result<()> {
    let doing = || format!("writing the new seed to {}", path.display());
    let disk = File::options()
        .read(true)
        .write(true)
        .open(path)
        .with_context(doing)?;
    Ok(inject_seed(&disk, seed_offset, SEED_SIZE, seed).with_context(doing)?)
}

/// Makes the second disk, for mirrored volumes; one that is there stays as it is.
///
/// # Errors
/// It can't be made.
pub fn make_empty(path: &Path, gigabytes: u64) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    Ok(hive_qemu::create_raw(path, gigabytes.saturating_mul(GIB))?)
}

/// Copies a file with its holes, or lets both share their blocks where the file system can.
fn copy(from: &File, to: &File, length: u64) -> io::Result<()> {
    if rustix::fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    to.set_len(length)?;
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    while at < length {
        let start = match rustix::fs::seek(from, SeekFrom::Data(at)) {
            Ok(start) => start,
            // Nothing but a hole to the end.
            Err(Errno::NXIO) => break,
            Err(e) => return Err(e.into()),
        };
        let end = rustix::fs::seek(from, SeekFrom::Hole(start))?;
        at = start;
        while at < end {
            let n = CHUNK.min(usize::try_from(end - at).unwrap_or(CHUNK));
            from.read_exact_at(&mut buffer[..n], at)?;
            to.write_all_at(&buffer[..n], at)?;
            at += n as u64;
        }
    }
    Ok(())
}

/// The raw image of a record, checked to be the one that was baked.
///
/// # Errors
/// It is gone, or of another size.
pub fn raw_image(
    images: &Path,
    record: &hive_builder::bake::record::Record,
) -> Result<std::path::PathBuf> {
    let raw = record
        .files
        .iter()
        .find(|f| f.format == hive_builder::bake::Format::Raw);
    let raw = raw.context("the last bake wrote no raw image; run `hive bake`")?;
    // The site folder may have moved since.
    let path = images.join(raw.path.file_name().unwrap_or_default());
    let there = || -> anyhow::Result<()> {
        let length = fs::metadata(&path)
            .with_context(|| format!("looking at {}", path.display()))?
            .len();
        if length != raw.size {
            bail!(
                "{} has {length} bytes, baked were {}; run `hive bake`",
                path.display(),
                raw.size
            );
        }
        Ok(())
    };
    there().context("the baked image is not what the last bake wrote")?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    const OFFSET: u64 = 3 << 20;

    fn image(dir: &Path) -> std::path::PathBuf {
        let seed = tempfile::tempfile().unwrap();
        hive_builder::format::seed_volume::write(&seed, None).unwrap();
        let mut bytes = vec![0; usize::try_from(SEED_SIZE).unwrap()];
        seed.read_exact_at(&mut bytes, 0).unwrap();
        let path = dir.join("hive.raw");
        let image = File::create(&path).unwrap();
        image.set_len(64 << 20).unwrap();
        image.write_all_at(b"head", 0).unwrap();
        image.write_all_at(&bytes, OFFSET).unwrap();
        image.write_all_at(b"tail", (64 << 20) - 4).unwrap();
        path
    }

    #[test]
    fn a_disk_is_the_image_with_a_seed_and_room() {
        let dir = tempfile::tempdir().unwrap();
        let (image, disk) = (image(dir.path()), dir.path().join("disk.raw"));
        make(&image, &disk, 2, OFFSET, b"{\"one\":1}").unwrap();
        reseed(&disk, OFFSET, b"{\"two\":2}").unwrap();
        let file = File::open(&disk).unwrap();
        let read = |at| {
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, at).unwrap();
            bytes
        };
        assert_eq!((&read(0), &read((64 << 20) - 4)), (b"head", b"tail"));
        let meta = file.metadata().unwrap();
        assert_eq!(meta.len(), 2 * GIB);
        assert!(meta.blocks() * 512 < 40 << 20, "{} blocks", meta.blocks());
        let mut text = vec![0; usize::try_from(SEED_SIZE).unwrap()];
        file.read_exact_at(&mut text, OFFSET).unwrap();
        let holds = |what: &str| String::from_utf8_lossy(&text).contains(what);
        assert!(holds("{\"two\":2}") && !holds("{\"one\":1}"));
        assert!(!dir.path().join("disk.new").exists());
    }

    #[test]
    fn a_disk_smaller_than_the_image_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let image = image(dir.path());
        let error = make(&image, &dir.path().join("disk.raw"), 0, OFFSET, b"{}")
            .unwrap_err()
            .text();
        assert!(error.contains("raise `disk_size`"), "{error}");
        assert!(!dir.path().join("disk.raw").exists());
    }
}
