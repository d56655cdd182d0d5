//! The way from an empty disk to a volume group with its pool, with real tools, cut at every step.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod site;

use std::path::Path;

use hive_disks::{Decision, Outcome, Step};
use site::{MIB, Site, run, site, write_at};

/// The group is there, on one partition of that disk, and a second run changes nothing.
fn is_ready(site: &Site, disk: usize, number: u32) {
    let device = format!("{}p{number}", site.path(disk));
    let outcome = site.prepare();
    let Outcome::Ready { devices, .. } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(devices.join(" "), device);
    let before = site.hashes();
    let again = site.prepare();
    assert!(matches!(again, Outcome::Ready { made: false, .. }));
    assert_eq!(site.hashes(), before);
    let group = site.wanted.volume_group.as_str();
    let told = site.lvm(
        "lvs",
        &["--noheadings", "-o", "vg_tags,lv_name,segtype", group],
    );
    // No tag is left.
    let words: Vec<&str> = told.split_whitespace().collect();
    assert_eq!(words, ["drbdpool", "thin-pool"]);
    if !site.stand_in.get() {
        let told = site.lvm(
            "lvs",
            &[
                "--noheadings",
                "-o",
                "chunk_size,zero",
                "--units",
                "k",
                group,
            ],
        );
        let words: Vec<&str> = told.split_whitespace().collect();
        assert_eq!(words, ["1024.00k", "zero"]);
    }
}

#[test]
fn the_one_empty_disk_is_prepared_and_the_others_stay() {
    let Some(mut site) = site(&[96, 1024, 128]) else {
        return;
    };
    run("mkfs.ext4", &["-q", &site.path(0)]);
    site.wanted.gigabytes = Some(1);
    let before = site.hashes();
    is_ready(&site, 1, 1);
    let after = site.hashes();
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    // What other tools make of the table.
    run("sfdisk", &["--verify", &site.path(1)]);
    let told = run("sfdisk", &["--dump", &site.path(1)]);
    assert!(told.contains("start=        2048"), "{told}");
    assert!(told.contains("size=     2093056"), "{told}");
    assert!(
        told.contains("type=E6D6D379-F507-44C2-A23C-238F2A3DF928"),
        "{told}"
    );
    assert!(told.contains("name=\"hive-mirrored\""), "{told}");
}

#[test]
fn a_pool_of_the_predecessor_zeroes_what_it_gives_from_now_on() {
    let Some(site) = site(&[128]) else { return };
    is_ready(&site, 0, 1);
    if site.stand_in.get() {
        eprintln!("SKIPPED: switching a pool over, for this kernel has no dm-thin-pool");
        return;
    }
    let zeroes = || {
        let group = site.wanted.volume_group.as_str();
        let told = site.lvm("lvs", &["--noheadings", "-o", "zero", group]);
        told.trim() == "zero"
    };
    let pool = format!("{}/{}", site.wanted.volume_group, site.wanted.pool);
    site.lvm("lvchange", &["--zero", "n", &pool]);
    assert!(!zeroes());
    let outcome = site.prepare();
    assert!(matches!(outcome, Outcome::Ready { made: true, .. }));
    assert!(zeroes());
    is_ready(&site, 0, 1);
}

#[test]
fn a_disk_with_sectors_of_4096_bytes_is_prepared() {
    let Some(mut site) = site(&[]) else { return };
    site.add(128, 4096);
    is_ready(&site, 0, 1);
    run("sfdisk", &["--verify", &site.path(0)]);
}

#[test]
fn a_named_disk_keeps_its_partitions_bit_for_bit() {
    let Some(mut site) = site(&[256]) else { return };
    site.loops[0]
        .divide("label: gpt\nstart=1MiB, size=30MiB, name=theirs\nstart=40MiB, size=20MiB\n");
    run("mkfs.ext4", &["-q", &format!("{}p1", site.path(0))]);
    // Of a partition that is no more: no signature, but no zeros either.
    site.loops[0].write(60 * MIB + 5000, b"old data");
    site.name(0);
    let entries = || site.loops[0].hash(2 * 512, 2 * 128);
    let data = || site.loops[0].hash(MIB, 59 * MIB);
    let mbr = || site.loops[0].hash(0, 512);
    let before = (entries(), data(), mbr());
    is_ready(&site, 0, 3);
    assert_eq!((entries(), data(), mbr()), before);
    run("sfdisk", &["--verify", &site.path(0)]);
    run("e2fsck", &["-fn", &format!("{}p1", site.path(0))]);
}

