//! Media as they come, and what must not happen to them.

use std::fs::File;
use std::os::unix::fs::FileExt;

use hive_builder::format::seed_volume::Document;
use hive_builder::format::{disk, seed_volume};
use hive_inventory::disk::{MIB, SEED_SIZE};

use super::place::{self, HEAD, Place};
use super::raw;

/// A golden image of 20 MiB in small.
fn image() -> File {
    let part = |size| {
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        file.write_all_at(b"sealed", 0).unwrap();
        file
    };
    let (esp, root, seed) = (part(MIB), part(MIB), tempfile::tempfile().unwrap());
    seed_volume::write(&seed, None).unwrap();
    let image = tempfile::tempfile().unwrap();
    let parts = disk::Parts {
        esp: &esp,
        seed: &seed,
        root: &root,
        root_hash: &"0123456789abcdef".repeat(4),
    };
    disk::assemble(&image, &parts).unwrap();
    image
}

fn head(image: &File) -> Vec<u8> {
    let mut head = vec![0; usize::try_from(HEAD).unwrap()];
    image.read_exact_at(&mut head, 0).unwrap();
    head
}

#[test]
fn the_volume_is_found_by_its_name() {
    let head = head(&image());
    let found = place::find(&head, 20 * MIB).unwrap().unwrap();
    let expected = Place {
        offset: 2 * MIB,
        length: SEED_SIZE,
        partition: true,
    };
    assert_eq!(found, expected);
    assert_eq!(place::find(&[0; 4096], 20 * MIB).unwrap(), None);
}

#[test]
fn a_damaged_or_truncated_table_is_not_believed() {
    let good = head(&image());
    let told = |head: &[u8], size| place::find(head, size).unwrap_err().to_string();
    assert!(told(&good, 10 * MIB).contains("outside"));
    for at in [512 + 40, 1024 + 32] {
        let mut head = good.clone();
        head[at] ^= 1;
        assert!(told(&head, 20 * MIB).contains("checksum"), "byte {at}");
    }
    let mut head = good.clone();
    head[512 + 12..512 + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(told(&head, 20 * MIB).contains("checksum"));
    assert!(told(&good[..1536], 20 * MIB).contains("form"));
}

#[test]
fn a_stick_without_a_table_is_used_whole_and_an_image_through_its_table() {
    let stick = tempfile::tempfile().unwrap();
    seed_volume::write(&stick, None).unwrap();
    let image = image();
    for (medium, at) in [(&stick, 0), (&image, 2 * MIB)] {
        let many = [
            Document::of("a.example", b"{}"),
            Document::of("b.example", b"[]"),
        ];
        for documents in [&many[..], &[Document::only(b"{}")]] {
            raw::write(medium, documents).unwrap();
            let found = seed_volume::documents(medium, at, SEED_SIZE).unwrap();
            assert!(found == documents);
        }
    }
}

#[test]
fn what_is_no_seed_medium_stays_as_it_is() {
    let stick = tempfile::tempfile().unwrap();
    stick.write_all_at(&[7; 1 << 20], 0).unwrap();
    let error = raw::write(&stick, &[Document::only(b"{}")]).unwrap_err();
    assert!(error.to_string().contains("no seed volume"), "{error:#}");
    let mut after = vec![0; 1 << 20];
    stick.read_exact_at(&mut after, 0).unwrap();
    assert!(after.iter().all(|&b| b == 7));
}
