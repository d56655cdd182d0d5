//! Disks as the kernel shows them below `/sys`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::layout::Layout;

/// Names that clouds and machines give to a second disk; these stand first.
const CUSTOMARY: [&str; 8] = [
    "/dev/disk/azure/scsi1/lun0",
    "/dev/sdc",
    "/dev/sdb",
    "/dev/vdc",
    "/dev/vdb",
    "/dev/xvdb",
    "/dev/nvme1n1",
    "/dev/sda",
];

/// A whole disk.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Its device.
    pub path: PathBuf,
    /// Its folder below `/sys/block`.
    folder: PathBuf,
    pub bytes: u64,
    /// Bytes of a logical sector.
    pub sector: u64,
    pub model: String,
    pub serial: String,
    pub read_only: bool,
    pub removable: bool,
}

/// A partition that the kernel has.
#[derive(Debug, Clone)]
pub(crate) struct KernelPart {
    pub path: String,
    pub number: u32,
    pub start: u64,
    pub bytes: u64,
    folder: PathBuf,
}

/// The disks, in the order in which they are shown.
pub(super) fn list(layout: &Layout) -> Result<Vec<Block>, Error> {
    let names: Vec<String> = match &layout.only {
        Some(paths) => paths.iter().filter_map(|path| name(path)).collect(),
        None => {
            let folder = Path::new("/sys/block");
            let entries = fs::read_dir(folder).map_err(Error::io("reading", folder))?;
            let mut names: Vec<String> = entries
                .flatten()
                .filter(|entry| is_disk(&entry.path()))
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            names.sort_by_key(|name| (name.len(), name.clone()));
            names
        }
    };
    let mut blocks = names
        .iter()
        .map(|name| block(name))
        .collect::<Result<Vec<_>, Error>>()?;
    blocks.retain(|block| block.bytes > 0);
    let customary: Vec<PathBuf> = CUSTOMARY
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    blocks.sort_by_key(|block| {
        let place = customary.iter().position(|path| *path == block.path);
        place.unwrap_or(CUSTOMARY.len())
    });
    Ok(blocks)
}

/// Whether a folder of `/sys/block` is a disk that somebody plugged in: those have a device below
/// them, which loop devices, RAID, device-mapper and DRBD have not. Optical and floppy drives and
/// the hidden paths of NVMe are none either.
fn is_disk(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.join("device").exists()
        && !name.starts_with("sr")
        && !name.starts_with("fd")
        && number(&folder.join("hidden")) != Some(1)
}

fn block(name: &str) -> Result<Block, Error> {
    let folder = Path::new("/sys/block").join(name);
    let size = folder.join("size");
    let text = |file: &str| -> String {
        let bytes = fs::read(folder.join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.trim_matches(|c: char| c.is_whitespace() || c == '\0')
            .to_owned()
    };
    let sectors: u64 = fs::read_to_string(&size)
        .map_err(Error::io("reading", &size))?
        .trim()
        .parse()
        .map_err(std::io::Error::other)
        .map_err(Error::io("reading", &size))?;
    let serial = ["serial", "device/serial", "wwid", "device/wwid"]
        .iter()
        .map(|file| text(file))
        .find(|serial| !serial.is_empty());
    let at_usb = fs::canonicalize(&folder).is_ok_and(|p| p.to_string_lossy().contains("/usb"));
    Ok(Block {
        // Slashes in a device's name are exclamation marks below /sys.
        path: Path::new("/dev").join(name.replace('!', "/")),
        // The kernel's size is in units of 512 bytes whatever the disk's sectors are.
        bytes: sectors * 512,
        sector: number(&folder.join("queue/logical_block_size")).unwrap_or(512),
        model: text("device/model"),
        serial: serial.unwrap_or_default(),
        read_only: number(&folder.join("ro")) != Some(0),
        removable: at_usb || number(&folder.join("removable")) == Some(1),
        folder,
    })
}

impl Block {
    /// The partitions that the kernel has.
    pub fn partitions(&self) -> Vec<KernelPart> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let folder = entry.path();
                let name = entry.file_name().to_string_lossy().replace('!', "/");
                Some(KernelPart {
                    path: format!("/dev/{name}"),
                    number: u32::try_from(number(&folder.join("partition"))?).ok()?,
                    start: number(&folder.join("start"))? * 512,
                    bytes: number(&folder.join("size"))? * 512,
                    folder,
                })
            })
            .collect()
    }

    /// The disk's device and those of its partitions.
    pub fn nodes(&self) -> Vec<String> {
        let mut nodes = vec![self.path.display().to_string()];
        nodes.extend(self.partitions().into_iter().map(|part| part.path));
        nodes
    }

    /// What stands on it or on one of its partitions.
    pub fn holders(&self) -> Vec<String> {
        let parts = self.partitions();
        let folders = std::iter::once(&self.folder).chain(parts.iter().map(|p| &p.folder));
        folders
            .flat_map(|folder| names_in(&folder.join("holders")))
            .collect()
    }
}