#[test]
fn a_link_names_the_disk_that_it_leads_to() {
    let Some(mut site) = site(&[96, 96]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("by-id");
    std::os::unix::fs::symlink(site.path(1), &link).unwrap();
    site.wanted.device = Some(link.display().to_string());
    let before = site.hashes();
    is_ready(&site, 1, 1);
    assert_eq!(site.hashes()[0], before[0]);
}

/// Power cuts between any two steps: what the next start does leads to the same end.
fn cut_everywhere(divided: bool) {
    let mut cut = 0;
    loop {
        let Some(mut site) = site(&[112]) else { return };
        if divided {
            site.loops[0].divide("label: gpt\nstart=1MiB, size=30MiB\n");
            site.name(0);
        }
        let done = site.go(cut).unwrap();
        if cut % 2 == 1 {
            site.restart();
        }
        is_ready(&site, 0, 1 + u32::from(divided));
        if done.len() < cut {
            assert!(cut > 5, "{done:?}");
            break;
        }
        cut += 1;
    }
}

#[test]
fn a_power_cut_after_any_step_is_survived() {
    cut_everywhere(false);
}

#[test]
fn a_power_cut_after_any_step_is_survived_beside_partitions_of_others() {
    cut_everywhere(true);
}

/// LVM fails, whatever it is asked to write: it sees no device. Nothing is undone by that, and the
/// next start goes on.
#[test]
fn a_program_that_fails_at_any_step_is_survived() {
    for cut in 0..7 {
        let Some(site) = site(&[112]) else { return };
        site.go(cut).unwrap();
        let conf = site
            .layout
            .lvm_system_dir
            .as_ref()
            .unwrap()
            .join("lvm.conf");
        let good = std::fs::read(&conf).unwrap();
        std::fs::write(&conf, "devices { global_filter = [ \"r|.*|\" ] }\n").unwrap();
        match site.go(20) {
            Err(error) => assert!(error.with_causes().len() > error.to_string().len()),
            Ok(_) => assert!(matches!(site.decide(), Decision::Wait(_))),
        }
        std::fs::write(&conf, good).unwrap();
        is_ready(&site, 0, 1);
    }
}

#[test]
fn a_table_that_was_half_written_is_finished() {
    for (at, length) in [(0, 512), (512, 512), (0, 34 * 512), (112 * MIB - 512, 512)] {
        let Some(site) = site(&[112]) else { return };
        site.go(1).unwrap();
        // What did not reach the medium.
        site.loops[0].write(at, &vec![0; length]);
        let Decision::Do(Step::WriteTable { .. }) = site.decide() else {
            panic!("{at}: {:?}", site.decide());
        };
        is_ready(&site, 0, 1);
    }
}

#[test]
fn a_half_made_physical_volume_is_made_again_and_a_used_one_never() {
    let Some(site) = site(&[112]) else { return };
    let part = |site: &Site| format!("{}p1", site.path(0));
    let done = |site: &Site, until: fn(&Step) -> bool| {
        while let Decision::Do(step) = site.decide() {
            site.go(1).unwrap();
            if until(&step) {
                break;
            }
        }
    };
    done(&site, |step| matches!(step, Step::CreatePhysical { .. }));
    // The label did not reach the medium, the head of the metadata area did.
    write_at(Path::new(&part(&site)), 512, &[0; 512]);
    assert!(matches!(
        site.decide(),
        Decision::Do(Step::CreatePhysical { .. })
    ));
    done(&site, |step| matches!(step, Step::CreatePhysical { .. }));
    assert!(matches!(
        site.decide(),
        Decision::Do(Step::CreateGroup { .. })
    ));
    // The group's text did reach the medium, and the mark on the label that there is a group; the
    // pointer to the text did not.
    let head = site.loops[0].read(MIB + 4096, 512);
    done(&site, |step| matches!(step, Step::CreateGroup { .. }));
    assert_ne!(site.loops[0].read(MIB + 4096, 512), head);
    write_at(Path::new(&part(&site)), 4096, &head);
    let again = site.decide();
    assert!(
        matches!(
            again,
            Decision::Do(Step::CreatePhysical { again: true, .. })
        ),
        "{again:?}"
    );
    is_ready(&site, 0, 1);
    // The same once the group was in use: hive can't know what is lost, and makes nothing anew.
    let damaged: [u8; 512] = [7; 512];
    for head in [head.as_slice(), &damaged] {
        write_at(Path::new(&part(&site)), 4096, head);
        let before = site.hashes();
        assert!(matches!(site.prepare(), Outcome::Waiting(_)));
        assert_eq!(site.hashes(), before);
    }
}

#[test]
fn a_prepared_disk_that_lost_its_label_is_left_alone() {
    let Some(site) = site(&[112]) else { return };
    is_ready(&site, 0, 1);
    let part = format!("{}p1", site.path(0));
    write_at(Path::new(&part), 512, &[0; 512]);
    let before = site.hashes();
    assert!(matches!(site.prepare(), Outcome::Waiting(_)));
    assert_eq!(site.hashes(), before);
}
