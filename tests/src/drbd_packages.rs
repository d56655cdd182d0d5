//! Package files with DRBD 9 that the person at the keyboard has: hive carries none.

use std::fs;
use std::path::PathBuf;

use crate::{Site, skipped};

/// Names the files, separated by colons: drbd-dkms, and utilities if they are not Debian's.
pub const PACKAGES: &str = "HIVE_DRBD_DEB";

/// The files; none: stories have the kernel's module.
pub fn named() -> Vec<PathBuf> {
    std::env::var_os(PACKAGES)
        .map(|list| {
            std::env::split_paths(&list)
                .filter(|p| !p.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default()
}

/// Has the private stage of the sample site use those that are named; says so if none are.
pub fn used_if_named(site: &Site) {
    let packages = named();
    if packages.is_empty() {
        skipped(&format!(
            "{PACKAGES} names no package files with DRBD 9 (drbd-dkms, separated by colons): hosts have the kernel's 8.4"
        ));
    } else {
        used(site, &packages);
    }
}

/// Has the private stage of the sample site use them in place of the kernel's module.
pub fn used(site: &Site, packages: &[PathBuf]) {
    fs::create_dir(site.path("debs")).unwrap();
    let names: Vec<String> = packages
        .iter()
        .map(|path| {
            let name = format!("debs/{}", path.file_name().unwrap().to_str().unwrap());
            fs::copy(path, site.path(&name)).unwrap();
            name
        })
        .collect();
    site.edit(
        "      module: kernel\n",
        &format!("      module: deb\n      debs: [{}]\n", names.join(", ")),
    );
}
