//! Volumes that we make hold against `fsck.fat` and against another implementation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::process::Command;

use hive_fat::{FatError, FatKind, Volume, format};

fn blank(size: u64, label: &str) -> Cursor<Vec<u8>> {
    let mut disk = Cursor::new(vec![0u8; size as usize]);
    format(&mut disk, size, 0x1234_ABCD, label).unwrap();
    disk
}

/// Asks `fsck.fat` for its opinion; says so when it is not there to be asked.
fn fsck(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let found = ["fsck.fat", "/usr/sbin/fsck.fat", "/sbin/fsck.fat"]
        .iter()
        .find_map(|p| Command::new(p).arg("-nv").arg(file.path()).output().ok());
    let Some(output) = found else {
        println!("SKIPPED: fsck.fat is not installed (package dosfstools)");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

fn esp(size: u64) -> Vec<u8> {
    let mut volume = Volume::open(blank(size, "esp")).unwrap();
    volume.add_dir("EFI/BOOT").unwrap();
    volume
        .add_file("EFI/BOOT/BOOTX64.EFI", &vec![7u8; 123_456][..])
        .unwrap();
    for index in 0..60 {
        let name = format!("EFI/Linux/hive_trixie-{index:08x}+3.efi");
        volume
            .add_file(&name, &vec![index as u8; 10_000 + index][..])
            .unwrap();
    }
    volume
        .add_file("loader/loader.conf", &b"timeout 3\n"[..])
        .unwrap();
    volume.add_file("loader/entries.srel", &b""[..]).unwrap();
    volume.finish().unwrap().into_inner()
}

#[test]
fn fsck_accepts_fat32_and_fat16() {
    for (size, kind) in [(64 << 20, FatKind::Fat32), (16 << 20, FatKind::Fat16)] {
        let bytes = esp(size);
        assert_eq!(Volume::open(Cursor::new(&bytes)).unwrap().kind(), kind);
        fsck(&bytes);
    }
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    assert!(esp(48 << 20) == esp(48 << 20));
}

#[test]
fn another_implementation_reads_what_we_write() {
    for size in [64 << 20, 16 << 20] {
        let disk = Cursor::new(esp(size));
        let other = fatfs::FileSystem::new(disk, fatfs::FsOptions::new()).unwrap();
        assert_eq!(other.volume_label(), "ESP");
        let names: Vec<String> = other
            .root_dir()
            .open_dir("EFI/Linux")
            .unwrap()
            .iter()
            .map(|e| e.unwrap().file_name())
            .filter(|n| !n.starts_with('.'))
            .collect();
        assert_eq!(names.len(), 60);
        assert_eq!(names[9], "hive_trixie-00000009+3.efi");
        let mut content = Vec::new();
        let mut file = other
            .root_dir()
            .open_file("EFI/Linux/hive_trixie-00000009+3.efi")
            .unwrap();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, vec![9u8; 10_009]);
    }
}

#[test]
fn we_read_what_another_implementation_writes() {
    for (size, fat) in [
        (2 << 20, fatfs::FatType::Fat12),
        (16 << 20, fatfs::FatType::Fat16),
        (64 << 20, fatfs::FatType::Fat32),
    ] {
        let mut bytes = vec![0u8; size];
        let mut disk = Cursor::new(&mut bytes[..]);
        let options = fatfs::FormatVolumeOptions::new()
            .fat_type(fat)
            .volume_label(*b"HIVE-SEED  ");
        fatfs::format_volume(&mut disk, options).unwrap();
        let other = fatfs::FileSystem::new(disk, fatfs::FsOptions::new()).unwrap();
        let body = vec![0x5A; 70_001];
        let folder = other.root_dir().create_dir("some folder").unwrap();
        let mut file = folder.create_file("seed.json").unwrap();
        file.write_all(&body).unwrap();
        drop((file, folder));
        other.unmount().unwrap();
        let mut volume = Volume::open(Cursor::new(bytes)).unwrap();
        assert_eq!(volume.label().unwrap().as_deref(), Some("HIVE-SEED"));
        assert_eq!(volume.read_file("Some Folder/SEED.json").unwrap(), body);
        assert_eq!(volume.list("").unwrap()[0].name, "some folder");
    }
}

#[test]
fn a_file_is_replaced_and_its_room_given_back() {
    let mut volume = Volume::open(blank(16 << 20, "HIVE-SEED")).unwrap();
    volume
        .add_file("seed.json", &vec![1u8; 3 << 20][..])
        .unwrap();
    let free = volume.free_bytes();
    for round in 0..20u8 {
        volume
            .add_file("seed.json", &vec![round; 3 << 20][..])
            .unwrap();
    }
    assert_eq!(volume.free_bytes(), free);
    let bytes = volume.finish().unwrap().into_inner();
    fsck(&bytes);
    let mut volume = Volume::open(Cursor::new(bytes)).unwrap();
    assert_eq!(volume.read_file("seed.json").unwrap(), vec![19; 3 << 20]);
    assert_eq!(volume.list("").unwrap().len(), 1);
}

#[test]
fn a_full_volume_says_so_and_stays_whole() {
    let mut volume = Volume::open(blank(16 << 20, "x")).unwrap();
    let error = volume
        .add_file("big", std::io::repeat(1).take(20 << 20))
        .unwrap_err();
    assert!(matches!(error, FatError::Full { .. }), "{error}");
    volume.add_file("small", &b"fits"[..]).unwrap();
    fsck(&volume.finish().unwrap().into_inner());
}

#[test]
fn a_volume_of_mkfs_reads() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(8 << 20).unwrap();
    let made = Command::new("/usr/sbin/mkfs.fat")
        .args(["-n", "HIVE-SEED"])
        .arg(file.path())
        .output();
    if !made.is_ok_and(|o| o.status.success()) {
        println!("SKIPPED: mkfs.fat is not installed (package dosfstools)");
        return;
    }
    let disk = File::options()
        .read(true)
        .write(true)
        .open(file.path())
        .unwrap();
    let mut volume = Volume::open(disk).unwrap();
    assert_eq!(volume.label().unwrap().as_deref(), Some("HIVE-SEED"));
    volume.add_file("seed.json", &b"{}"[..]).unwrap();
    volume.finish().unwrap();
    let mut bytes = Vec::new();
    File::open(file.path())
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    fsck(&bytes);
}
