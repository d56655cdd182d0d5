//! Disks that hold something, made with real tools: whatever hive decides, not a bit of them changes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod site;

use hive_disks::{Outcome, Verdict, verdict};
use site::{Loop, MIB, Site, run, site};

/// Looks at the machine as it is with the only disk unnamed and named: nothing is taken, and nothing
/// changes.
fn untouched(site: &mut Site, what: &str) {
    let before = site.hashes();
    for named in [false, true] {
        site.wanted.device = named.then(|| site.path(0));
        match site.prepare() {
            Outcome::Waiting(why) => {
                let path = site.path(0);
                assert!(why.contains(&path), "{what}: {why}");
            }
            done @ Outcome::Ready { .. } => panic!("{what} was taken: {done:?}"),
        }
        assert_eq!(site.hashes(), before, "{what}, named: {named}");
    }
    site.wanted.device = None;
}

/// One disk with something on it, of which this is the signature.
fn refused(what: &str, signature: &str, make: impl Fn(&Site, &Loop)) {
    let Some(mut site) = site(&[96]) else { return };
    make(&site, &site.loops[0]);
    let seen = site.scan();
    assert!(
        seen.disks[0].signatures.iter().any(|s| s == signature),
        "{what}: {:?}",
        seen.disks[0]
    );
    untouched(&mut site, what);
}

fn path(disk: &Loop) -> &str {
    disk.path.to_str().unwrap()
}

#[test]
fn a_file_system_without_partition_table_stays() {
    refused("ext4", "ext4", |_, disk| {
        run("mkfs.ext4", &["-q", path(disk)]);
    });
    // mkfs.xfs refuses sizes below 300 MiB in newer releases; swap stands for another place of the signature.
    refused("swap", "swap", |_, disk| {
        run("mkswap", &[path(disk)]);
    });
    let Some(mut site) = site(&[320]) else { return };
    run("mkfs.xfs", &["-q", &site.path(0)]);
    untouched(&mut site, "xfs");
}

#[test]
fn a_physical_volume_of_lvm_stays() {
    refused("a PV in no group", "LVM2_member", |site, disk| {
        site.lvm("pvcreate", &[path(disk)]);
    });
    refused("a PV of another group", "LVM2_member", |site, disk| {
        let group = format!("{}other", site.wanted.volume_group);
        site.lvm("vgcreate", &[&group, path(disk)]);
    });
    // Even a group that has the name, as long as hive was not making it.
    let Some(mut site) = site(&[96, 96]) else {
        return;
    };
    let group = site.wanted.volume_group.clone();
    site.lvm("vgcreate", &[&group, &site.path(0)]);
    let before = site.hashes();
    for device in [None, Some(site.path(1))] {
        site.wanted.device = device;
        assert!(matches!(site.prepare(), Outcome::Waiting(_)));
        assert_eq!(site.hashes(), before);
    }
}

#[test]
fn a_group_with_a_missing_disk_is_not_repaired_and_nothing_else_is_taken() {
    let Some(mut site) = site(&[96, 96, 96]) else {
        return;
    };
    let group = site.wanted.volume_group.clone();
    site.lvm("vgcreate", &[&group, &site.path(0), &site.path(1)]);
    let gone = site.loops.remove(1);
    run("losetup", &["--detach", path(&gone)]);
    site.layout.only = Some(site.loops.iter().map(|l| l.path.clone()).collect());
    let before = site.hashes();
    assert_eq!(site.scan().groups[0].missing, 1);
    assert!(matches!(site.prepare(), Outcome::Waiting(_)));
    assert_eq!(site.hashes(), before);
}

/// A superblock of Linux RAID, version 1.2: 4 KiB from the start (kernel, md_p.h). The kernel that
/// runs the tests need not have the driver, so mdadm can't make it.
fn raid_superblock(sectors: u64) -> Vec<u8> {
    let mut s = vec![0u8; 258];
    s[0..4].copy_from_slice(&0xa92b_4efcu32.to_le_bytes());
    s[4..8].copy_from_slice(&1u32.to_le_bytes());
    s[16..32].copy_from_slice(b"0123456789abcdef");
    s[32..38].copy_from_slice(b"host:0");
    s[72..76].copy_from_slice(&1u32.to_le_bytes()); // RAID 1
    s[80..88].copy_from_slice(&(sectors - 2048).to_le_bytes());
    s[92..96].copy_from_slice(&2u32.to_le_bytes());
    s[128..136].copy_from_slice(&2048u64.to_le_bytes());
    s[136..144].copy_from_slice(&(sectors - 2048).to_le_bytes());
    s[144..152].copy_from_slice(&8u64.to_le_bytes());
    s[220..224].copy_from_slice(&1u32.to_le_bytes()); // room for one role
    let words = s.chunks(4).map(|c| match c {
        [a, b, c, d] => u64::from(u32::from_le_bytes([*a, *b, *c, *d])),
        [a, b] => u64::from(u16::from_le_bytes([*a, *b])),
        _ => unreachable!(),
    });
    let sum: u64 = words.sum();
    let sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
    s[216..220].copy_from_slice(&(sum as u32).to_le_bytes());
    s
}

