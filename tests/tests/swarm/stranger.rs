//! A host of another site on the same network, with addresses of the same list.

use std::fs::File;

use hive_qemu::{Disk, Mac, Nic, Switch, Vm, VmConfig};
use hive_tests::Site;
use hive_tests::swarm::eventually;

#[test]
#[ignore = "takes minutes"]
fn it_is_ignored_and_reported() {
    let site = Site::baked();
    for name in ["p-hive0", "p-hive1", "p-hive2"] {
        site.host(name).start();
    }
    // Another site whose fourth host believes that ours are its peers.
    let other = Site::new();
    other.edit("number_of_hosts: 3", "number_of_hosts: 4");
    other.ok(&["bake"]);
    let dir = other.path("stranger");
    std::fs::create_dir_all(&dir).unwrap();
    let disk = dir.join("disk.raw");
    std::fs::copy(other.images().join("hive.raw"), &disk).unwrap();
    File::options()
        .write(true)
        .open(&disk)
        .unwrap()
        .set_len(24 << 30)
        .unwrap();
    other.ok(&["seed", "p-hive3", "--into", disk.to_str().unwrap()]);
    let switch = Switch::attach(&site.path(".hive/private/run/switch")).unwrap();
    let config = VmConfig::new("stranger", &dir)
        .memory(1536)
        .disk(Disk::raw(&disk).unsafe_cache())
        // The hardware address that `hive run` gives to the inside of the fourth host, by which its seed knows it.
        .nic(Nic::switch(
            "52:54:00:00:00:31".parse::<Mac>().unwrap(),
            switch.port("stranger").unwrap(),
        ));
    let _stranger = Vm::start(config).unwrap();

    site.joined();
    eventually("a host to report the stranger", || {
        let status = site.host("p-hive0").asked()?;
        let notices = status.notices.join("\n");
        notices
            .contains("192.168.77.7")
            .then_some(())
            .ok_or(notices)
    });
    let nodes = site.host("p-hive0").nodes();
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    assert!(site.host("p-hive0").status().ready);
}
