//! Seeds that are not to be trusted: the machine says why on its console and in its status, and
//! becomes no host. One machine, started with one stick after another.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hive_inventory::node::NodeStatus;
use hive_qemu::{Disk, Forward, Lifetime, Mac, Nic, Patience, Switch, Vm, VmConfig};
use hive_tests::{Login, Site};

/// Seconds that the machine waits for a person before it goes on without an identity.
const WAIT: &str = "io.systemd.stub.kernel-cmdline-extra=hive.seedwait=2";
/// Inside interfaces of p-hive0 and p-hive1 in `hive run`, by which their seeds know them.
const MACS: [u32; 2] = [0x01, 0x11];
/// The outside interface of p-hive0, which its seed sets up; nobody is known by it.
const OUTSIDE: u32 = 0x00;

struct Bench<'a> {
    site: &'a Site,
    dir: PathBuf,
    /// Where the inside interfaces are plugged in; nobody else is there.
    switch: Switch,
}

impl<'a> Bench<'a> {
    fn new(site: &'a Site) -> Self {
        let dir = site.path("bench");
        std::fs::create_dir_all(&dir).unwrap();
        let disk = dir.join("disk.raw");
        std::fs::copy(site.images().join("hive.raw"), &disk).unwrap();
        let file = File::options().write(true).open(&disk).unwrap();
        file.set_len(24 << 30).unwrap();
        let switch = Switch::start(&dir.join("switch"), Lifetime::Tied).unwrap();
        Self { site, dir, switch }
    }

    /// Starts the machine with these documents, each on a stick of its own.
    fn boot(&self, seeds: &[&str], macs: &[u32]) -> (NodeStatus, String) {
        let mut config = VmConfig::new("bench", &self.dir)
            .memory(1024)
            .disk(Disk::raw(self.dir.join("disk.raw")).unsafe_cache())
            .nic(Nic::user(Mac::local(OUTSIDE), [Forward::tcp(22)]));
        for (number, seed) in seeds.iter().enumerate() {
            let stick = self.dir.join(format!("stick{number}.raw"));
            write_stick(&stick, seed);
            config = config.disk(Disk::raw(&stick).unsafe_cache());
        }
        for mac in macs {
            let port = self.switch.port(&format!("nic{mac}")).unwrap();
            config = config.nic(Nic::switch(Mac::local(*mac), port));
        }
        config.smbios.oem_strings = vec![WAIT.to_owned()];
        let vm = Vm::start(config).unwrap();
        let port = vm.forwarded(22).unwrap().port();
        let login = Login::admin(self.site, port);
        let timeout = Patience::measured()
            .unwrap()
            .scale(Duration::from_secs(300));
        let status = vm
            .wait_until("a status over ssh", timeout, || {
                Ok::<_, std::convert::Infallible>(login.status().filter(|s| s.boot.is_some()))
            })
            .unwrap();
        let console = std::fs::read(vm.serial_log()).unwrap();
        vm.power_cut().unwrap();
        (status, String::from_utf8_lossy(&console).into_owned())
    }

    /// Starts the machine, which must refuse with these words.
    fn refuses(&self, seeds: &[&str], macs: &[u32], words: &str) {
        let (status, console) = self.boot(seeds, macs);
        println!("{words}: {:?}", status.waiting_for);
        assert_eq!(status.host, "hive-unseeded");
        assert!(!status.ready && status.swarm.is_none(), "{status:?}");
        let told = status.waiting_for.join("; ");
        assert!(
            told.contains(words),
            "{words:?} is not in the status: {told}"
        );
        // The console wraps at no width of its own.
        assert!(
            console.contains(words),
            "{words:?} is not on the console:\n{console}"
        );
    }
}

fn write_stick(path: &Path, seed: &str) {
    let size = 64 << 20;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .unwrap();
    file.set_len(size).unwrap();
    hive_fat::format(&mut file, size, 7, "HIVE-SEED").unwrap();
    let mut volume = hive_fat::Volume::open(file).unwrap();
    volume.add_file("seed.json", seed.as_bytes()).unwrap();
    volume.finish().unwrap();
}

#[test]
#[ignore = "takes minutes; what is refused is decided by unit tests of firstboot, too"]
fn each_is_refused_with_its_own_words() {
    let site = Site::baked();
    let seed = |host: &str| site.ok(&["seed", host, "--stdout"]);
    let (first, second) = (seed("p-hive0"), seed("p-hive1"));
    let bench = Bench::new(&site);

    let tampered = first.replace("192.168.77.5", "192.168.77.9");
    assert_ne!(tampered, first);
    bench.refuses(&[&tampered], &MACS[..1], "signature does not hold");
    let expired = first.replacen("\"version\":2", "\"version\":1", 1);
    let expired = expired.replacen("\"version\": 2", "\"version\": 1", 1);
    assert_ne!(expired, first);
    bench.refuses(&[&expired], &MACS[..1], "format version 1");
    bench.refuses(&[&first], &MACS[1..], "this is not its machine");
    bench.refuses(&[&first, &second], &MACS, "contradict each other");
    bench.refuses(&[], &MACS, "no seed was found");

    // The same machine with its own seed is the host.
    let (status, _) = bench.boot(&[&first], &MACS[..1]);
    assert_eq!(status.host, "p-hive0");
    assert_eq!(status.boot.unwrap().seed_fault, None);
}
