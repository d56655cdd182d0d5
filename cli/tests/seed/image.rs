//! Seeds in images: nothing else of the images is touched.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::site::Site;
use crate::support::{VOLUME, fsck, golden, holds, names, ok, opened, sealed, secret, tool};

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

    // What a command that was killed has left goes with the next.
    fs::create_dir(site.path(".hive/private/.seeding-killed")).unwrap();
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
