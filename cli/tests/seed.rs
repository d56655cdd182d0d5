//! Seeds: written, put into images, and nothing else of the images touched.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod site;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use hive_builder::format::{disk, seed_volume};
use hive_inventory::disk::{MIB, SEED_SIZE};
use hive_inventory::seed::{Seed, VerifyingKey};
use site::Site;

/// Where the seed volume of [`golden`] is.
const VOLUME: std::ops::Range<usize> = 2 * MIB as usize..(2 * MIB + SEED_SIZE) as usize;

/// A golden image in small: the partitions of a real one, with noise in them.
fn golden(path: &Path) {
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
fn tool(program: &str, args: &[&str]) -> Option<String> {
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
fn sealed(image: &[u8]) -> (&[u8], &[u8]) {
    (&image[..VOLUME.start], &image[VOLUME.end..])
}

/// The documents on the volume of an image, each opened with the stage's public key.
fn opened(site: &Site, image: &[u8]) -> Vec<(String, Seed)> {
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
fn names(site: &Site, image: &[u8]) -> Vec<String> {
    let found = opened(site, image);
    for (name, seed) in &found {
        assert!(found.len() == 1 || *name == format!("{}.seed.json", seed.host));
    }
    found.into_iter().map(|(name, _)| name).collect()
}

fn verified(site: &Site, text: &str) -> Seed {
    let key = fs::read_to_string(site.path(".hive/private/seed-key.pub")).unwrap();
    VerifyingKey::from_text(&key).unwrap().open(text).unwrap()
}

fn fsck(site: &Site, volume: &[u8]) {
    let file = site.path("volume.fat");
    fs::write(&file, volume).unwrap();
    tool("fsck.fat", &["-n", file.to_str().unwrap()]);
}

/// A line of a host's private key that stands in no other file.
fn secret(site: &Site, host: &str) -> Vec<u8> {
    let key = site.path(&format!(".hive/private/hosts/{host}/key.pem"));
    let text = fs::read_to_string(key).unwrap();
    text.lines().nth(2).unwrap().as_bytes().to_vec()
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn ok(text: &str) {
    assert!(text.starts_with("exit 0\n"), "{text}");
}

#[test]
fn seeds_are_written_for_their_owner_alone_and_say_where() {
    let site = Site::sample();
    let text = site.hive(&["seed", "p-hive1"]);
    let name = ".hive/private/seeds/p-hive1.hive.example.seed.json";
    assert_eq!(text, format!("exit 0\n--- out\n[SITE]/{name}\n--- err\n"));
    let file = site.path(name);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let seed = verified(&site, &fs::read_to_string(&file).unwrap());
    assert_eq!(seed.host, "p-hive1.hive.example");
    assert_eq!(seed.peers.len(), 3);
    assert!(seed.identity.is_some() && seed.ssh_host_key.is_some());
    let printed = site.hive(&["seed", "p-hive1", "--stdout"]);
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(
        printed,
        format!("exit 0\n--- out\n{written}--- err\n"),
        "a seed is the same every time"
    );
    let all = site.hive(&["seed", "--all", "--json"]);
    for host in ["p-hive0", "p-hive1", "p-hive2"] {
        assert!(
            all.contains(&format!("{host}.hive.example.seed.json")),
            "{all}"
        );
    }
    assert!(
        site.hive(&["seed", "--all", "--stdout"])
            .starts_with("exit 2\n")
    );
    assert!(site.hive(&["seed"]).starts_with("exit 2\n"));
    assert!(site.hive(&["seed", "p-hive7"]).starts_with("exit 2\n"));
}

#[test]
fn a_raw_image_gets_a_seed_and_nothing_else_changes() {
    let site = Site::sample();
    let image = site.path("disk.img");
    golden(&image);
    let before = fs::read(&image).unwrap();
    ok(&site.hive(&["seed", "p-hive0", "--into", "disk.img"]));
    let after = fs::read(&image).unwrap();
    assert!(sealed(&after) == sealed(&before));
    assert_eq!(opened(&site, &after)[0].1.host, "p-hive0.hive.example");
    assert_eq!(names(&site, &after), ["seed.json"]);
    assert!(holds(&after, &secret(&site, "p-hive0")));
    fsck(&site, &after[VOLUME]);

    // The next one leaves nothing of the first.
    ok(&site.hive(&["seed", "p-hive1", "p-hive2", "--into", "disk.img"]));
    let after = fs::read(&image).unwrap();
    assert!(sealed(&after) == sealed(&before));
    assert_eq!(
        names(&site, &after),
        [
            "p-hive1.hive.example.seed.json",
            "p-hive2.hive.example.seed.json"
        ]
    );
    assert!(!holds(&after, &secret(&site, "p-hive0")));
    fsck(&site, &after[VOLUME]);
}

#[test]
fn a_qcow2_image_gets_a_seed_and_nothing_else_changes() {
    let site = Site::sample();
    let raw = site.path("raw");
    golden(&raw);
    let image = site.path("a disk:1,x.qcow2");
    let (raw, path) = (
        raw.to_str().unwrap().to_owned(),
        image.to_str().unwrap().to_owned(),
    );
    let convert = ["convert", "-f", "raw", "-O", "qcow2", &raw, &path];
    if tool("qemu-img", &convert).is_none() || tool("qemu-io", &["--version"]).is_none() {
        return;
    }
    let before = fs::read(&raw).unwrap();
    let shown = |site: &Site| {
        let back = site.path("back").to_str().unwrap().to_owned();
        tool(
            "qemu-img",
            &["convert", "-f", "qcow2", "-O", "raw", &path, &back],
        );
        fs::read(back).unwrap()
    };
    ok(&site.hive(&["seed", "p-hive0", "--into", &path]));
    let after = shown(&site);
    assert!(sealed(&after) == sealed(&before));
    assert_eq!(opened(&site, &after)[0].1.host, "p-hive0.hive.example");
    assert_eq!(names(&site, &after), ["seed.json"]);
    fsck(&site, &after[VOLUME]);

    ok(&site.hive(&["seed", "--all", "--into", &path]));
    ok(&site.hive(&["seed", "p-hive2", "--into", &path]));
    let after = shown(&site);
    assert!(sealed(&after) == sealed(&before));
    assert_eq!(names(&site, &after), ["seed.json"]);
    fsck(&site, &after[VOLUME]);
    let file = fs::read(&image).unwrap();
    for former in ["p-hive0", "p-hive1"] {
        assert!(
            !holds(&file, &secret(&site, former)),
            "{former} can be read in the file"
        );
    }
    assert!(holds(&file, &secret(&site, "p-hive2")));
    tool("qemu-img", &["check", "-q", "-f", "qcow2", &path]);
    let left: Vec<_> = fs::read_dir(site.path(".hive/private")).unwrap().collect();
    let scratch = |e: &std::io::Result<fs::DirEntry>| {
        e.as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with(".seeding")
    };
    assert!(!left.iter().any(scratch), "{left:?}");
}

#[test]
fn the_disk_of_a_running_machine_is_left_alone() {
    let site = Site::sample();
    golden(&site.path("raw"));
    let path = |name: &str| site.path(name).to_str().unwrap().to_owned();
    let convert = [
        "convert",
        "-f",
        "raw",
        "-O",
        "qcow2",
        &path("raw"),
        &path("qcow2"),
    ];
    if tool("qemu-img", &convert).is_none() || tool("qemu-io", &["--version"]).is_none() {
        return;
    }
    for format in ["raw", "qcow2"] {
        let before = fs::read(site.path(format)).unwrap();
        // Opens and locks its disk as a machine does, and holds it while it waits for words.
        let mut holder = Command::new("qemu-io")
            .args(["-f", format, &path(format)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = holder.stdin.take().unwrap();
        words.write_all(b"length\n").unwrap();
        words.flush().unwrap();
        let mut answer = String::new();
        BufReader::new(holder.stdout.take().unwrap())
            .read_line(&mut answer)
            .unwrap();
        let text = site.hive(&["seed", "p-hive0", "--into", format]);
        drop(words);
        holder.wait().unwrap();
        assert!(
            text.starts_with("exit 1\n") && text.contains("switch that off first"),
            "{text}"
        );
        assert!(
            fs::read(site.path(format)).unwrap() == before,
            "{format} was changed"
        );
        ok(&site.hive(&["seed", "p-hive0", "--into", format]));
    }
}

#[test]
fn what_is_no_baked_image_is_refused_with_a_way_out() {
    let site = Site::sample();
    let refused = |args: &[&str], said: &str| {
        let text = site.hive(args);
        assert!(
            text.starts_with("exit 1\n") && text.contains(said),
            "{text}"
        );
    };
    fs::write(site.path("noise"), vec![7; 1 << 20]).unwrap();
    refused(&["seed", "p-hive0", "--into", "noise"], "no seed volume");
    assert!(
        fs::read(site.path("noise"))
            .unwrap()
            .iter()
            .all(|&b| b == 7)
    );
    refused(&["seed", "p-hive0", "--device", "noise"], "`--into`");
    refused(&["seed", "p-hive0", "--into", "/dev/null"], "`--device`");
    refused(&["seed", "p-hive0", "--into", "missing"], "missing");
    fs::create_dir_all(site.path(".hive/private/images")).unwrap();
    let golden_image = site.path(".hive/private/images/hive.raw");
    golden(&golden_image);
    let before = fs::read(&golden_image).unwrap();
    refused(
        &["seed", "p-hive0", "--into", ".hive/private/images/hive.raw"],
        "copy it first",
    );
    assert!(fs::read(&golden_image).unwrap() == before);
}

#[test]
fn seeds_of_unknown_machines_are_chosen_at_the_boot_menu_and_it_is_said() {
    let site = Site::sample();
    let path = site.path("inventory/hive.yml");
    let text = "plugin: hive_inventory\nname: hive.example\nstages:\n  private:\n    provider: prepared\n    cidr: 192.168.77.0/24\n    separate_repository: false\n    machines:\n      p-hive0: {serial: S0}\n";
    fs::write(path, text).unwrap();
    golden(&site.path("stick.img"));
    let text = site.hive(&["seed", "--all", "--into", "stick.img"]);
    ok(&text);
    assert!(
        text.contains("p-hive1.hive.example, p-hive2.hive.example") && text.contains("boot menu"),
        "{text}"
    );
}

/// A stick: a file as a block device, for as long as it is in use.
struct Stick(String);

impl Stick {
    fn of(file: &Path) -> Option<Self> {
        let args = ["--find", "--show", file.to_str().unwrap()];
        match Command::new("losetup").args(args).output() {
            Ok(output) if output.status.success() => Some(Self(
                String::from_utf8(output.stdout).unwrap().trim().to_owned(),
            )),
            _ => {
                println!("SKIPPED: no loop devices here, or this is not root");
                None
            }
        }
    }
}

impl Drop for Stick {
    fn drop(&mut self) {
        drop(Command::new("losetup").args(["-d", &self.0]).status());
    }
}

#[test]
fn a_flashed_stick_gets_a_seed_unless_it_is_in_use() {
    let site = Site::sample();
    let file = site.path("stick.img");
    golden(&file);
    let before = fs::read(&file).unwrap();
    let Some(stick) = Stick::of(&file) else {
        return;
    };
    let exclusive = rustix::fs::OFlags::EXCL.bits() as i32;
    let mounted = fs::File::options()
        .read(true)
        .custom_flags(exclusive)
        .open(&stick.0)
        .unwrap();
    let text = site.hive(&["seed", "p-hive0", "--device", &stick.0]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("unmount it first"),
        "{text}"
    );
    drop(mounted);
    assert!(fs::read(&file).unwrap() == before);
    ok(&site.hive(&["seed", "p-hive0", "--device", &stick.0]));
    let after = fs::read(&file).unwrap();
    assert!(sealed(&after) == sealed(&before));
    assert_eq!(opened(&site, &after)[0].1.host, "p-hive0.hive.example");
    let text = site.hive(&["seed", "p-hive0", "--into", &stick.0]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("`--device`"),
        "{text}"
    );
}

#[test]
fn an_empty_stick_is_never_formatted_and_the_way_out_that_is_named_works() {
    let site = Site::sample();
    let file = site.path("stick.img");
    let size = 64 * MIB;
    fs::write(&file, vec![7; size as usize]).unwrap();
    let Some(stick) = Stick::of(&file) else {
        return;
    };
    let text = site.hive(&["seed", "--all", "--device", &stick.0]);
    let way_out = format!("mkfs.vfat -I -n HIVE-SEED {}", stick.0);
    assert!(
        text.starts_with("exit 1\n") && text.contains(&way_out),
        "{text}"
    );
    assert!(fs::read(&file).unwrap().iter().all(|&b| b == 7));
    let mut words = way_out.split(' ');
    let program = words.next().unwrap();
    if tool(program, &words.collect::<Vec<_>>()).is_none() {
        return;
    }
    ok(&site.hive(&["seed", "--all", "--device", &stick.0]));
    let volume = fs::File::open(&file).unwrap();
    let found = seed_volume::documents(&volume, 0, size).unwrap();
    let hosts: Vec<String> = found
        .into_iter()
        .map(|d| verified(&site, &String::from_utf8(d.content).unwrap()).host)
        .collect();
    assert_eq!(
        hosts,
        [
            "p-hive0.hive.example",
            "p-hive1.hive.example",
            "p-hive2.hive.example"
        ]
    );
    tool("fsck.fat", &["-n", file.to_str().unwrap()]);
}
