//! The image on a USB stick, on a machine that has nothing else, with its seed on a second stick.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hive_inventory::node::NodeStatus;
use hive_inventory::seed::{Disks, SEED_VERSION, Seed, SwarmOptions};
use hive_qemu::{Disk, Forward, Interface, Mac, Nic, Patience, Vm, VmConfig};
use hive_tests::Site;

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
    seed_stick(&seed);

    let usb = |path: &Path| {
        Disk::raw(path)
            .interface(Interface::UsbStick)
            .unsafe_cache()
    };
    let config = VmConfig::new("stick", &dir)
        .memory(2048)
        .disk(usb(&stick))
        .disk(usb(&seed))
        .nic(Nic::user(Mac::local(7), [Forward::tcp(22)]));
    let vm = Vm::start(config).unwrap();
    let port = vm.forwarded(22).unwrap().port();
    let key = site.path(".hive/private/id_ed25519");
    let timeout = Patience::measured()
        .unwrap()
        .scale(Duration::from_secs(300));
    let status = vm
        .wait_until("a ready status over ssh", timeout, || {
            Ok::<_, std::convert::Infallible>(status(&key, port).filter(|s| s.ready))
        })
        .unwrap();
    let boot = status.boot.unwrap();
    assert!(status.root_verified && boot.first_boot);
    assert_eq!(status.host, "p-hive2");
    assert!(
        boot.seed_source
            .as_deref()
            .is_some_and(|s| s.contains("HIVE-SEED on sd")),
        "{boot:?}"
    );
    let slots = ssh(
        &key,
        port,
        &format!("lsblk -bnro SIZE,PARTLABEL {}", boot.disk),
    )
    .unwrap();
    let sizes: u64 = slots
        .lines()
        .skip(1)
        .map(|l| l.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert!(sizes > STICK / 10 * 9, "the stick is not filled:\n{slots}");
}

fn seed_stick(path: &Path) {
    let seed = Seed {
        version: SEED_VERSION,
        site: "hive.example".into(),
        stage: "private".into(),
        host: "p-hive2.hive.example".into(),
        peers: vec![],
        interfaces: vec![],
        admin_keys: vec![],
        ssh_host_key: None,
        identity: None,
        swarm: SwarmOptions::default(),
        disks: Disks::default(),
    };
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
    volume
        .add_file("seed.json", serde_json::to_vec(&seed).unwrap().as_slice())
        .unwrap();
    volume.finish().unwrap();
}

fn ssh(key: &Path, port: u16, script: &str) -> Option<String> {
    let options = [
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "ConnectTimeout=20",
        "-o",
        "LogLevel=ERROR",
    ];
    let output = Command::new("ssh")
        .args(options)
        .arg("-i")
        .arg(key)
        .args(["-p", &port.to_string(), "admin@127.0.0.1", "sudo", script])
        .output()
        .unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn status(key: &Path, port: u16) -> Option<NodeStatus> {
    serde_json::from_str(&ssh(key, port, "hived status --json")?).ok()
}
