use super::*;
use cpio::NewcReader;
use std::io::Read;

fn sample() -> Archive {
    let mut archive = Archive::with_devices().unwrap();
    archive.add_file("/init", 0o755, b"#!".to_vec()).unwrap();
    archive
        .add_file("/hive/etc/hosts", 0o644, b"127.0.0.1 localhost\n".to_vec())
        .unwrap();
    archive.add_folder("/hive", 0o700).unwrap();
    archive.add_link("/bin", "usr/bin").unwrap();
    archive
}

/// Name, mode, device, content.
type Item = (String, u32, (u32, u32), Vec<u8>);

fn read(archive: &[u8]) -> Vec<Item> {
    let mut found = Vec::new();
    let mut rest = archive;
    loop {
        let mut reader = NewcReader::new(rest).unwrap();
        let entry = reader.entry();
        if entry.is_trailer() {
            return found;
        }
        assert_eq!((entry.uid(), entry.gid(), entry.mtime()), (0, 0, 0));
        assert_eq!(entry.ino() as usize, found.len() + 1);
        let mut item = (
            entry.name().to_owned(),
            entry.mode(),
            (entry.rdev_major(), entry.rdev_minor()),
            Vec::new(),
        );
        reader.read_to_end(&mut item.3).unwrap();
        found.push(item);
        rest = reader.finish().unwrap();
    }
}

#[test]
fn an_archive_reads_back() {
    let plain = sample().plain().unwrap();
    assert_eq!(plain.len() % 4, 0);
    let found = read(&plain);
    let short: Vec<_> = found
        .iter()
        .map(|(n, m, d, _)| (n.as_str(), *m, *d))
        .collect();
    assert_eq!(
        short,
        [
            ("bin", 0o120_777, (0, 0)),
            ("dev", 0o40_755, (0, 0)),
            ("dev/console", 0o20_600, (5, 1)),
            ("dev/null", 0o20_666, (1, 3)),
            ("hive", 0o40_700, (0, 0)),
            ("hive/etc", 0o40_755, (0, 0)),
            ("hive/etc/hosts", 0o100_644, (0, 0)),
            ("init", 0o100_755, (0, 0)),
        ]
    );
    assert_eq!(found[0].3, b"usr/bin");
    assert_eq!(found[6].3, b"127.0.0.1 localhost\n");
}

#[test]
fn compressing_keeps_the_archive_and_checks_it() {
    let archive = sample();
    let compressed = archive.compressed().unwrap();
    assert_eq!(compressed, archive.compressed().unwrap());
    assert_eq!(compressed.len() % 4, 0);
    // Frame header descriptor (RFC 8878, 3.1.1.1.1): bit 2 says that a checksum follows.
    assert_eq!(compressed[..4], [0x28, 0xB5, 0x2F, 0xFD]);
    assert_eq!(compressed[4] & 4, 4);
    let mut plain = Vec::new();
    zstd::Decoder::new(&compressed[..])
        .unwrap()
        .single_frame()
        .read_to_end(&mut plain)
        .unwrap();
    assert_eq!(plain, archive.plain().unwrap());
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for bad in ["init", "/", "/a/../b", "/a//b", "/./a", "/TRAILER!!!"] {
        let error = Archive::new().add_file(bad, 0o644, Vec::new()).unwrap_err();
        assert!(matches!(error, InitrdError::Path { .. }), "{bad}: {error}");
    }
}

#[test]
fn one_name_stands_for_one_thing() {
    let mut archive = sample();
    archive.add_link("/bin", "usr/bin").unwrap();
    let error = archive.add_file("/bin/sh", 0o755, Vec::new()).unwrap_err();
    assert!(matches!(error, InitrdError::Twice { .. }), "{error}");
    let error = archive.add_folder("/init", 0o755).unwrap_err();
    assert!(matches!(error, InitrdError::Twice { .. }), "{error}");
}
