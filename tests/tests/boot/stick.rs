//! The image on a USB stick, on a machine that has nothing else, with the seeds of all hosts on a
//! second stick: the machine's hardware address says which is its own.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use hive_inventory::node::{NodeStatus, SwarmRole};
use hive_qemu::{Disk, Forward, Interface, Mac, Nic, Patience, Vm, VmConfig};
use hive_tests::{Login, Site};

const STICK: u64 = 8 << 30;

#[test]
fn it_boots_from_a_stick_and_grows_into_it() {
    let site = Site::new();
    site.image("kernel: generic");
    site.ok(&["bake"]);
    let dir = site.path("stick");
    std::fs::create_dir_all(&dir).unwrap();
    let stick = dir.join("stick.raw");
    // What `dd` does.
    std::fs::copy(site.images().join("hive.raw"), &stick).unwrap();
    File::options()
        .write(true)
        .open(&stick)
        .unwrap()
        .set_len(STICK)
        .unwrap();
    let seed = dir.join("seed.raw");
    seed_stick(&site, &seed);

    let usb = |path: &Path| {
        Disk::raw(path)
            .interface(Interface::UsbStick)
            .unsafe_cache()
    };
    let config = VmConfig::new("stick", &dir)
        .memory(2048)
        .disk(usb(&stick))
        .disk(usb(&seed))
        // Those of p-hive2 in `hive run`, outside and inside, as its seed has them.
        .nic(Nic::user(Mac::local(0x20), [Forward::tcp(22)]))
        .nic(Nic::user(Mac::local(0x21), []));
    let vm = Vm::start(config).unwrap();
    let port = vm.forwarded(22).unwrap().port();
    let login = Login::admin(&site, port);
    let timeout = Patience::measured()
        .unwrap()
        .scale(Duration::from_secs(300));
    let status = vm
        .wait_until("a host that only lacks its peers", timeout, || {
            let blank =
                |s: &NodeStatus| s.swarm.as_ref().is_some_and(|s| s.role == SwarmRole::Blank);
            let up = |s: &NodeStatus| s.docker.is_some() && blank(s);
            Ok::<_, std::convert::Infallible>(login.status().filter(up))
        })
        .unwrap();
    let boot = status.boot.as_ref().unwrap();
    assert!(status.root_verified && boot.first_boot);
    assert_eq!(status.host, "p-hive2");
    assert!(
        status.waiting_for.iter().any(|w| w.contains("p-hive0")),
        "{status:?}"
    );
    assert!(
        boot.seed_source
            .as_deref()
            .is_some_and(|s| s.contains("HIVE-SEED on sd")),
        "{boot:?}"
    );
    let slots = login
        .sh(&format!("lsblk -bnro SIZE,PARTLABEL {}", boot.disk))
        .unwrap();
    let sizes: u64 = slots
        .lines()
        .skip(1)
        .map(|l| l.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert!(sizes > STICK / 10 * 9, "the stick is not filled:\n{slots}");
}

fn seed_stick(site: &Site, path: &Path) {
    let size = 64 << 20;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    file.set_len(size).unwrap();
    hive_fat::format(&mut file, size, 7, "HIVE-SEED").unwrap();
    let mut volume = hive_fat::Volume::open(file).unwrap();
    for host in ["p-hive0", "p-hive1", "p-hive2"] {
        let seed = site.ok(&["seed", host, "--stdout"]);
        let name = format!("{host}.hive.example.seed.json");
        volume.add_file(&name, seed.as_bytes()).unwrap();
    }
    volume.finish().unwrap();
}
