//! Verdicts and decisions on scans that were written by hand.

use hive_inventory::seed::MirroredDisk;

use super::*;
use crate::disk::{
    Area, Carrier, Content, Device, Disk, Group, Named, Part, Physical, Room, TableView, Volume,
};

const GIB: u64 = 1 << 30;

fn wanted(device: Option<&str>, gigabytes: Option<u64>) -> MirroredDisk {
    MirroredDisk {
        device: device.map(str::to_owned),
        gigabytes,
        volume_group: "drbdvg".into(),
        pool: "drbdpool".into(),
    }
}

fn disk(path: &str, gib: u64, content: Content) -> Disk {
    Disk {
        path: path.into(),
        lasting_path: None,
        bytes: gib * GIB,
        model: "QEMU DISK".into(),
        serial: String::new(),
        boot: false,
        read_only: false,
        removable: false,
        holders: Vec::new(),
        mounts: Vec::new(),
        signatures: Vec::new(),
        group: None,
        content,
    }
}

fn boot() -> Disk {
    Disk {
        boot: true,
        ..disk("/dev/vda", 10, table(vec![part(1, false)], full()))
    }
}

fn empty(path: &str, gib: u64) -> Disk {
    disk(path, gib, Content::Zeros)
}

fn table(partitions: Vec<Part>, room: Room) -> Content {
    Content::Table(TableView { partitions, room })
}

fn full() -> Room {
    Room::None("it is full".into())
}

fn room(gib: u64) -> Room {
    Room::Free {
        start: 1 << 20,
        bytes: gib * GIB,
        remains: Vec::new(),
    }
}

fn part(number: u32, ours: bool) -> Part {
    Part {
        number,
        bytes: GIB,
        name: "a name".into(),
        ours,
        device: Device::Path(format!("/dev/vdb{number}")),
        signatures: Vec::new(),
        area: ours.then_some(Area::Unused),
        physical: None,
    }
}

fn scan(disks: Vec<Disk>) -> Scan {
    Scan {
        disks: std::iter::once(boot()).chain(disks).collect(),
        ..Scan::default()
    }
}

fn named(disk: Disk) -> Scan {
    Scan {
        named: Some(Named::Disk(disk.path.clone())),
        ..scan(vec![disk])
    }
}

fn waits(decision: Decision) -> String {
    match decision {
        Decision::Wait(why) => why,
        other => panic!("it does not wait: {other:?}"),
    }
}

fn takes(path: &str, clear: Option<u64>) -> Decision {
    Decision::Do(Step::WriteTable {
        disk: path.into(),
        clear,
    })
}

#[test]
fn the_only_empty_disk_of_the_right_size_is_taken() {
    let seen = scan(vec![
        empty("/dev/vdc", 20),
        empty("/dev/vdb", 10),
        disk("/dev/vdd", 10, Content::Bytes),
    ]);
    assert_eq!(
        decide(&wanted(None, Some(10)), &seen),
        takes("/dev/vdb", None)
    );
    // Without a size both empty ones could be meant.
    waits(decide(&wanted(None, None), &seen));
    waits(decide(&wanted(None, Some(30)), &seen));
}

#[test]
fn two_equal_disks_are_doubt_and_the_table_shows_both() {
    let seen = scan(vec![empty("/dev/vdb", 10), empty("/dev/vdc", 10)]);
    let why = waits(decide(&wanted(None, Some(10)), &seen));
    assert_eq!(
        why,
        "more than one disk could be the one for mirrored volumes (/dev/vdb, /dev/vdc), and hive does not guess.
  DISK      SIZE      MODEL      SERIAL  HOLDS                  VERDICT
  /dev/vda  10.0 GiB  QEMU DISK  -       GPT (1: no signature)  the host starts from it
  /dev/vdb  10.0 GiB  QEMU DISK  -       nothing                could be taken
  /dev/vdc  10.0 GiB  QEMU DISK  -       nothing                could be taken
To choose one, write its path into the stage of inventory/hive.yml, and make the host's seed anew (`hive seed`):
  machines: {HOST: {mirrored_disk: /dev/vdb}}"
    );
}

