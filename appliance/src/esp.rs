//! The machine's own EFI system partition: found through sysfs, mounted only while a name changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hive_inventory::disk::NAME_ESP;
use hive_inventory::node::BootReport;
use rustix::fs::syncfs;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::boot_entry::{Blessing, bless};

/// Where the partition is mounted for a moment.
const MOUNT_POINT: &str = "/run/hive/esp";
/// Where boot entries lie on it (Boot Loader Specification, type 2).
const ENTRIES: &str = "EFI/Linux";

/// Why the boot entry could not be called good.
#[derive(Debug, thiserror::Error)]
pub enum EspError {
    /// The disk has no such partition.
    #[error("the disk {disk} has no partition named {NAME_ESP:?}")]
    NoPartition {
        /// The disk that the machine runs from.
        disk: String,
    },
    /// The partition is there, but not the running image's entry.
    #[error("no boot entry of the running image {image} lies in {ENTRIES} on {partition}")]
    NoEntry {
        /// Version of the image.
        image: String,
        /// Device of the partition.
        partition: String,
    },
    /// The system refused.
    #[error("{doing}: {source}")]
    System {
        /// What was being done, to which thing.
        doing: String,
        /// The cause.
        source: io::Error,
    },
}

/// Says what was being done when the system refused.
fn refused<E: Into<io::Error>>(doing: String) -> impl FnOnce(E) -> EspError {
    move |source| EspError::System {
        doing,
        source: source.into(),
    }
}

/// Gives the running image's boot entry its good name; `true` when the name changed.
///
/// # Errors
/// The partition or the entry is not found, or the system refuses.
pub fn bless_boot(report: &BootReport) -> Result<bool, EspError> {
    let partition = find(Path::new("/sys/class/block"), &report.disk)?;
    let mounted = Mounted::new(&partition, Path::new(MOUNT_POINT))?;
    let changed = bless_in(
        &Path::new(MOUNT_POINT).join(ENTRIES),
        &report.image.image_version,
        &partition,
    )?;
    mounted.close()?;
    Ok(changed)
}

/// Finds the device of the disk's EFI system partition below `sys`, `/sys/class/block`.
fn find(sys: &Path, disk: &str) -> Result<PathBuf, EspError> {
    let name = Path::new(disk).file_name().unwrap_or_default();
    let folder = sys.join(name);
    let wanted = format!("PARTNAME={NAME_ESP}");
    let entries =
        fs::read_dir(&folder).map_err(refused(format!("listing {}", folder.display())))?;
    entries
        .flatten()
        .find(|entry| {
            entry.path().join("partition").exists()
                && fs::read_to_string(entry.path().join("uevent"))
                    .is_ok_and(|text| text.lines().any(|line| line == wanted))
        })
        .map(|entry| Path::new("/dev").join(entry.file_name()))
        .ok_or_else(|| EspError::NoPartition { disk: disk.into() })
}

/// Renames the entry in `folder` and makes the change durable.
fn bless_in(folder: &Path, image_version: &str, partition: &Path) -> Result<bool, EspError> {
    let listing = || format!("listing {}", folder.display());
    let names = fs::read_dir(folder)
        .map_err(refused(listing()))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<String>>>()
        .map_err(refused(listing()))?;
    match bless(&names, image_version) {
        Blessing::Already => Ok(false),
        Blessing::Absent => Err(EspError::NoEntry {
            image: image_version.into(),
            partition: partition.display().to_string(),
        }),
        Blessing::Rename { from, to } => {
            fs::rename(folder.join(&from), folder.join(&to))
                .and_then(|()| fs::File::open(folder)?.sync_all())
                .map_err(refused(format!(
                    "renaming {from} to {to} on {}",
                    partition.display()
                )))?;
            Ok(true)
        }
    }
}

/// A mounted partition, taken out of sight when dropped.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// Mounts it; what a daemon that was killed meanwhile left mounted there goes first.
    fn new(partition: &Path, point: &'a Path) -> Result<Self, EspError> {
        fs::create_dir_all(point).map_err(refused(format!("making {}", point.display())))?;
        while unmount(point, UnmountFlags::DETACH).is_ok() {}
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount(partition, point, c"vfat", flags, Some(c"umask=0077")).map_err(refused(format!(
            "mounting {} on {}",
            partition.display(),
            point.display()
        )))?;
        Ok(Self(point))
    }

    /// Writes what is left, tells if that fails, and unmounts.
    fn close(self) -> Result<(), EspError> {
        fs::File::open(self.0)
            .and_then(|top| Ok(syncfs(top)?))
            .map_err(refused(format!("writing {}", self.0.display())))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // Detached, since a program that this daemon starts just now holds copies of its open files until it
        // runs: an unmount that insists on the last one would be refused as busy, and the partition stay mounted.
        // What can fail is told by `close`.
        let _ = unmount(self.0, UnmountFlags::DETACH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `/sys/class/block` of one disk with these partitions.
    fn sysfs(disk: &str, partitions: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(disk).join("queue")).unwrap();
        for (device, name) in partitions {
            let folder = dir.path().join(disk).join(device);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("partition"), "1\n").unwrap();
            let uevent = format!("DEVNAME={device}\nDEVTYPE=partition\nPARTN=1\nPARTNAME={name}\n");
            fs::write(folder.join("uevent"), uevent).unwrap();
        }
        dir
    }

    #[test]
    fn the_partition_is_that_of_the_running_disk() {
        let sys = sysfs(
            "nvme0n1",
            &[("nvme0n1p1", "HIVE-SEED"), ("nvme0n1p6", "esp")],
        );
        let found = find(sys.path(), "/dev/nvme0n1").unwrap();
        assert_eq!(found, Path::new("/dev/nvme0n1p6"));
    }

    #[test]
    fn a_disk_without_the_partition_is_named() {
        let sys = sysfs("vda", &[("vda1", "esp-old")]);
        let error = find(sys.path(), "/dev/vda").unwrap_err().to_string();
        assert_eq!(error, "the disk /dev/vda has no partition named \"esp\"");
        let error = find(sys.path(), "/dev/vdb").unwrap_err().to_string();
        assert!(
            error.contains("vdb") && error.contains("No such file"),
            "{error}"
        );
    }

    #[test]
    fn the_entry_is_renamed_once_and_keeps_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let device = Path::new("/dev/vda1");
        fs::write(dir.path().join("hive_X+2-1.efi"), "kernel").unwrap();
        assert!(bless_in(dir.path(), "X", device).unwrap());
        assert_eq!(fs::read(dir.path().join("hive_X.efi")).unwrap(), b"kernel");
        assert!(!dir.path().join("hive_X+2-1.efi").exists());
        assert!(!bless_in(dir.path(), "X", device).unwrap());
        let error = bless_in(dir.path(), "Y", device).unwrap_err().to_string();
        assert!(
            error.contains('Y') && error.contains("/dev/vda1"),
            "{error}"
        );
    }
}
