//! The disks that the kernel sees, read from `/sys/block`; there is no udev in the initrd.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hive_inventory::disk::SECTOR;

use crate::blockdev::FileDisk;
use crate::gpt;

/// A whole disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskInfo {
    /// Kernel name, `vda`.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Bytes of a logical block.
    pub logical_block: u64,
    /// What the maker calls it.
    pub model: String,
    /// Whether it calls itself removable.
    pub removable: bool,
    /// What is on it.
    pub content: Content,
}

/// The partition table of a disk, as far as init could read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A partition table.
    Table(Box<gpt::Found>),
    /// None, with the reason.
    Other(String),
}

impl DiskInfo {
    /// The device file.
    pub fn path(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }

    /// The partition table, if there is one.
    pub fn found(&self) -> Option<&gpt::Found> {
        match &self.content {
            Content::Table(found) => Some(found),
            Content::Other(_) => None,
        }
    }
}

/// Device names that are never a machine's own disk.
const NOT_DISKS: [&str; 9] = [
    "loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "drbd",
];

/// Every disk with its partition table, in the order of their names.
pub fn disks() -> io::Result<Vec<DiskInfo>> {
    let mut names: Vec<String> = fs::read_dir("/sys/block")?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !NOT_DISKS.iter().any(|not| name.starts_with(not)))
        .collect();
    names.sort();
    Ok(names.into_iter().filter_map(info).collect())
}

fn info(name: String) -> Option<DiskInfo> {
    let folder = Path::new("/sys/block").join(&name);
    let text = |file: &str| {
        fs::read_to_string(folder.join(file))
            .map(|t| t.trim().to_owned())
            .unwrap_or_default()
    };
    // Counted in 512 bytes whatever the disk's own sectors are; 0 is a reader without a card.
    let size = text("size").parse::<u64>().ok().filter(|s| *s > 0)? * SECTOR;
    let logical_block = text("queue/logical_block_size").parse().unwrap_or(SECTOR);
    // Virtio disks have a number for a vendor and no model.
    let model = text("device/model");
    let content = if logical_block == SECTOR {
        match FileDisk::read_only(&Path::new("/dev").join(&name))
            .map_err(gpt::GptError::from)
            .and_then(|disk| gpt::read(&disk))
        {
            Ok(found) => Content::Table(Box::new(found)),
            Err(why) => Content::Other(why.to_string()),
        }
    } else {
        // Firmware reads the table in the disk's own sectors, and the image is made of 512 bytes.
        Content::Other(format!("has sectors of {logical_block} bytes, not 512"))
    };
    Some(DiskInfo {
        removable: text("removable") == "1",
        name,
        size,
        logical_block,
        model,
        content,
    })
}

/// Partitions of a disk as the kernel sees them: number and device name.
pub fn kernel_partitions(disk: &str) -> io::Result<Vec<(u32, String)>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(Path::new("/sys/block").join(disk))? {
        let entry = entry?;
        if let Ok(number) = fs::read_to_string(entry.path().join("partition"))
            && let (Ok(number), Ok(name)) = (number.trim().parse(), entry.file_name().into_string())
        {
            out.push((number, name));
        }
    }
    out.sort();
    Ok(out)
}

/// Device name of partition `number` of `disk`.
pub fn partition_name(disk: &str, number: u32) -> String {
    if disk.ends_with(|c: char| c.is_ascii_digit()) {
        format!("{disk}p{number}")
    } else {
        format!("{disk}{number}")
    }
}

/// Major and minor number of a block device, from its name.
pub fn device_number(name: &str) -> io::Result<(u32, u32)> {
    let text = fs::read_to_string(Path::new("/sys/class/block").join(name).join("dev"))?;
    text.trim()
        .split_once(':')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_numbered_disks_have_a_p() {
        assert_eq!(partition_name("vda", 5), "vda5");
        assert_eq!(partition_name("nvme0n1", 2), "nvme0n1p2");
        assert_eq!(partition_name("mmcblk0", 1), "mmcblk0p1");
    }
}