#[test]
fn a_disk_in_any_doubt_is_not_taken_unless_a_person_names_it() {
    let base = || empty("/dev/vdb", 10);
    let with = |change: fn(&mut Disk)| {
        let mut disk = base();
        change(&mut disk);
        disk
    };
    let wanted = wanted(None, Some(10));
    assert_eq!(verdict(&wanted, &base()), Verdict::Takeable);
    for disk in [
        with(|d| d.boot = true),
        with(|d| d.read_only = true),
        with(|d| d.removable = true),
        with(|d| d.holders = vec!["dm-0".into()]),
        with(|d| d.mounts = vec!["/mnt".into()]),
        with(|d| d.signatures = vec!["VMFS_volume_member".into()]),
        with(|d| d.bytes = 9 * GIB),
        with(|d| d.content = Content::Bytes),
        with(|d| d.content = Content::TooSmall),
        with(|d| d.content = Content::Unreadable("input/output error".into())),
        with(|d| d.content = Content::Broken("its table is damaged".into())),
        with(|d| d.content = table(Vec::new(), room(10))),
    ] {
        assert!(
            matches!(verdict(&wanted, &disk), Verdict::Left(_)),
            "{disk:?}"
        );
        waits(decide(&wanted, &scan(vec![disk])));
    }
}

#[test]
fn a_named_disk_gets_a_partition_behind_those_that_it_has() {
    let by = wanted(Some("/dev/disk/by-id/x"), None);
    let divided = disk("/dev/vdb", 10, table(vec![part(1, false)], room(5)));
    assert_eq!(
        decide(&by, &named(divided.clone())),
        takes("/dev/vdb", Some(1 << 20))
    );
    assert_eq!(
        decide(&by, &named(empty("/dev/vdb", 10))),
        takes("/dev/vdb", None)
    );
    let usb = Disk {
        removable: true,
        ..empty("/dev/vdb", 10)
    };
    assert_eq!(decide(&by, &named(usb)), takes("/dev/vdb", None));
    // The size that the inventory says is that of the disk, or of what is free on it.
    for (gb, taken) in [(10, true), (5, true), (7, false)] {
        let by = wanted(Some("/dev/disk/by-id/x"), Some(gb));
        let decision = decide(&by, &named(divided.clone()));
        assert_eq!(matches!(decision, Decision::Do(_)), taken, "{gb}");
    }
}

#[test]
fn a_named_disk_that_holds_something_else_is_refused_with_the_way_out() {
    let by = wanted(Some("/dev/vdb"), None);
    for (signature, content) in [
        ("ext4", Content::Bytes),
        ("LVM2_member", Content::Bytes),
        ("linux_raid_member", Content::Bytes),
        ("crypto_LUKS", Content::Bytes),
        ("dos", Content::Bytes),
        ("VMFS_volume_member", Content::Zeros),
        ("gpt", Content::Broken("its table is damaged".into())),
        ("ext4", table(vec![part(1, false)], room(5))),
    ] {
        let full = Disk {
            signatures: vec![signature.into()],
            ..disk("/dev/vdb", 10, content)
        };
        let why = waits(decide(&by, &named(full)));
        assert!(
            why.contains("`wipefs -a /dev/vdb && blkdiscard -z -f -l 2097152 /dev/vdb && blkdiscard -z -f -o 10735321088 -l 2097152 /dev/vdb`"),
            "{why}"
        );
    }
    let remains = table(
        vec![part(1, false)],
        Room::Free {
            start: 1 << 30,
            bytes: GIB,
            remains: vec!["LVM2_member".into()],
        },
    );
    for disk in [
        disk("/dev/vdb", 10, Content::Bytes),
        disk("/dev/vdb", 10, table(vec![part(1, false)], full())),
        disk("/dev/vdb", 10, remains),
        Disk {
            read_only: true,
            ..empty("/dev/vdb", 10)
        },
        Disk {
            mounts: vec!["/mnt".into()],
            ..empty("/dev/vdb", 10)
        },
        boot(),
    ] {
        waits(decide(&by, &named(disk)));
    }
}

