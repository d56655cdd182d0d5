//! A golden image in small, and ways to look at what became of it.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use hive_builder::format::{disk, seed_volume};
use hive_inventory::disk::{MIB, SEED_SIZE};
use hive_inventory::seed::{Seed, VerifyingKey};

use crate::site::Site;

/// Where the seed volume of [`golden`] is.
pub const VOLUME: std::ops::Range<usize> = 2 * MIB as usize..(2 * MIB + SEED_SIZE) as usize;

/// A golden image in small: the partitions of a real one, with noise in them.
pub fn golden(path: &Path) {
    let part = |byte: u8, size: u64| {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![byte; size as usize], 0).unwrap();
        file
    };
    let (esp, root, seed) = (
        part(0xE5, MIB),
        part(0xA0, 3 * MIB),
        tempfile::tempfile().unwrap(),
    );
    seed_volume::write(&seed, None).unwrap();
    let parts = disk::Parts {
        esp: &esp,
        seed: &seed,
        root: &root,
        root_hash: &"0123456789abcdef".repeat(4),
    };
    let image = fs::File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    disk::assemble(&image, &parts).unwrap();
}

/// Runs a tool; `None` if it is not installed.
pub fn tool(program: &str, args: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(args).output() else {
        println!("SKIPPED: {program} is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {args:?}: {said}{errors}"
    );
    Some(said)
}

/// Everything but the seed volume.
pub fn sealed(image: &[u8]) -> (&[u8], &[u8]) {
    (&image[..VOLUME.start], &image[VOLUME.end..])
}

/// The documents on the volume of an image, each opened with the stage's public key.
pub fn opened(site: &Site, image: &[u8]) -> Vec<(String, Seed)> {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&image[VOLUME], 0).unwrap();
    let documents = seed_volume::documents(&file, 0, SEED_SIZE).unwrap();
    let open = |d: seed_volume::Document| {
        let text = String::from_utf8(d.content).unwrap();
        (d.name, verified(site, &text))
    };
    documents.into_iter().map(open).collect()
}

/// Their file names, which have to fit what is inside.
pub fn names(site: &Site, image: &[u8]) -> Vec<String> {
    let found = opened(site, image);
    for (name, seed) in &found {
        assert!(found.len() == 1 || *name == format!("{}.seed.json", seed.host));
    }
    found.into_iter().map(|(name, _)| name).collect()
}

pub fn verified(site: &Site, text: &str) -> Seed {
    let key = fs::read_to_string(site.path(".hive/private/seed-key.pub")).unwrap();
    VerifyingKey::from_text(&key).unwrap().open(text).unwrap()
}

pub fn fsck(site: &Site, volume: &[u8]) {
    let file = site.path("volume.fat");
    fs::write(&file, volume).unwrap();
    tool("fsck.fat", &["-n", file.to_str().unwrap()]);
}

/// A line of a host's private key that stands in no other file.
pub fn secret(site: &Site, host: &str) -> Vec<u8> {
    let key = site.path(&format!(".hive/private/hosts/{host}/key.pem"));
    let text = fs::read_to_string(key).unwrap();
    text.lines().nth(2).unwrap().as_bytes().to_vec()
}

pub fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

pub fn ok(text: &str) {
    assert!(text.starts_with("exit 0\n"), "{text}");
}
