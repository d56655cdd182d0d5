//! One host, from power-on to a second start.

use hive_tests::Site;

#[test]
fn a_host_becomes_ready_and_keeps_only_its_state() {
    let site = Site::alone();
    let host = site.host("p-hive0");
    host.run();
    let status = host.status();
    assert!(status.ready && status.root_verified, "{status:?}");
    let boot = status.boot.unwrap();
    assert!(boot.first_boot);
    assert_eq!(
        (boot.slot.as_str(), status.host.as_str()),
        ("root-a", "p-hive0")
    );
    assert_eq!(boot.image.root_hash, site.json(&["bake"])["root_hash"]);

    let root = host.sh("findmnt -no FSTYPE,OPTIONS /");
    assert!(root.starts_with("erofs ro"), "{root}");
    let addresses = host.sh("ip -br addr");
    assert!(addresses.contains("192.168.77.4/24"), "{addresses}");
    assert_eq!(
        host.sh("getent hosts p-hive0.hive.example")
            .split_whitespace()
            .next(),
        Some("192.168.77.4")
    );
    let failed = host.sh("systemctl --failed --no-legend --plain");
    assert_eq!(failed, "", "failed units");
    let slots = host.sh("lsblk -bnro NAME,SIZE,PARTLABEL /dev/vda");
    let labels: Vec<&str> = slots
        .lines()
        .filter_map(|l| l.split(' ').nth(2))
        .filter(|l| !l.is_empty())
        .collect();
    assert_eq!(
        labels,
        ["esp", "HIVE-SEED", "root-a", "root-b", "state"],
        "{slots}"
    );

    // A container from nothing but what is on the host: hived is a static program.
    host.sh("tar -C /usr/bin -c hived | docker import - tiny");
    host.sh("docker run --name keep tiny /hived --help");
    host.sh("echo by hand > /etc/by-hand; echo kept > /var/lib/kept; touch /home/admin/kept");
    let machine_id = host.sh("cat /etc/machine-id");
    assert_eq!(
        host.sh("findmnt -rno TARGET /dev/vda1 || true"),
        "",
        "the EFI system partition stays mounted"
    );
    let good = host.sh("mkdir -p /tmp/esp && mount -o ro /dev/vda1 /tmp/esp && ls /tmp/esp/EFI/Linux && umount /tmp/esp");
    assert_eq!(
        good,
        format!("hive_{}.efi", boot.image.image_version),
        "the boot entry is not marked as good"
    );

    site.ok(&["run", "--stop", "p-hive0"]);
    host.run();
    let status = host.status();
    assert!(status.ready && !status.boot.unwrap().first_boot);
    assert_eq!(
        host.sh("ls /etc/by-hand 2>&1 || true"),
        "ls: cannot access \"/etc/by-hand\": No such file or directory".replace('"', "'")
    );
    assert_eq!(host.sh("cat /var/lib/kept; ls /home/admin"), "kept\nkept");
    assert_eq!(
        host.sh("docker images -q tiny | wc -l; docker ps -aqf name=keep | wc -l"),
        "1\n1"
    );
    assert_eq!(host.sh("cat /etc/machine-id"), machine_id);
}