/// Devices that are mounted or swapped to, with the place.
pub(super) fn mounts() -> Result<Vec<(String, String)>, Error> {
    let table = Path::new("/proc/self/mountinfo");
    let text = fs::read_to_string(table).map_err(Error::io("reading", table))?;
    let mut found: Vec<(String, String)> = text
        .lines()
        .flat_map(|line| {
            let mut words = line.split(' ');
            let numbers = words.nth(2).unwrap_or_default();
            let place = words.nth(1).unwrap_or_default().to_owned();
            let source = line.split(" - ").nth(1).and_then(|s| s.split(' ').nth(1));
            // Some file systems show numbers of their own, and some a source that is no device.
            [device(numbers), source.and_then(real)]
                .into_iter()
                .flatten()
                .map(move |device| (device, place.clone()))
        })
        .collect();
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let swaps = swaps.lines().skip(1).filter_map(|l| l.split(' ').next());
    found.extend(swaps.filter_map(real).map(|d| (d, "[swap]".to_owned())));
    found.sort();
    found.dedup();
    Ok(found)
}

fn real(path: &str) -> Option<String> {
    let path = path.starts_with("/dev/").then(|| fs::canonicalize(path))?;
    Some(path.ok()?.display().to_string())
}

/// The device with such numbers, `254:1`.
fn device(numbers: &str) -> Option<String> {
    let folder = fs::canonicalize(Path::new("/sys/dev/block").join(numbers)).ok()?;
    let name = folder.file_name()?.to_string_lossy().replace('!', "/");
    Some(format!("/dev/{name}"))
}

/// The disks below a device: itself, the disk of a partition, those below device-mapper and RAID.
pub(super) fn below(path: &str) -> Vec<String> {
    let Ok(metadata) = fs::metadata(path) else {
        return Vec::new();
    };
    let rdev = metadata.rdev();
    let numbers = format!("{}:{}", libc::major(rdev), libc::minor(rdev));
    match fs::canonicalize(Path::new("/sys/dev/block").join(numbers)) {
        Ok(folder) => disks_of(&folder),
        Err(_) => Vec::new(),
    }
}

fn disks_of(folder: &Path) -> Vec<String> {
    if folder.join("partition").exists() {
        return folder.parent().map(disks_of).unwrap_or_default();
    }
    let slaves = names_in(&folder.join("slaves"));
    if slaves.is_empty() {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        return vec![format!("/dev/{}", name.replace('!', "/"))];
    }
    slaves
        .iter()
        .filter_map(|name| fs::canonicalize(folder.join("slaves").join(name)).ok())
        .flat_map(|slave| disks_of(&slave))
        .collect()
}

/// The name below `/sys/block` of a device.
fn name(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let name = path.strip_prefix("/dev").ok()?.to_string_lossy();
    Some(name.replace('/', "!"))
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The disk of this path, looked at anew.
pub(crate) fn again(path: &str) -> Result<Block, Error> {
    block(&path.trim_start_matches("/dev/").replace('/', "!"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_those_that_somebody_plugged_in() {
        let blocks = list(&Layout::default()).unwrap();
        for block in &blocks {
            let path = block.path.to_string_lossy();
            for made in ["/dev/loop", "/dev/ram", "/dev/zram", "/dev/dm-", "/dev/md"] {
                assert!(!path.starts_with(made), "{path}");
            }
            assert!(block.bytes > 0 && block.sector >= 512, "{block:?}");
            assert!(block.nodes().contains(&path.into_owned()));
        }
        if blocks.is_empty() {
            eprintln!("SKIPPED: this machine has no disks");
        }
    }
}
