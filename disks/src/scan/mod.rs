//! Looking at the machine. Nothing here writes.

mod block;
mod content;
mod links;
mod lvm;
pub(crate) mod probe;

use std::fs;
use std::path::Path;

use hive_inventory::seed::MirroredDisk;
use hive_system::{Failure, Program};

use crate::disk::{Content, Disk, Named, Physical, Scan};
use crate::error::Error;
use crate::layout::Layout;

pub(crate) use block::{Block, again};
pub(crate) use content::{edges, identity, words};
pub(crate) use lvm::lvm;

/// Looks at the disks and at LVM.
///
/// # Errors
/// A disk's facts can't be read, LVM fails, or the boot disk is not among the disks.
pub fn scan(layout: &Layout, wanted: &MirroredDisk, boot_disk: &str) -> Result<Scan, Error> {
    settle();
    let boot = fs::canonicalize(boot_disk).unwrap_or_else(|_| boot_disk.into());
    let blocks = block::list(layout)?;
    // With chosen devices, the boot disk may well be none of them.
    if layout.only.is_none() && !blocks.iter().any(|block| block.path == boot) {
        return Err(Error::NoBootDisk(boot_disk.to_owned()));
    }
    let physical = lvm::physical(layout)?;
    let used = block::mounts()?;
    let disks = blocks
        .iter()
        .map(|block| look(layout, block, &boot, &physical, &used))
        .collect::<Result<_, Error>>()?;
    Ok(Scan {
        disks,
        groups: lvm::groups(layout, &physical)?,
        named: wanted.device.as_ref().map(|path| named(path, &blocks)),
    })
}

/// Waits until udev has dealt with what happened before, so that devices are where they belong. It
/// is no error when it can't: what is not there yet is seen as missing.
pub(crate) fn settle() {
    let _ = Program::new("udevadm")
        .args(["settle", "--timeout=30"])
        .output();
}

fn look(
    layout: &Layout,
    block: &Block,
    boot: &Path,
    physical: &[lvm::Found],
    used: &[(String, String)],
) -> Result<Disk, Error> {
    let uses = |device: &str| -> Option<Physical> {
        let found = physical.iter().find(|p| p.path == device)?;
        Some(Physical {
            group: found.group.clone(),
            damaged: found.damaged,
        })
    };
    let path = block.path.display().to_string();
    let is_boot = block.path == boot;
    let (signatures, content) = match content::look(layout, block, &uses) {
        Ok(seen) => seen,
        // A disk that fails must not keep the others from being used.
        Err(
            error @ (Error::Io { .. }
            | Error::Program {
                source: Failure::Failed { .. },
                ..
            }),
        ) => (Vec::new(), Content::Unreadable(error.with_causes())),
        Err(error) => return Err(error),
    };
    let nodes: Vec<String> = block.nodes();
    let mounts = used
        .iter()
        .filter(|(device, _)| nodes.contains(device))
        .map(|(_, at)| at.clone())
        .collect();
    Ok(Disk {
        lasting_path: links::lasting(&block.path),
        bytes: block.bytes,
        model: block.model.clone(),
        serial: block.serial.clone(),
        boot: is_boot,
        read_only: block.read_only,
        removable: block.removable,
        holders: block.holders(),
        mounts,
        signatures,
        group: uses(&path).and_then(|p| p.group),
        content,
        path,
    })
}

/// What the path that a person wrote leads to.
fn named(path: &str, blocks: &[Block]) -> Named {
    let Ok(real) = fs::canonicalize(path) else {
        return Named::Missing;
    };
    if let Some(block) = blocks.iter().find(|block| block.path == real) {
        return Named::Disk(block.path.display().to_string());
    }
    let text = real.display().to_string();
    match blocks.iter().find(|b| b.nodes().contains(&text)) {
        Some(disk) => Named::Partition(disk.path.display().to_string()),
        None => Named::Other(format!("{text}, no disk of its own")),
    }
}
