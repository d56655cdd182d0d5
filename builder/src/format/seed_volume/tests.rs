//! Volumes with none, one and many seeds, and what an earlier one leaves.

use super::*;
use std::process::Command;

fn bytes(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn a_golden_seed_volume_is_empty() {
    let out = tempfile::NamedTempFile::new().unwrap();
    write(out.as_file(), None).unwrap();
    assert_eq!(out.as_file().metadata().unwrap().len(), SEED_SIZE);
    let mut volume = Volume::open(out.as_file()).unwrap();
    assert!(volume.list("").unwrap().is_empty());
    assert_eq!(volume.label().unwrap().as_deref(), Some("HIVE-SEED"));
    match Command::new("fsck.fat").arg("-n").arg(out.path()).output() {
        Err(_) => println!("SKIPPED: fsck.fat is not installed (package dosfstools)"),
        Ok(output) => {
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stdout)
            )
        }
    }
}

#[test]
fn an_injected_seed_is_the_one_that_is_there() {
    let offset = 3 << 20;
    let image = tempfile::tempfile().unwrap();
    let (empty, full) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    write(&empty, None).unwrap();
    write(&full, Some(b"{\"version\":1}")).unwrap();
    image.write_all_at(&[0xEE; 20 << 20], 0).unwrap();
    image.write_all_at(&bytes(&empty), offset).unwrap();

    let long = vec![b's'; 300_000];
    inject_seed(&image, offset, SEED_SIZE, &long).unwrap();
    let mut volume = Volume::open(Window::new(&image, offset, SEED_SIZE)).unwrap();
    assert!(volume.read_file("seed.json").unwrap() == long);

    inject_seed(&image, offset, SEED_SIZE, b"{\"version\":1}").unwrap();
    let after = bytes(&image);
    let (start, end) = (offset as usize, (offset + SEED_SIZE) as usize);
    assert!(
        after[start..end] == bytes(&full),
        "the former seed left something behind"
    );
    assert!(
        after[..start]
            .iter()
            .chain(&after[end..])
            .all(|&b| b == 0xEE)
    );
}

#[test]
fn many_seeds_lie_side_by_side_and_a_persons_files_stay() {
    let image = tempfile::tempfile().unwrap();
    let size = 40 << 20;
    image.set_len(size).unwrap();
    hive_fat::format(&mut &image, size, 7, "HIVE-SEED").unwrap();
    let mut volume = Volume::open(Window::new(&image, 0, size)).unwrap();
    volume.add_file("notes.txt", &b"mine"[..]).unwrap();
    volume.finish().unwrap();
    let first = [
        Document::of("p-hive0.example", b"SECRET-0"),
        Document::of("p-hive1.example", &[b"SECRET-1".as_slice(); 9000].concat()),
    ];
    replace_seeds(&image, 0, size, &first).unwrap();
    let mut volume = Volume::open(Window::new(&image, 0, size)).unwrap();
    let read = volume.read_file("p-hive1.example.seed.json").unwrap();
    assert!(read == first[1].content);

    replace_seeds(&image, 0, size, &[Document::only(b"{}")]).unwrap();
    let mut volume = Volume::open(Window::new(&image, 0, size)).unwrap();
    let names: Vec<String> = volume
        .list("")
        .unwrap()
        .into_iter()
        .map(|e| e.name)
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(volume.read_file("notes.txt").unwrap() == b"mine");
    assert!(volume.read_file("seed.json").unwrap() == b"{}");
    let all = bytes(&image);
    assert!(
        !all.windows(6).any(|w| w == b"SECRET"),
        "a former seed can be read"
    );
}

#[test]
fn a_wrong_place_is_left_alone() {
    let image = tempfile::tempfile().unwrap();
    image.write_all_at(&[0xEE; 20 << 20], 0).unwrap();
    let error = inject_seed(&image, 1 << 20, SEED_SIZE, b"{}").unwrap_err();
    assert!(matches!(error, SeedVolumeError::NotSeed { .. }), "{error}");
    hive_fat::format(&mut &image, SEED_SIZE, 1, "OTHER").unwrap();
    let before = bytes(&image);
    let error = inject_seed(&image, 0, SEED_SIZE, b"{}").unwrap_err();
    assert!(
        matches!(error, SeedVolumeError::NotSeed { source: None, .. }),
        "{error}"
    );
    assert!(bytes(&image) == before);
}
