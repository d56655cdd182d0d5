//! Bakes that end in the middle: the disk is full, or somebody kills them.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use hive_tests::{Site, hive_program, is_root, said, skipped};

fn no_half_images(site: &Site) {
    let left = site.image_files();
    assert!(
        !left.iter().any(|name| name.starts_with("hive.")),
        "{left:?}"
    );
}

#[test]
fn a_full_disk_is_told_and_nothing_half_written_stays() {
    if !is_root() {
        return skipped("a small file system is mounted for this, which needs root");
    }
    let site = Site::baked();
    let whole = site.json(&["bake"])["files"][0]["sha256"].clone();
    let images = site.images();
    fs::remove_dir_all(&images).unwrap();
    fs::create_dir_all(&images).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=120m tmpfs {0} && cd {1} && {2} bake; code=$?; ls -A {0}; exit $code",
        images.display(),
        site.path("").display(),
        hive_program().display()
    );
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .output()
        .unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("No space left on device"), "{told}");
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !listed.lines().any(|l| l.starts_with("hive.")),
        "left on the full disk: {listed}"
    );
    assert_eq!(site.json(&["bake"])["files"][0]["sha256"], whole);
}

#[test]
fn a_killed_bake_leaves_nothing_and_the_next_one_works() {
    let site = Site::new();
    let cache = site.path("cache");
    let cache = cache.to_str().unwrap();
    site.ok(&["lock"]);
    // While packages come in, while the tree is built, while the image is written.
    for moment in [1500, 6000, 14000] {
        let mut bake = site
            .command(&["--cache", cache, "bake"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(moment) && bake.try_wait().unwrap().is_none()
        {
            sleep(Duration::from_millis(20));
        }
        // SIGKILL: nothing in the program can react to it.
        bake.kill().unwrap();
        bake.wait().unwrap();
        no_half_images(&site);
    }
    site.ok(&["--cache", cache, "bake"]);
    // Unfinished work of the killed bakes is gone as well.
    let left: Vec<_> = fs::read_dir(site.path("cache/tmp"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