#[test]
fn a_name_that_leads_to_no_disk_is_never_replaced_by_a_guess() {
    let by = wanted(Some("/dev/disk/by-id/x"), Some(10));
    for to in [
        Named::Missing,
        Named::Partition("/dev/vdb".into()),
        Named::Other("/dev/dm-0".into()),
        Named::Disk("/dev/gone".into()),
    ] {
        let mut begun = empty("/dev/vdc", 10);
        begun.content = Content::Begun;
        let seen = Scan {
            named: Some(to),
            ..scan(vec![empty("/dev/vdb", 10), begun])
        };
        waits(decide(&by, &seen));
    }
}

#[test]
fn work_that_was_begun_goes_on_where_it_stopped() {
    let wanted = wanted(None, Some(10));
    let next = |part: Part| {
        let disk = disk("/dev/vdb", 10, table(vec![part], full()));
        // Another empty disk does not distract from it.
        decide(&wanted, &scan(vec![disk, empty("/dev/vdc", 10)]))
    };
    let device = || "/dev/vdb1".to_owned();
    let begun = disk("/dev/vdb", 10, Content::Begun);
    assert_eq!(decide(&wanted, &scan(vec![begun])), takes("/dev/vdb", None));
    let unknown = Part {
        device: Device::Unknown,
        ..part(1, true)
    };
    assert_eq!(
        next(unknown),
        Decision::Do(Step::Publish {
            disk: "/dev/vdb".into(),
            number: 1
        })
    );
    assert_eq!(
        next(part(1, true)),
        Decision::Do(Step::CreatePhysical {
            device: device(),
            again: false
        })
    );
    let physical = |area, group: Option<&str>| Part {
        signatures: vec!["LVM2_member".into()],
        area: Some(area),
        physical: Some(Physical {
            group: group.map(str::to_owned),
            damaged: false,
        }),
        ..part(1, true)
    };
    for area in [Area::Unused, Area::First] {
        assert_eq!(
            next(physical(area, None)),
            Decision::Do(Step::CreateGroup { device: device() })
        );
    }
    // A partition of ours that has been in use is no half-made one.
    waits(next(physical(Area::Used, None)));
    waits(next(physical(Area::Used, Some("othervg"))));
    let mut damaged = physical(Area::Unused, None);
    damaged.physical = Some(Physical {
        group: None,
        damaged: true,
    });
    assert_eq!(
        next(damaged.clone()),
        Decision::Do(Step::CreatePhysical {
            device: device(),
            again: true
        })
    );
    damaged.area = Some(Area::Used);
    waits(next(damaged));
    waits(next(Part {
        area: Some(Area::Used),
        ..part(1, true)
    }));
    waits(next(Part {
        signatures: vec!["ext4".into()],
        ..part(1, true)
    }));
    waits(next(Part {
        device: Device::Stale,
        ..part(1, true)
    }));
    let two = || disk("/dev/vdb", 10, Content::Begun);
    waits(decide(&wanted, &scan(vec![two(), two()])));
}

fn group(tags: &[&str], volumes: &[(&str, &str)]) -> Group {
    Group {
        name: "drbdvg".into(),
        uuid: "u".into(),
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        missing: 0,
        extent: 4 << 20,
        free: 255,
        physical: vec![Carrier {
            path: "/dev/vdb1".into(),
            disks: vec!["/dev/vdb".into()],
        }],
        volumes: volumes
            .iter()
            .map(|(name, kind)| Volume {
                name: (*name).into(),
                kind: (*kind).into(),
                zeroes: *kind == "thin-pool",
            })
            .collect(),
    }
}

