use super::*;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

const HASH: &str = "0123456789abcdef00112233445566778899aabbccddeeff0011223344556677";

fn file(size: u64, content: &[u8], at: u64) -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(size).unwrap();
    file.write_all_at(content, at).unwrap();
    file
}

/// An image in a file, with a boot volume of 64 MiB and a root of 3 MiB less a block.
fn image() -> (tempfile::NamedTempFile, Layout) {
    let out = tempfile::NamedTempFile::new().unwrap();
    let esp = file(64 << 20, b"ESP", 5 << 20);
    let seed = file(SEED_SIZE, b"SEED", 0);
    let root = file((3 << 20) - 4096, &[0xA5; 8192], 0);
    let parts = Parts {
        esp: &esp,
        seed: &seed,
        root: &root,
        root_hash: HASH,
    };
    let layout = assemble(out.as_file(), &parts).unwrap();
    (out, layout)
}

#[test]
fn parts_lie_where_the_layout_says() {
    let (out, layout) = image();
    assert_eq!(
        layout.esp,
        Span {
            offset: 1 << 20,
            length: 64 << 20
        }
    );
    assert_eq!(layout.root.offset, 81 << 20);
    assert_eq!(layout.size, 85 << 20);
    let read = |offset| {
        let mut bytes = [0; 4];
        out.as_file().read_exact_at(&mut bytes, offset).unwrap();
        bytes
    };
    assert_eq!(&read(layout.esp.offset + (5 << 20)), b"ESP\0");
    assert_eq!(&read(layout.seed.offset), b"SEED");
    assert_eq!(read(layout.root.offset + 8188), [0xA5; 4]);
    let metadata = out.as_file().metadata().unwrap();
    assert_eq!(metadata.len(), layout.size);
    assert!(
        metadata.blocks() * 512 < 4 << 20,
        "{} blocks are not sparse",
        metadata.blocks()
    );
}

#[test]
fn the_table_reads_back() {
    let (out, layout) = image();
    let table = gpt::GptConfig::new().open(out.path()).unwrap();
    let found: Vec<_> = table.partitions().values().collect();
    let names: Vec<_> = found.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["esp", "HIVE-SEED", "root-a"]);
    assert_eq!(
        found[2].part_guid.to_string(),
        "01234567-89ab-cdef-0011-223344556677"
    );
    assert_eq!(found[2].flags, 1 << 60 | 1 << 63);
    assert_eq!(found[2].first_lba * SECTOR, layout.root.offset);
    assert_eq!((found[2].last_lba + 1) * SECTOR, layout.root.end());
    for (partition, kind) in found.iter().zip([TYPE_ESP, TYPE_SEED, TYPE_ROOT]) {
        let guid = partition
            .part_type_guid
            .guid
            .to_string()
            .to_ascii_uppercase();
        assert_eq!(guid, kind);
    }
}

#[test]
fn two_images_are_the_same() {
    let bytes = |file: &tempfile::NamedTempFile| {
        let mut bytes = Vec::new();
        File::open(file.path())
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    };
    let (one, two) = (image().0, image().0);
    assert!(bytes(&one) == bytes(&two));
    // What the file held before does not show.
    two.as_file().write_all(&[0xFF; 4 << 20]).unwrap();
    let parts = (file(64 << 20, b"ESP", 5 << 20), file(SEED_SIZE, b"SEED", 0));
    let root = file((3 << 20) - 4096, &[0xA5; 8192], 0);
    let parts = Parts {
        esp: &parts.0,
        seed: &parts.1,
        root: &root,
        root_hash: HASH,
    };
    assemble(two.as_file(), &parts).unwrap();
    assert!(bytes(&one) == bytes(&two));
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    for (esp, seed, root) in [
        (0, SEED_SIZE, 4096),
        (1 << 19, SEED_SIZE, 4096),
        (1 << 20, 1, 4096),
        (1 << 20, SEED_SIZE, 1),
    ] {
        let error = Layout::of(esp, seed, root).unwrap_err();
        assert!(matches!(error, DiskError::Size { .. }), "{error}");
    }
}

#[test]
fn other_tools_find_no_fault() {
    let (out, _) = image();
    for (program, arguments, sound) in [
        ("sgdisk", &["-v"][..], "No problems found"),
        ("sfdisk", &["--verify"][..], "No errors detected"),
    ] {
        match Command::new(program)
            .args(arguments)
            .arg(out.path())
            .output()
        {
            Err(_) => println!("SKIPPED: {program} is not installed (packages gdisk and fdisk)"),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout);
                assert!(
                    output.status.success() && said.contains(sound),
                    "{program}: {said}"
                );
            }
        }
    }
}
