//! File systems of volumes in the host's mount table, and how large they were made last.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use hive_inventory::volumes::FileSystemReport;
use hive_system::file_system::Kind;
use hive_volumes::FileSystem;
use hive_volumes::driver::FOLDER;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use crate::durable;

/// Major number of DRBD's devices (Documentation/admin-guide/devices.txt).
pub const MAJOR: u32 = 147;
/// Who is no user of a volume can reach its folder only through docker.
const PRIVATE: u32 = 0o711;

/// A mounted file system of a DRBD device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// The device's minor number.
    pub minor: u32,
    /// Where.
    pub at: PathBuf,
}

/// Those in the text of `/proc/self/mountinfo` (proc(5)), innermost last.
pub fn mounted(mountinfo: &str) -> Vec<Mounted> {
    mountinfo.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mounted> {
    let mut words = line.split(' ').skip(2);
    let (major, minor) = words.next()?.split_once(':')?;
    let root = words.next()?;
    let at = words.next()?;
    // Parts of it that are bound elsewhere are no mounts of their own.
    let ours = major.parse() == Ok(MAJOR) && root == "/";
    Some(Mounted {
        minor: minor.parse().ok()?,
        at: PathBuf::from(at),
    })
    .filter(|_| ours)
}

/// Those of this host now.
///
/// # Errors
/// The kernel does not tell, in words.
pub fn table() -> Result<Vec<Mounted>, String> {
    let text = fs::read_to_string("/proc/self/mountinfo");
    let text = text.map_err(|e| format!("reading the mount table: {e}"))?;
    Ok(mounted(&text))
}

/// The file systems' names in both crates.
pub fn kind(file_system: FileSystem) -> Kind {
    match file_system {
        FileSystem::Xfs => Kind::Xfs,
        FileSystem::Ext4 => Kind::Ext4,
    }
}

/// Mounts a device and makes [`FOLDER`] in it.
///
/// # Errors
/// The kernel refuses, in words.
pub fn mount(device: &str, file_system: FileSystem, at: &Path) -> Result<(), String> {
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true).mode(PRIVATE);
    folders
        .create(at)
        .map_err(|e| format!("making {}: {e}", at.display()))?;
    rustix::mount::mount(device, at, file_system.name(), MountFlags::empty(), None)
        .map_err(|e| format!("mounting {device} at {}: {e}", at.display()))?;
    let folder = at.join(FOLDER);
    match fs::create_dir(&folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            Err(format!("making {}: {e}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Unmounts; what is not mounted is no error.
///
/// # Errors
/// Something still uses it, in words.
pub fn unmount(at: &Path) -> Result<(), String> {
    match rustix::mount::unmount(at, UnmountFlags::NOFOLLOW) {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        Err(Errno::BUSY) => Err(format!(
            "{} is still in use; `fuser --mount {}` tells by whom",
            at.display(),
            at.display()
        )),
        Err(e) => Err(format!("unmounting {}: {e}", at.display())),
    }
}

/// Bytes of a device that is up; the kernel tells without opening it.
pub fn device_bytes(minor: u8) -> Option<u64> {
    let path = format!("/sys/block/drbd{minor}/size");
    let sectors: u64 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    Some(sectors * 512).filter(|bytes| *bytes > 0)
}

/// How full a mounted file system is.
pub fn room(at: &Path) -> Option<FileSystemReport> {
    let told = rustix::fs::statvfs(at).ok()?;
    // Without a file system there it would be the room of another one.
    let above = fs::metadata(at.parent()?).ok()?;
    if fs::metadata(at).ok()?.dev() == above.dev() {
        return None;
    }
    Some(FileSystemReport {
        bytes: told.f_blocks * told.f_frsize,
        used: told.f_blocks.saturating_sub(told.f_bfree) * told.f_frsize,
    })
}

/// Reads a size that was written down; 0: none was.
pub fn noted_size(path: &Path) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

/// Writes a size down, until the next boot.
///
/// # Errors
/// The file can't be written.
pub fn note_size(path: &Path, bytes: u64) -> io::Result<()> {
    durable::replace(path, format!("{bytes}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_drbd_are_found() {
        let table = "\
30 28 259:4 / /var rw,relatime shared:3 - ext4 /dev/nvme0n1p5 rw
90 30 147:1 / /var/lib/hive/volumes/web rw,relatime shared:9 - xfs /dev/drbd1 rw
91 30 147:1 /data /srv/part rw,relatime shared:9 - xfs /dev/drbd1 rw
92 30 147:12 / /mnt rw - ext4 /dev/drbd12 rw
nonsense
";
        let web = Mounted {
            minor: 1,
            at: "/var/lib/hive/volumes/web".into(),
        };
        let by_hand = Mounted {
            minor: 12,
            at: "/mnt".into(),
        };
        assert_eq!(mounted(table), [web, by_hand]);
    }

    #[test]
    fn what_is_not_mounted_is_unmounted_and_has_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("web");
        assert_eq!(unmount(&at), Ok(()));
        fs::create_dir(&at).unwrap();
        assert_eq!(room(&at), None);
        if rustix::process::geteuid().is_root() {
            assert_eq!(unmount(&at), Ok(()));
        }
    }

    #[test]
    fn a_size_that_was_not_written_down_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grown/web.json");
        assert_eq!(noted_size(&path), 0);
        note_size(&path, 4096).unwrap();
        assert_eq!(noted_size(&path), 4096);
    }
}
