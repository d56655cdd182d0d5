//! Doing one step.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use hive_inventory::seed::MirroredDisk;
use hive_system::Program;

use crate::area;
use crate::decide::{MAKING, Step};
use crate::error::Error;
use crate::gpt::state::{State, state};
use crate::gpt::target::{Target, added, fresh};
use crate::gpt::{Edges, Table};
use crate::layout::Layout;
use crate::scan::{self, Block, lvm};

/// Performs `step`.
///
/// # Errors
/// A program fails, the disk can't be written, or it is not what it was when the step was decided.
pub fn perform(layout: &Layout, wanted: &MirroredDisk, step: &Step) -> Result<(), Error> {
    if let Step::WriteTable { disk, clear } = step {
        write_table(layout, disk, *clear)?;
    } else if let Some(program) = program(layout, wanted, step) {
        program.output().map_err(Error::program(step.to_string()))?;
    }
    scan::settle();
    Ok(())
}

/// The one program that does a step; none writes the partition table.
fn program(layout: &Layout, wanted: &MirroredDisk, step: &Step) -> Option<Program> {
    let group = &wanted.volume_group;
    // Each command sees one partition and nothing else of the machine. Questions get no answer, for
    // standard input is empty, and LVM takes that as a no: a signature that nobody saw stays.
    let on = |name: &str, device: &str| lvm(layout, name).args(["--devices", device]);
    Some(match step {
        Step::WriteTable { .. } => return None,
        Step::Publish { disk, number } => Program::new("partx").package("util-linux").args([
            "--update",
            "--nr",
            &number.to_string(),
            disk,
        ]),
        Step::CreatePhysical { device, again } => on("pvcreate", device)
            .args(
                again
                    .then_some(["--force", "--force", "--yes"])
                    .iter()
                    .flatten(),
            )
            .arg(device),
        Step::CreateGroup { device } => {
            on("vgcreate", device).args(["--addtag", MAKING, group, device])
        }
        // All of them: the group holds nothing else, or this would not have been decided.
        Step::RemoveLeftovers { device } => {
            on("lvremove", device).args(["--force", "--yes", group])
        }
        Step::CreatePool {
            device,
            mib,
            metadata_mib,
        } => on("lvcreate", device)
            .args(["--type", "thin-pool", "--chunksize", "1024k"])
            // What a volume that was removed left behind would come back around the first write to a new chunk,
            // with other bytes on each host: no copy would be the same as another below DRBD, and a program
            // that looks for signatures would find those of the dead.
            .args(["--zero", "y"])
            // What an earlier owner left in the middle of the disk is no reason to stop.
            .arg("--yes")
            .args(["--size", &format!("{mib}m")])
            .args(["--poolmetadatasize", &format!("{metadata_mib}m")])
            .args(["--name", &wanted.pool, group]),
        Step::ZeroNew { devices } => on("lvchange", &devices.join(","))
            .args(["--zero", "y"])
            .arg(format!("{group}/{}", wanted.pool)),
        Step::Finish { device } => on("vgchange", device).args(["--deltag", MAKING, group]),
    })
}

/// Writes the table that belongs to what is on the disk now.
fn write_table(layout: &Layout, path: &str, clear: Option<u64>) -> Result<(), Error> {
    let path = Path::new(path);
    let block = scan::again(&path.display().to_string())?;
    let changed = || Error::Changed(path.display().to_string());
    let look = |disk: &File| -> Result<(Edges, Target), Error> {
        let edges = scan::edges(&block, disk).map_err(Error::io("reading", path))?;
        let target = target(layout, &block, &edges, clear).ok_or_else(changed)?;
        Ok((edges, target))
    };
    let (_, before) = look(&File::open(path).map_err(Error::io("opening", path))?)?;
    let mut options = File::options();
    options.read(true).write(true);
    if before.is_fresh() {
        // Nobody may have an empty disk in use. One with partitions may be, others than ours.
        options.custom_flags(libc::O_EXCL);
    }
    let disk = options
        .open(path)
        .map_err(Error::io("opening for writing", path))?;
    // udev keeps its hands off a disk that is locked (systemd.io, BLOCK_DEVICE_LOCKING).
    disk.lock().map_err(Error::io("locking", path))?;
    let (edges, target) = look(&disk)?;
    if target != before {
        return Err(changed());
    }
    put(&disk, &edges, &target, clear).map_err(Error::io("writing the partition table of", path))
}

/// The table to write, if the disk is still what it was when that was decided.
fn target(layout: &Layout, block: &Block, edges: &Edges, clear: Option<u64>) -> Option<Target> {
    let identity = scan::identity(layout, block);
    let identity = scan::words(&identity);
    let starts_there = |target: &Target| clear == Some(target.ours.first * block.sector);
    let with_ours = |table: &Table| added(edges, table).ok().filter(starts_there);
    match (state(edges, &identity), clear) {
        (State::Zeros, None) => fresh(edges, &identity).ok(),
        (State::Begun(target), None) => Some(*target),
        (State::Whole(table), Some(_)) if table.ours().is_none() => with_ours(&table),
        _ => None,
    }
}

fn put(disk: &File, edges: &Edges, target: &Target, clear: Option<u64>) -> io::Result<()> {
    if let Some(start) = clear {
        // What an earlier partition left there must not be taken for metadata of ours.
        disk.write_all_at(&vec![0; area::LENGTH], start)?;
        disk.sync_all()?;
    }
    for writes in target.writes(edges) {
        for (lba, bytes) in writes {
            disk.write_all_at(bytes, lba * edges.sector)?;
        }
        disk.sync_all()?;
    }
    Ok(())
}