fn with_groups(groups: Vec<Group>) -> Scan {
    let mut ours = part(1, true);
    ours.bytes = 1022 << 20;
    ours.signatures = vec!["LVM2_member".into()];
    ours.physical = Some(Physical {
        group: Some("drbdvg".into()),
        damaged: false,
    });
    ours.area = Some(Area::Used);
    Scan {
        groups,
        ..scan(vec![
            disk("/dev/vdb", 1, table(vec![ours], full())),
            empty("/dev/vdc", 10),
        ])
    }
}

#[test]
fn a_whole_group_is_left_as_it_is() {
    let volumes = [("drbdpool", "thin-pool"), ("db", "thin")];
    let seen = with_groups(vec![group(&[], &volumes)]);
    assert_eq!(
        decide(&wanted(None, Some(10)), &seen),
        Decision::Ready {
            devices: vec!["/dev/vdb1".into()]
        }
    );
}

#[test]
fn a_pool_that_gives_away_what_others_left_is_mended() {
    let mut group = group(&[], &[("drbdpool", "thin-pool"), ("db", "thin")]);
    group.volumes[0].zeroes = false;
    assert_eq!(
        decide(&wanted(None, Some(10)), &with_groups(vec![group])),
        Decision::Do(Step::ZeroNew {
            devices: vec!["/dev/vdb1".into()]
        })
    );
}

#[test]
fn a_group_that_is_not_whole_or_not_to_be_told_is_never_touched() {
    let pool = [("drbdpool", "thin-pool")];
    let missing = Group {
        missing: 1,
        ..group(&[], &pool)
    };
    let on_boot = Group {
        physical: vec![Carrier {
            path: "/dev/vda9".into(),
            disks: vec!["/dev/vda".into()],
        }],
        ..group(&[], &pool)
    };
    let strange_making = Group {
        physical: vec![Carrier {
            path: "/dev/vdc".into(),
            disks: vec!["/dev/vdc".into()],
        }],
        ..group(&[MAKING], &[])
    };
    for groups in [
        vec![missing],
        vec![on_boot],
        vec![strange_making],
        vec![group(&[], &pool), group(&[], &pool)],
        vec![group(&[], &[])],
        vec![group(&[], &[("drbdpool", "linear")])],
        vec![group(
            &[MAKING],
            &[("drbdpool", "thin-pool"), ("db", "thin")],
        )],
    ] {
        let mut gives_away = groups.clone();
        let pools = gives_away.iter_mut().flat_map(|group| &mut group.volumes);
        pools.for_each(|volume| volume.zeroes = false);
        for groups in [groups, gives_away] {
            waits(decide(&wanted(None, Some(10)), &with_groups(groups)));
        }
    }
}

#[test]
fn a_group_that_hive_was_making_is_finished() {
    let next = |volumes: &[(&str, &str)]| {
        let seen = with_groups(vec![group(&[MAKING], volumes)]);
        decide(&wanted(None, Some(10)), &seen)
    };
    let device = || "/dev/vdb1".to_owned();
    let create = Decision::Do(Step::CreatePool {
        device: device(),
        mib: 1008,
        metadata_mib: 4,
    });
    assert_eq!(next(&[]), create);
    assert_eq!(next(&[("lvol0_pmspare", "linear")]), create);
    assert_eq!(
        next(&[("lvol0", "linear")]),
        Decision::Do(Step::RemoveLeftovers { device: device() })
    );
    assert_eq!(
        next(&[("drbdpool", "thin-pool"), ("drbdpool_tmeta", "linear")]),
        Decision::Do(Step::Finish { device: device() })
    );
}

#[test]
fn a_scan_can_be_written_down_and_read_again() {
    let seen = with_groups(vec![group(&[MAKING], &[])]);
    let text = serde_json::to_string(&seen).unwrap();
    assert_eq!(serde_json::from_str::<Scan>(&text).unwrap(), seen);
}
