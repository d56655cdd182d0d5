//! What is refused, with a word of what to do next, and without leaving anything behind.

use std::fs;
use std::process::Command;

use hive_tests::{Site, has, said, skipped};

#[test]
fn a_package_that_does_not_exist() {
    let site = Site::new();
    site.image("packages: [htopp-no-such]");
    let told = site.refused(&["bake"]);
    assert!(
        told.contains("htopp-no-such") && told.contains("packages:"),
        "{told}"
    );
    assert!(!site.path("hive.lock").exists());
    site.edit("packages: [htopp-no-such]", "packages: []");
    site.ok(&["bake"]);
}

#[test]
fn no_mirror_known() {
    let site = Site::new();
    let config = site.path("apt.conf");
    fs::write(
        &config,
        "Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"/dev/null\";\n",
    )
    .unwrap();
    let output = site
        .command(&["lock"])
        .env("APT_CONFIG", &config)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("mirror:"), "{}", said(&output));
    assert!(!site.path("hive.lock").exists());
}

#[test]
fn a_mirror_that_is_not_there() {
    let site = Site::new();
    site.edit(
        "# mirror: http://mirror.example.com/debian",
        "mirror: http://127.0.0.1:9/debian",
    );
    let told = site.refused(&["lock"]);
    assert!(
        told.contains("can't be reached") && told.contains("mirror:"),
        "{told}"
    );
    assert!(!site.path("hive.lock").exists());
}

#[test]
fn a_tampered_package_in_the_cache() {
    let site = Site::new();
    site.ok(&["lock"]);
    let cache = site.path("cache");
    // A cache of its own; the packages come as links, so that the user's stay as they are.
    let prepare = |name: &str| {
        let output = site
            .command(&["--cache", cache.to_str().unwrap(), "bake"])
            .env("HIVE_STORY", name)
            .output()
            .unwrap();
        (output.status.code(), said(&output))
    };
    let lock = fs::read_to_string(site.path("hive.lock")).unwrap();
    let hash_of = |package: &str| {
        let at = lock.find(&format!("name = \"{package}\"")).unwrap();
        let line = lock[at..]
            .lines()
            .find(|l| l.starts_with("sha256"))
            .unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    fs::create_dir_all(cache.join("debs")).unwrap();
    let victim = cache.join("debs").join(hash_of("erofs-utils"));
    fs::write(&victim, "not what was locked").unwrap();
    let (code, told) = prepare("tampered");
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("erofs-utils") && told.contains("tampered") && told.contains("remove"),
        "{told}"
    );
    assert!(
        !site.image_files().iter().any(|f| f.starts_with("hive.")),
        "{:?}",
        site.image_files()
    );
    // The advice that was given helps.
    fs::remove_file(victim).unwrap();
    let (code, told) = prepare("mended");
    assert_eq!(code, Some(0), "{told}");
}

/// A small archive with one package, signed by a key of its own.
struct Archive {
    dir: tempfile::TempDir,
}

impl Archive {
    fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("hive-archive-")
            .tempdir()
            .unwrap();
        let script = r#"
            set -e
            export GNUPGHOME="$PWD/keys"; mkdir -m 700 keys
            gpg --batch --quiet --passphrase '' --quick-generate-key archive@hive.example rsa2048 sign never
            gpg --batch --quiet --armor --export > key.asc
            mkdir -p pkg/DEBIAN pkg/usr/share/greeting dists/stories/main/binary-amd64 pool
            printf 'Package: greeting\nVersion: 1.0\nArchitecture: amd64\nMaintainer: hive <hive@hive.example>\nDescription: a greeting\n' > pkg/DEBIAN/control
            echo hello > pkg/usr/share/greeting/hello
            dpkg-deb --root-owner-group -b pkg pool/greeting_1.0_amd64.deb >/dev/null
            ( cat pkg/DEBIAN/control
              echo "Filename: pool/greeting_1.0_amd64.deb"
              echo "Size: $(stat -c %s pool/greeting_1.0_amd64.deb)"
              echo "SHA256: $(sha256sum pool/greeting_1.0_amd64.deb | cut -d' ' -f1)" ) > dists/stories/main/binary-amd64/Packages
            cd dists/stories
            ( echo "Suite: stories"; echo "Codename: stories"; echo "Components: main"; echo "Architectures: amd64"
              echo "Date: $(LC_ALL=C date -Ru)"; echo "SHA256:"
              p=main/binary-amd64/Packages
              echo " $(sha256sum $p | cut -d' ' -f1) $(stat -c %s $p) $p" ) > Release
            gpg --batch --quiet --yes --clearsign -o InRelease Release
        "#;
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        Self { dir }
    }
}

#[test]
fn a_tampered_release_of_an_archive() {
    if !has("gpg") {
        return skipped(
            "gpg, which signs this story's archive, is not installed (apt-get install gnupg)",
        );
    }
    let archive = Archive::new();
    let site = Site::new();
    let url = format!("file://{}", archive.dir.path().display());
    site.image(&format!(
        "packages: [greeting]\narchives:\n  - name: stories\n    url: {url}\n    suite: stories\n    components: [main]\n    key: {}/key.asc",
        archive.dir.path().display()
    ));
    site.ok(&["lock"]);
    let lock = fs::read_to_string(site.path("hive.lock")).unwrap();
    assert!(
        lock.contains("name = \"greeting\"") && lock.contains("archive = \"stories\""),
        "{lock}"
    );
    assert!(
        !lock.contains("file:") && !lock.contains("://"),
        "the lock names an address"
    );
    // One letter of what was signed.
    let release = archive.dir.path().join("dists/stories/InRelease");
    let text = fs::read_to_string(&release).unwrap();
    fs::write(
        &release,
        text.replace("Codename: stories", "Codename: storiez"),
    )
    .unwrap();
    let told = site.refused(&["lock", "--update"]);
    assert!(
        told.contains("signature") && told.contains("nothing was taken"),
        "{told}"
    );
    assert_eq!(
        fs::read_to_string(site.path("hive.lock")).unwrap(),
        lock,
        "the lock changed"
    );
}

#[test]
fn wrong_words_in_the_definition() {
    for (from, to, expected) in [
        ("provider: qemu", "provider: kemu", "qemu"),
        ("cidr: 192.168.77.0/24", "cidr: 192.168.77.0/33", "cidr"),
        ("number_of_hosts: 3", "number_of_host: 3", "number_of_hosts"),
    ] {
        let site = Site::new();
        site.edit(from, to);
        let told = site.refused(&["bake"]);
        assert!(
            told.contains("inventory/hive.yml:") && told.contains('^') && told.contains(expected),
            "{told}"
        );
        assert!(site.image_files().is_empty());
    }
}
