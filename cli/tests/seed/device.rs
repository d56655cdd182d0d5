//! Seeds on sticks.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

use hive_builder::format::seed_volume;
use hive_inventory::disk::MIB;

use crate::site::Site;
use crate::support::{golden, ok, opened, sealed, tool, verified};

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
