//! A host with DRBD 9, from package files that the person at the keyboard has: hive carries none.

use std::fs;
use std::path::PathBuf;

use hive_tests::drbd_packages::{self, PACKAGES, named};
use hive_tests::{Site, skipped};

/// A resource whose other host never answers: its module, its transport and its disk are used all the same.
const RESOURCE: &str = "resource try {
  options { quorum off; }
  device /dev/drbd0;
  disk /dev/loop7;
  meta-disk internal;
  on p-hive0 { node-id 0; address 127.0.0.1:7788; }
  on nobody { node-id 1; address 127.0.0.1:7789; }
  connection { host p-hive0; host nobody; }
}";

/// The sample site with these packages in place of the kernel's module.
fn site_with(packages: &[PathBuf]) -> Site {
    let site = Site::new();
    site.edit("number_of_hosts: 3", "number_of_hosts: 1");
    drbd_packages::used(&site, packages);
    site
}

#[test]
fn a_host_runs_the_module_that_its_image_was_baked_with() {
    let packages = named();
    if packages.is_empty() {
        return skipped(&format!(
            "{PACKAGES} names no package files with DRBD 9 (drbd-dkms, separated by colons); mirrored volumes ran with the kernel's 8.4 only"
        ));
    }
    let site = site_with(&packages);
    let baked = site.json(&["bake"])["drbd"].as_str().unwrap().to_owned();
    assert!(baked.starts_with("9."), "{baked}");

    let host = site.host("p-hive0");
    host.run();
    let status = host.status();
    assert!(status.ready, "{status:?}");
    assert_eq!(status.drbd.as_deref(), Some(baked.as_str()));
    assert_eq!(status.boot.unwrap().image.drbd, baked);

    let said = host.sh("cat /proc/drbd");
    assert!(
        said.starts_with(&format!("version: {baked} (api:2/")),
        "{said}"
    );
    let tools = host.sh("drbdadm --version");
    let version = format!("DRBD_KERNEL_VERSION={baked}");
    assert!(tools.lines().any(|l| l == version), "{tools}");

    // What built the module stayed with the builder.
    let left = host.sh(
        "for p in gcc cc make ld as strip dkms spatch; do command -v $p || true; done; ls -d /usr/src/* /usr/include /usr/lib/gcc /var/lib/dkms /usr/lib/modules/*/build 2>/dev/null || true",
    );
    assert_eq!(left, "", "left in the image");
    let packages = host.sh("dpkg-query -W");
    for name in [
        "dkms",
        "linux-headers",
        "linux-kbuild",
        "binutils",
        "drbd-dkms",
    ] {
        assert!(
            !packages.lines().any(|l| l.starts_with(name)),
            "{name} is in the image"
        );
    }

    host.sh(&format!("cat > /etc/drbd.d/try.res <<E\n{RESOURCE}\nE"));
    host.sh("truncate -s 64M /var/tmp/disk && losetup /dev/loop7 /var/tmp/disk");
    host.sh("drbdadm create-md --force try && drbdadm up try && drbdadm primary --force try");
    assert_eq!(host.sh("drbdadm role try"), "Primary");
    assert_eq!(host.sh("drbdadm dstate try | cut -d/ -f1"), "UpToDate");
    host.sh("mkfs.ext4 -q /dev/drbd0 && mount /dev/drbd0 /mnt && echo mirrored > /mnt/file && umount /mnt");
    let transport =
        host.sh("modinfo -F version drbd_transport_tcp; ls -d /sys/module/drbd_transport_tcp");
    assert_eq!(
        transport,
        format!("{baked}\n/sys/module/drbd_transport_tcp")
    );
    host.sh("drbdadm down try");
}

#[test]
fn a_package_file_that_changes_is_locked_anew() {
    let packages = named();
    if packages.is_empty() {
        return skipped(&format!("{PACKAGES} names no package files with DRBD 9"));
    }
    let site = site_with(&packages);
    site.ok(&["lock"]);
    let locked = fs::read_to_string(site.path("hive.lock")).unwrap();
    let name = format!(
        "debs/{}",
        packages[0].file_name().unwrap().to_str().unwrap()
    );
    // A member that deb(5) tells readers to skip: another file, the same package.
    let mut bytes = fs::read(site.path(&name)).unwrap();
    bytes.extend(
        format!(
            "{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n\n\n",
            "_more", 0, 0, 0, 100_644, 2
        )
        .bytes(),
    );
    fs::write(site.path(&name), bytes).unwrap();

    let refusal = site.refused(&["bake", "--locked"]);
    assert!(refusal.contains("asks for other packages"), "{refusal}");
    site.ok(&["lock"]);
    let now = fs::read_to_string(site.path("hive.lock")).unwrap();
    let hash = hive_tests::sha256(&site.path(&name));
    assert!(!locked.contains(&hash) && now.contains(&hash));

    // Back to the kernel's module: nothing asks for the package file any more.
    site.edit("module: deb\n", "module: kernel\n");
    fs::remove_dir_all(site.path("debs")).unwrap();
    site.ok(&["lock"]);
    let now = fs::read_to_string(site.path("hive.lock")).unwrap();
    assert!(!now.contains(".modules") && !now.contains(&hash));
}
