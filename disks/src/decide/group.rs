//! The volume group is there already.

use hive_inventory::seed::MirroredDisk;

use super::{Decision, MAKING, Step};
use crate::disk::{Content, Group, Part, Scan};
use crate::size;

/// What LVM calls the spare for the metadata of pools.
const SPARE: &str = "lvol0_pmspare";

/// Decides when LVM knows a volume group of the wanted name; `None` when it knows none.
pub(super) fn look(wanted: &MirroredDisk, scan: &Scan) -> Option<Decision> {
    let name = &wanted.volume_group;
    let groups: Vec<&Group> = scan.groups.iter().filter(|g| g.name == *name).collect();
    let group = match groups.as_slice() {
        [] => return None,
        [group] => *group,
        _ => {
            let all: Vec<String> = groups
                .iter()
                .map(|g| format!("{} on {}", g.uuid, devices(g).join(", ")))
                .collect();
            return Some(Decision::Wait(format!(
                "there are {} volume groups called {name} ({}), and which one is this host's can't be told: take the disk of the other one out, or rename it with `vgrename UUID NEWNAME`",
                groups.len(),
                all.join("; ")
            )));
        }
    };
    Some(whole(wanted, scan, group))
}

fn whole(wanted: &MirroredDisk, scan: &Scan, group: &Group) -> Decision {
    let (name, pool) = (&group.name, &wanted.pool);
    if group.missing > 0 {
        return Decision::Wait(format!(
            "{} of the physical volumes of volume group {name} are missing ({}): bring their disk back; hive does not repair a volume group. If the disk is lost for good, remove what is left of the group with `vgremove --force {name}`, and the volumes come back from the other hosts",
            group.missing,
            match devices(group).as_slice() {
                [] => "none is there".to_owned(),
                there => format!("there is {}", there.join(", ")),
            }
        ));
    }
    let on_boot = group.physical.iter().find(|carrier| {
        scan.disks
            .iter()
            .any(|disk| disk.boot && carrier.disks.contains(&disk.path))
    });
    if let Some(carrier) = on_boot {
        return Decision::Wait(format!(
            "volume group {name} lies on {}, on the disk that this host starts from, where hive does not put volumes: give the host a disk of its own for them, and remove the group with `vgremove {name}` if nothing in it is needed",
            carrier.path
        ));
    }
    let mut volumes = group.volumes.iter();
    let found = volumes.find(|v| v.name == *pool && v.kind == "thin-pool");
    if !group.tags.iter().any(|tag| tag == MAKING) {
        return match found {
            Some(pool) if pool.zeroes => Decision::Ready {
                devices: devices(group),
            },
            // The predecessor's.
            Some(_) => Decision::Do(Step::ZeroNew {
                devices: devices(group),
            }),
            None => Decision::Wait(format!(
                "volume group {name} has no thin pool {pool}, and it is not hive that was making it: make the pool with `lvcreate --type thin-pool --extents 95%FREE --chunksize 1024k --zero y --name {pool} {name}`, or remove the group with `vgremove {name}`"
            )),
        };
    }
    making(wanted, scan, group, found.is_some())
}

/// The group carries the tag that hive gives it until all is made.
fn making(wanted: &MirroredDisk, scan: &Scan, group: &Group, has_pool: bool) -> Decision {
    let name = &group.name;
    let ours = match group.physical.as_slice() {
        [carrier] => partition(scan, &carrier.path).map(|part| (carrier, part)),
        _ => None,
    };
    let Some((carrier, part)) = ours else {
        return Decision::Wait(format!(
            "volume group {name} has the tag {MAKING}, but does not lie on a partition that hive made ({}): take the tag off with `vgchange --deltag {MAKING} {name}` if the group is as it should be",
            devices(group).join(", ")
        ));
    };
    let device = carrier.path.clone();
    // What lvcreate makes on the way to a pool.
    let pool = &wanted.pool;
    let expected = [
        pool.clone(),
        format!("{pool}_tdata"),
        format!("{pool}_tmeta"),
        "lvol0".to_owned(),
        SPARE.to_owned(),
    ];
    let strange = group.volumes.iter().find(|v| !expected.contains(&v.name));
    if let Some(volume) = strange {
        return Decision::Wait(format!(
            "volume group {name} is not finished by hive, and yet has the volume {}: take it away with `lvremove {name}/{}`, or keep all as it is with `vgchange --deltag {MAKING} {name}`",
            volume.name, volume.name
        ));
    }
    if has_pool {
        return Decision::Do(Step::Finish { device });
    }
    // A spare that is left alone is used for the next pool.
    if group.volumes.iter().any(|v| v.name != SPARE) {
        return Decision::Do(Step::RemoveLeftovers { device });
    }
    match size::pool(part.bytes, group.free * group.extent, group.extent) {
        Some(size) => Decision::Do(Step::CreatePool {
            device,
            mib: size.data,
            metadata_mib: size.metadata,
        }),
        None => Decision::Wait(format!(
            "volume group {name} on {device} is too small for a pool"
        )),
    }
}

/// The partition of ours that the kernel has at this path, off the boot disk.
fn partition<'a>(scan: &'a Scan, path: &str) -> Option<&'a Part> {
    let disks = scan.disks.iter().filter(|disk| !disk.boot);
    disks
        .filter_map(|disk| match &disk.content {
            Content::Table(view) => Some(&view.partitions),
            _ => None,
        })
        .flatten()
        .find(|part| part.ours && part.path() == Some(path))
}

fn devices(group: &Group) -> Vec<String> {
    group.physical.iter().map(|c| c.path.clone()).collect()
}
