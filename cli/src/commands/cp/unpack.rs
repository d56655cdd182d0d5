//! A tar stream of the engine as a file or folder of this computer.
//!
//! What a container holds is not to be trusted: nothing is written outside of the target, also not
//! through a link that the archive brought along.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use tar::{Archive, EntryType};

use super::Copied;
use crate::output;

/// Unpacks what the engine calls by the source's name as `target`.
///
/// # Errors
/// The stream ends in the middle or tries to leave the target, or something can't be written.
pub fn all(stream: impl Read, target: &Path, archive: bool) -> anyhow::Result<Copied> {
    let mut copied = Copied::default();
    let mut tar = Archive::new(stream);
    tar.set_preserve_permissions(archive);
    tar.set_preserve_ownerships(archive && rustix::process::geteuid().is_root());
    // Closed only at the end: a folder without write permission is filled first.
    let mut folders = Vec::new();
    for entry in tar.entries()? {
        let mut entry = entry.context("reading the archive")?;
        let path = place(target, &entry.path()?)?;
        let doing = || format!("writing {}", path.display());
        match entry.header().entry_type() {
            EntryType::Directory => {
                if !path.is_dir() {
                    fs::create_dir(&path).with_context(doing)?;
                }
                folders.push((path, entry.header().mode()?));
            }
            EntryType::Link => {
                let first = entry.link_name()?.context("a hard link without a target")?;
                let first = place(target, &first)?;
                remove(&path).with_context(doing)?;
                fs::hard_link(&first, &path).with_context(doing)?;
                copied.files += 1;
            }
            EntryType::Regular
            | EntryType::Continuous
            | EntryType::GNUSparse
            | EntryType::Symlink => {
                remove(&path).with_context(doing)?;
                let size = entry.size();
                entry.unpack(&path).with_context(doing)?;
                copied.files += u64::from(entry.header().entry_type() != EntryType::Symlink);
                copied.bytes += size;
            }
            _ => output::warn(&format!(
                "{} is no file, folder or link, and left out",
                path.display()
            )),
        }
    }
    let mask = if archive { 0o7777 } else { 0o777 };
    for (path, mode) in folders.into_iter().rev() {
        let mode = Permissions::from_mode(mode & mask);
        fs::set_permissions(&path, mode).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(copied)
}

/// A file or link in the way goes; a folder does not.
fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Where an entry goes: its path without the first part, below the target.
fn place(target: &Path, entry: &Path) -> anyhow::Result<PathBuf> {
    let mut path = target.to_owned();
    let parts = entry.components().filter(|part| *part != Component::CurDir);
    for part in parts.skip(1) {
        let Component::Normal(name) = part else {
            bail!(
                "the archive has a path that leads out of it: {}",
                entry.display()
            );
        };
        if path != target && fs::symlink_metadata(&path).is_ok_and(|m| m.is_symlink()) {
            bail!(
                "the archive has a path that leads through a link: {}",
                entry.display()
            );
        }
        path.push(name);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use tar::{Builder, Header};

    use super::*;

    fn header(kind: EntryType, mode: u32, size: usize) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header
    }

    fn unpacked(fill: impl FnOnce(&mut Builder<Vec<u8>>), target: &Path) -> anyhow::Result<Copied> {
        let mut builder = Builder::new(Vec::new());
        fill(&mut builder);
        all(builder.into_inner().unwrap().as_slice(), target, false)
    }

    #[test]
    fn a_folder_gets_its_new_name_and_keeps_links() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("new");
        let copied = unpacked(
            |tar| {
                let none = std::io::empty();
                tar.append_data(&mut header(EntryType::Directory, 0o555, 0), "old", none)
                    .unwrap();
                tar.append_data(
                    &mut header(EntryType::Regular, 0o4755, 2),
                    "old/a",
                    &b"hi"[..],
                )
                .unwrap();
                tar.append_link(&mut header(EntryType::Link, 0o644, 0), "old/b", "old/a")
                    .unwrap();
                tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), "old/c", "a")
                    .unwrap();
            },
            &target,
        );
        assert_eq!(copied.unwrap(), Copied { files: 2, bytes: 2 });
        let a = fs::metadata(target.join("a")).unwrap();
        assert_eq!(
            (a.mode() & 0o7777, a.ino()),
            (0o755, fs::metadata(target.join("b")).unwrap().ino())
        );
        assert_eq!(fs::read_link(target.join("c")).unwrap(), Path::new("a"));
        assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o555);
    }

    #[test]
    fn nothing_is_written_through_a_link_of_the_archive() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let error = unpacked(
            |tar| {
                let none = std::io::empty();
                tar.append_data(&mut header(EntryType::Directory, 0o755, 0), "d", none)
                    .unwrap();
                tar.append_link(
                    &mut header(EntryType::Symlink, 0o777, 0),
                    "d/l",
                    outside.path(),
                )
                .unwrap();
                tar.append_data(
                    &mut header(EntryType::Regular, 0o644, 1),
                    "d/l/x",
                    &b"x"[..],
                )
                .unwrap();
            },
            &dir.path().join("d"),
        );
        assert!(error.unwrap_err().to_string().contains("through a link"));
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        assert!(place(Path::new("/t"), Path::new("d/../../x")).is_err());
        assert_eq!(
            place(Path::new("/t"), Path::new("./d/x")).unwrap(),
            Path::new("/t/x")
        );
    }
}
