//! Disk images: sparse raw ones, and overlays that leave the image below untouched.

use std::fs::OpenOptions;
use std::path::Path;

use hive_system::Program;

use crate::disk::Format;
use crate::error::{Error, Result};

fn qemu_img() -> Program {
    Program::new("qemu-img").package("qemu-utils")
}

/// Makes an empty raw image of so many bytes that takes no room until it is written to.
///
/// # Errors
/// There is a file of that name already, or it can't be made.
pub fn create_raw(path: &Path, bytes: u64) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    let file = made.map_err(Error::io("creating disk image", path))?;
    file.set_len(bytes)
        .map_err(Error::io("sizing disk image", path))
}

/// Makes a qcow2 image that reads from another one and keeps all changes to itself.
///
/// The image below must not be written to any more: the overlay would see a mixture.
///
/// # Errors
/// There is a file of that name already, the image below is missing, or `qemu-img` fails.
pub fn create_overlay(path: &Path, below: &Path, below_format: Format) -> Result<()> {
    if path.exists() {
        let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(Error::io("creating disk image", path)(there));
    }
    let below = std::fs::canonicalize(below).map_err(Error::io("opening disk image", below))?;
    qemu_img()
        .args([
            "create",
            "-q",
            "-f",
            "qcow2",
            "-F",
            below_format.name(),
            "-b",
        ])
        .arg(&below)
        .arg(path)
        .output()?;
    Ok(())
}

/// Makes an image larger. No machine may be using it.
///
/// # Errors
/// It would become smaller, or can't be changed.
pub fn resize(path: &Path, format: Format, bytes: u64) -> Result<()> {
    if format == Format::Qcow2 {
        // Without --shrink, qemu-img itself refuses to make it smaller.
        qemu_img()
            .args(["resize", "-q", "-f", "qcow2"])
            .arg(path)
            .arg(bytes.to_string())
            .output()?;
        return Ok(());
    }
    let file = OpenOptions::new().write(true).open(path);
    let file = file.map_err(Error::io("opening disk image", path))?;
    let now = file
        .metadata()
        .map_err(Error::io("measuring disk image", path))?
        .len();
    if bytes < now {
        let text = format!("{bytes} bytes are less than its {now}; shrinking would cut off data");
        let refused = std::io::Error::new(std::io::ErrorKind::InvalidInput, text);
        return Err(Error::io("resizing disk image", path)(refused));
    }
    file.set_len(bytes)
        .map_err(Error::io("resizing disk image", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn raw_images_are_sparse_grow_and_never_shrink() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk.raw");
        create_raw(&path, 1 << 30).unwrap();
        resize(&path, Format::Raw, 2 << 30).unwrap();
        let meta = path.metadata().unwrap();
        assert_eq!(meta.len(), 2 << 30);
        assert!(meta.blocks() < 100, "takes {} blocks", meta.blocks());
        assert!(create_raw(&path, 1).is_err(), "overwrote an image");
        let error = resize(&path, Format::Raw, 1).unwrap_err();
        assert!(
            error.to_string().starts_with("resizing disk image"),
            "{error}"
        );
        assert_eq!(path.metadata().unwrap().len(), 2 << 30);
    }

    #[test]
    fn an_overlay_of_a_missing_image_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let over = dir.path().join("over.qcow2");
        let error = create_overlay(&over, &dir.path().join("gone"), Format::Raw).unwrap_err();
        assert!(error.to_string().ends_with("gone"), "{error}");
        assert!(!over.exists());
    }
}