#[test]
fn a_member_of_a_raid_array_stays() {
    refused("RAID", "linux_raid_member", |_, disk| {
        disk.write(4096, &raid_superblock(disk.bytes() / 512));
        // mdadm itself takes it for one, sum and all.
        let told = run("mdadm", &["--examine", path(disk)]);
        assert!(
            told.contains("raid1") && told.contains("- correct"),
            "{told}"
        );
    });
}

#[test]
fn an_encrypted_volume_stays() {
    refused("LUKS", "crypto_LUKS", |_, disk| {
        disk.write(0, b"LUKS\xba\xbe\x00\x01");
        disk.write(168, b"0f0e0d0c-0102-0304-0506-070809101112");
    });
}

#[test]
fn foreign_partition_tables_stay() {
    refused("msdos", "dos", |_, disk| {
        disk.divide("label: dos\nstart=1MiB, size=20MiB, type=83\n");
    });
    refused("full GPT", "gpt", |_, disk| {
        disk.divide("label: gpt\nstart=1MiB\n");
        run("mkfs.ext4", &["-q", &format!("{}p1", path(disk))]);
    });
    refused("GPT with little room", "gpt", |_, disk| {
        disk.divide("label: gpt\nstart=1MiB, size=60MiB\n");
    });
    refused("GPT without its first copy", "gpt", |_, disk| {
        disk.divide("label: gpt\nstart=1MiB, size=20MiB\n");
        disk.write(512, &[0; 512]);
    });
    refused("GPT without its second copy", "gpt", |_, disk| {
        disk.divide("label: gpt\nstart=1MiB, size=20MiB\n");
        disk.write(disk.bytes() - 512, &[0; 512]);
    });
    refused("GPT with a file system's remains", "gpt", |_, disk| {
        disk.divide("label: gpt\nstart=1MiB, size=2MiB\nstart=3MiB\n");
        run("mkfs.ext4", &["-q", &format!("{}p2", path(disk))]);
        run("partx", &["--delete", path(disk)]);
        run(
            "sfdisk",
            &[
                "--quiet",
                "--no-reread",
                "--no-tell-kernel",
                "--delete",
                path(disk),
                "2",
            ],
        );
    });
}

#[test]
fn a_gpt_with_room_is_not_taken_unless_a_person_names_it() {
    let Some(site) = site(&[160]) else { return };
    site.loops[0].divide("label: gpt\nstart=1MiB, size=20MiB\n");
    let before = site.hashes();
    assert!(matches!(site.prepare(), Outcome::Waiting(_)));
    assert_eq!(site.hashes(), before);
}

#[test]
fn data_without_a_signature_stays() {
    for at in [0, 700_000, MIB + 4096, 2 * MIB - 1, 94 * MIB, 96 * MIB - 1] {
        let Some(mut site) = site(&[96]) else { return };
        site.loops[0].write(at, b"x");
        untouched(&mut site, &format!("a byte at {at}"));
    }
}

#[test]
fn a_disk_of_the_wrong_size_stays() {
    let Some(mut site) = site(&[96]) else { return };
    site.wanted.gigabytes = Some(1);
    untouched(&mut site, "a disk of another size");
}

#[test]
fn of_two_equal_disks_neither_is_taken() {
    let Some(site) = site(&[96, 96]) else { return };
    let before = site.hashes();
    let seen = site.scan();
    for disk in &seen.disks {
        assert_eq!(verdict(&site.wanted, disk), Verdict::Takeable);
    }
    assert!(matches!(site.prepare(), Outcome::Waiting(_)));
    assert_eq!(site.hashes(), before);
}

#[test]
fn a_mounted_disk_is_never_taken() {
    let Some(mut site) = site(&[96]) else { return };
    run("mkfs.ext4", &["-q", &site.path(0)]);
    let place = tempfile::tempdir().unwrap();
    let place = place.path().to_str().unwrap();
    run("mount", &["-o", "ro,noload", &site.path(0), place]);
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert_eq!(site.scan().disks[0].mounts, [place]);
        untouched(&mut site, "a mounted file system");
    }));
    run("umount", &[place]);
    seen.unwrap();
}
