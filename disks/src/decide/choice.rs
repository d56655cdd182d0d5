//! Nothing is there yet: which disk may be taken.

use hive_inventory::seed::MirroredDisk;

use super::verdict::{self, Verdict};
use super::{Decision, Step, wait};
use crate::disk::{Content, Disk, Named, Room, Scan};
use crate::size;

pub(super) fn choose(wanted: &MirroredDisk, scan: &Scan) -> Decision {
    match (&scan.named, &wanted.device) {
        (Some(named), Some(path)) => by_name(wanted, scan, named, path),
        _ => by_itself(wanted, scan),
    }
}

/// Exactly one disk must be left; of two nobody knows which.
fn by_itself(wanted: &MirroredDisk, scan: &Scan) -> Decision {
    let free: Vec<&Disk> = scan
        .disks
        .iter()
        .filter(|disk| verdict::verdict(wanted, disk) == Verdict::Takeable)
        .collect();
    match free.as_slice() {
        [disk] => Decision::Do(Step::WriteTable {
            disk: disk.path.clone(),
            clear: None,
        }),
        [] => {
            let size = wanted
                .gigabytes
                .map_or_else(String::new, |gb| format!(" of {gb} GiB"));
            wait(
                wanted,
                scan,
                format!(
                    "this host is to have a disk{size} for mirrored volumes (volume group {}), and there is none that is empty and of the right size.",
                    wanted.volume_group
                ),
            )
        }
        several => {
            let paths: Vec<&str> = several.iter().map(|d| d.path.as_str()).collect();
            wait(
                wanted,
                scan,
                format!(
                    "more than one disk could be the one for mirrored volumes ({}), and hive does not guess.",
                    paths.join(", ")
                ),
            )
        }
    }
}

/// A person chose it: it may hold partitions, and nothing else.
fn by_name(wanted: &MirroredDisk, scan: &Scan, named: &Named, path: &str) -> Decision {
    let refuse = |why: String| {
        wait(
            wanted,
            scan,
            format!("the disk for mirrored volumes is to be {path}, {why}"),
        )
    };
    let disk = match named {
        Named::Missing => return refuse("and there is no such device.".into()),
        Named::Partition(of) => {
            return refuse(format!("which is a partition: name the whole disk, {of}."));
        }
        Named::Other(what) => return refuse(format!("which is {what}: name a whole disk.")),
        Named::Disk(path) => scan.disks.iter().find(|disk| disk.path == *path),
    };
    let Some(disk) = disk else {
        return refuse("which is not a disk that volumes can be put on.".into());
    };
    if let Some(why) = refusal(wanted, disk) {
        return refuse(why);
    }
    let clear = match &disk.content {
        Content::Table(view) => match &view.room {
            Room::Free { start, .. } => Some(*start),
            Room::None(_) => None,
        },
        _ => None,
    };
    Decision::Do(Step::WriteTable {
        disk: disk.path.clone(),
        clear,
    })
}

/// Why a disk that a person chose is not taken all the same, and the way out.
fn refusal(wanted: &MirroredDisk, disk: &Disk) -> Option<String> {
    let path = &disk.path;
    if disk.boot {
        return Some("which is the disk that this host starts from: name another one.".into());
    }
    if disk.read_only {
        return Some("which is read-only.".into());
    }
    let room = match &disk.content {
        Content::Unreadable(why) => return Some(format!("which can't be read: {why}.")),
        Content::TooSmall => return Some("which is too small.".into()),
        Content::Zeros if disk.signatures.is_empty() => disk.bytes,
        Content::Table(view) => {
            if let Some(other) = disk.signatures.iter().find(|s| !verdict::is_of_table(s)) {
                return Some(format!(
                    "which has a partition table and at the same time holds {other}. If nothing on it is needed, empty it with `{}`.",
                    empty(disk)
                ));
            }
            match &view.room {
                Room::None(why) => {
                    return Some(format!("and {why}: make room on it, or name another disk."));
                }
                Room::Free {
                    start,
                    bytes,
                    remains,
                } if !remains.is_empty() => {
                    return Some(format!(
                        "and in its free part something is left of an earlier partition ({}). If that is not needed, clear both ends of that part with `blkdiscard -z -f -o {start} -l 1048576 {path} && blkdiscard -z -f -o {} -l 1048576 {path}`.",
                        remains.join(", "),
                        (start + bytes).saturating_sub(1 << 20)
                    ));
                }
                Room::Free { bytes, .. } => *bytes,
            }
        }
        Content::Broken(why) => {
            return Some(format!(
                "but {why}. Mend the table, or, if nothing on the disk is needed, empty it with `{}`.",
                empty(disk)
            ));
        }
        Content::Begun | Content::Bytes | Content::Zeros => {
            return Some(format!(
                "but it holds {}. hive divides disks with a GUID partition table only, and empty ones. If nothing on it is needed, empty it with `{}`.",
                verdict::holds(disk),
                empty(disk)
            ));
        }
    };
    let whole_use = matches!(disk.content, Content::Zeros);
    if whole_use && let Some(user) = disk.holders.iter().chain(&disk.mounts).next() {
        return Some(format!("which is in use ({user})."));
    }
    match wanted.gigabytes {
        Some(gb) if !size::matches(disk.bytes, gb) && !size::matches(room, gb) => Some(format!(
            "but it has {} where the inventory says {gb} GiB: is it the right one? Correct `mirrored_disk` or `mirrored_disk_size`.",
            size::show(disk.bytes)
        )),
        _ => None,
    }
}

/// The command with which a person empties a disk, so that hive will take it.
fn empty(disk: &Disk) -> String {
    let (path, edge) = (&disk.path, crate::gpt::EDGE as u64);
    format!(
        "wipefs -a {path} && blkdiscard -z -f -l {edge} {path} && blkdiscard -z -f -o {} -l {edge} {path}",
        disk.bytes.saturating_sub(edge)
    )
}
