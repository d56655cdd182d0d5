//! The same lock, the same bytes.

use std::fs;
use std::path::Path;
use std::process::Command;

use hive_tests::{Site, has, hive_program, is_root, said, sha256, skipped};

/// A cache that has all packages and no finished step.
fn cold_cache(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::Builder::new()
        .prefix("hive-cold-")
        .tempdir()
        .unwrap();
    fs::set_permissions(
        dir.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let debs = dir.path().join("debs");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(from.join("debs"))
        .arg(&debs)
        .status()
        .unwrap();
    assert!(copied.success());
    dir
}

fn user_cache() -> std::path::PathBuf {
    let named = std::env::var_os("HIVE_CACHE").map(Into::into);
    named.unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cache/hive"))
}

fn hashes(images: &Path) -> [String; 2] {
    ["hive.raw", "hive.qcow2"].map(|name| sha256(&images.join(name)))
}

/// Another folder, another time zone, umask, core count and clock, an ordinary user, and no network:
/// all at once, from packages alone.
#[test]
fn another_user_elsewhere_without_network_bakes_the_same_bytes() {
    let site = Site::new();
    site.ok(&["bake", "--format", "raw,qcow2"]);
    let here = hashes(&site.images());
    let Some(user) = std::env::var("HIVE_TEST_USER").ok().filter(|_| is_root()) else {
        return skipped(
            "HIVE_TEST_USER names no ordinary user with subordinate ids (subuid(5)), or this is not root",
        );
    };
    let other = Site::new();
    fs::copy(site.path("hive.lock"), other.path("hive.lock")).unwrap();
    // Public keys are part of the image. With them alone a stage can be baked, and nothing be signed.
    let public = ["id_ed25519.pub", "seed-key.pub", "ca/cacert.pem"];
    fs::create_dir_all(other.path(".hive/private/ca")).unwrap();
    for name in public {
        let (from, to) = (site.path(".hive/private"), other.path(".hive/private"));
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let cache = cold_cache(&user_cache());
    for dir in [other.path(""), cache.path().to_owned()] {
        assert!(
            Command::new("chown")
                .args(["-R", &user])
                .arg(dir)
                .status()
                .unwrap()
                .success()
        );
    }
    let program = cache.path().join("hive");
    fs::copy(hive_program(), &program).unwrap();
    let clock = if has("faketime") {
        "faketime '2031-02-03 04:05:06'"
    } else {
        ""
    };
    if clock.is_empty() {
        skipped("the clock stays as it is: faketime is not installed");
    }
    let script = format!(
        "umask 027; cd {} && TZ=Pacific/Auckland exec taskset -c 0 {clock} {} --cache {} bake --locked --format raw,qcow2",
        other.path("").display(),
        program.display(),
        cache.path().display()
    );
    // A network namespace without interfaces: whatever would be fetched fails.
    let output = Command::new("unshare")
        .args(["-n", "su", &user, "-s", "/bin/sh", "-c", &script])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(hashes(&other.images()), here);
    for name in ["id_ed25519", "seed-key.pk8", "ca/cakey.pem"] {
        let made = other.path(".hive/private").join(name);
        assert!(!made.exists(), "{} was made", made.display());
    }
}

#[test]
fn the_first_difference_is_named() {
    let site = Site::baked();
    let image = site.images().join("hive.raw");
    let copy = site.path("copy.raw");
    fs::copy(&image, &copy).unwrap();
    let (a, b) = (
        image.to_str().unwrap().to_owned(),
        copy.to_str().unwrap().to_owned(),
    );
    site.ok(&["bake", "--verify", &a, &b]);
    let length = fs::metadata(&copy).unwrap().len();
    let file = fs::File::options().write(true).open(&copy).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"\xff\xfe\xfd", length - (64 << 20)).unwrap();
    let told = site.refused(&["bake", "--verify", &a, &b]);
    assert!(told.contains("root-a"), "{told}");
}
