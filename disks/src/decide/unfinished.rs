//! A partition of ours that is in no volume group yet: work that was interrupted.

use hive_inventory::seed::MirroredDisk;

use super::{Decision, Step, wait};
use crate::disk::{Area, Content, Device, Disk, Named, Part, Physical, Scan};

/// Decides when there is work of ours to go on with; `None` when there is none.
pub(super) fn look(wanted: &MirroredDisk, scan: &Scan) -> Option<Decision> {
    let disks: Vec<&Disk> = scan
        .disks
        .iter()
        .filter(|disk| !disk.boot && (is_begun(disk) || ours(disk).is_some()))
        // A person's choice is about that disk alone.
        .filter(|disk| match &scan.named {
            Some(Named::Disk(path)) => disk.path == *path,
            Some(_) => false,
            None => true,
        })
        .collect();
    let disk = match disks.as_slice() {
        [] => return None,
        [disk] => *disk,
        _ => {
            let paths: Vec<&str> = disks.iter().map(|d| d.path.as_str()).collect();
            return Some(wait(
                wanted,
                scan,
                format!(
                    "hive began to prepare more than one disk ({}), and does not choose between them.",
                    paths.join(", ")
                ),
            ));
        }
    };
    if disk.read_only {
        let why = format!("{} can't be written: it is read-only.", disk.path);
        return Some(wait(wanted, scan, why));
    }
    Some(match ours(disk) {
        Some(part) => go_on(wanted, scan, disk, part),
        None => Decision::Do(Step::WriteTable {
            disk: disk.path.clone(),
            clear: None,
        }),
    })
}

/// Whether hive was writing its table.
pub(super) fn is_begun(disk: &Disk) -> bool {
    disk.content == Content::Begun
}

/// The partition that hive made on it.
pub(super) fn ours(disk: &Disk) -> Option<&Part> {
    match &disk.content {
        Content::Table(view) => view.partitions.iter().find(|part| part.ours),
        _ => None,
    }
}

fn go_on(wanted: &MirroredDisk, scan: &Scan, disk: &Disk, part: &Part) -> Decision {
    let (path, number) = (&disk.path, part.number);
    let device = match &part.device {
        Device::Path(device) => device.clone(),
        Device::Unknown => {
            return Decision::Do(Step::Publish {
                disk: path.clone(),
                number,
            });
        }
        Device::Stale => {
            return Decision::Wait(format!(
                "the kernel still has an older partition {number} of {path}: restart the host"
            ));
        }
    };
    let found: Vec<&str> = part.signatures.iter().map(String::as_str).collect();
    // Whether it has never been more than hive itself was making of it.
    let new = matches!(part.area, Some(Area::Unused | Area::First));
    match (found.as_slice(), &part.physical) {
        ([], None) if new => Decision::Do(Step::CreatePhysical {
            device,
            again: false,
        }),
        (
            ["LVM2_member"],
            Some(Physical {
                group: Some(group), ..
            }),
        ) => Decision::Wait(format!(
            "{device} was made by hive and carries volume group {group}, where this host's seed says {}: rename the group with `vgrename {group} {}` if it is the right one, or name another disk",
            wanted.volume_group, wanted.volume_group
        )),
        // The label says that there is a group, which did not come into being.
        (["LVM2_member"], Some(lvm)) if new && lvm.damaged => Decision::Do(Step::CreatePhysical {
            device,
            again: true,
        }),
        (["LVM2_member"], Some(_)) if new => Decision::Do(Step::CreateGroup { device }),
        (["LVM2_member"], None) => Decision::Wait(format!(
            "{device} was made by hive and is a physical volume of LVM, but LVM does not see it: look what `pvs --all {device}` says"
        )),
        ([] | ["LVM2_member"], _) => Decision::Wait(format!(
            "{device} was made by hive and has been in use, but has no volume group that LVM can read: bring the group back with `vgcfgrestore`, or, if nothing on it is needed, empty it with `{}` and restart the host",
            empty_partition(&device)
        )),
        (found, _) => wait(
            wanted,
            scan,
            format!(
                "{device} was made by hive, but now holds {}: empty it with `{}` if nothing on it is needed.",
                found.join(" and "),
                empty_partition(&device)
            ),
        ),
    }
}

fn empty_partition(device: &str) -> String {
    format!("wipefs -a {device} && blkdiscard -z -f -l 1048576 {device}")
}
