//! Running package scripts, and the site's own, inside the tree.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::database::ADMIN_DIR;
use super::unpack::Unpacked;
use crate::chroot::Chroot;

/// Packages that others silently rely on, in the order in which they must be ready.
const FIRST: [&str; 7] = [
    "base-passwd",
    "base-files",
    "libc6",
    "dpkg",
    "mawk",
    "perl-base",
    "debconf",
];
/// Says no to every service that a package script wants to start (invoke-rc.d(8)).
const POLICY: &str = "usr/sbin/policy-rc.d";

/// Runs the scripts of all packages, as dpkg would on a fresh system.
///
/// # Errors
/// A script fails; the error repeats its last words.
pub fn configure(
    chroot: &Chroot,
    root: &Path,
    packages: &[Unpacked],
    done: &dyn Fn(usize),
) -> Result<()> {
    let policy = root.join(POLICY);
    write_script(&policy, b"#!/bin/sh\nexit 101\n")?;
    // Package scripts call awk before mawk's own script has run.
    let awk = root.join("usr/bin/awk");
    if fs::symlink_metadata(&awk).is_err() {
        std::os::unix::fs::symlink("mawk", &awk).context("linking awk")?;
    }
    let present: BTreeSet<&str> = packages.iter().map(|p| p.control.package()).collect();
    let first: Vec<&str> = FIRST
        .iter()
        .copied()
        .filter(|n| present.contains(n))
        .collect();
    preinsts(chroot, packages, &first)?;
    for name in &first {
        dpkg(chroot, &["--configure", "--force-depends", name])?;
    }
    done(first.len());
    let essential: Vec<&str> = packages
        .iter()
        .filter(|p| p.control.field("Essential") == Some("yes"))
        .map(|p| p.control.package())
        .filter(|n| !first.contains(n))
        .collect();
    if !essential.is_empty() {
        let mut args = vec!["--configure", "--force-depends"];
        args.extend(&essential);
        dpkg(chroot, &args)?;
    }
    done(first.len() + essential.len());
    dpkg(chroot, &["--configure", "--pending"])?;
    done(packages.len());
    fs::remove_file(&policy).with_context(|| format!("removing {}", policy.display()))
}

fn dpkg(chroot: &Chroot, args: &[&str]) -> Result<()> {
    chroot
        .program("dpkg")
        .args(["--force-confold", "--force-unsafe-io", "--log=/dev/null"])
        .args(args)
        .output()
        .map(drop)
        .context("configuring the packages in the image's tree")
}

/// `preinst install` of every package that has one. dpkg runs it before unpacking; on a fresh tree
/// that makes no difference to what the scripts see of other packages.
fn preinsts(chroot: &Chroot, packages: &[Unpacked], first: &[&str]) -> Result<()> {
    let rank = |p: &&Unpacked| {
        let name = p.control.package();
        (
            first.iter().position(|f| *f == name).unwrap_or(first.len()),
            name.to_owned(),
        )
    };
    let mut order: Vec<&Unpacked> = packages
        .iter()
        .filter(|p| p.scripts.contains_key("preinst"))
        .collect();
    order.sort_by_key(rank);
    for package in order {
        let name = package.control.info_name();
        chroot
            .program(&format!("/{ADMIN_DIR}/info/{name}.preinst"))
            .arg("install")
            .env("DPKG_MAINTSCRIPT_PACKAGE", package.control.package())
            .env("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1")
            .env(
                "DPKG_MAINTSCRIPT_ARCH",
                package.control.field("Architecture").unwrap_or("amd64"),
            )
            .env("DPKG_MAINTSCRIPT_NAME", "preinst")
            .env("DPKG_ADMINDIR", format!("/{ADMIN_DIR}"))
            .env("DPKG_ROOT", "")
            .output()
            .with_context(|| {
                format!("running the script of {name} that comes before its installation")
            })?;
    }
    Ok(())
}

/// Runs the site's own programs, as root, in the finished tree.
///
/// # Errors
/// One of them fails.
pub fn addons(chroot: &Chroot, root: &Path, addons: &[(String, Vec<u8>)]) -> Result<()> {
    for (name, content) in addons {
        let place = root.join("tmp").join(name);
        write_script(&place, content)?;
        chroot
            .program(&format!("/tmp/{name}"))
            .output()
            .with_context(|| format!("running the site's addon {name} in the image's tree"))?;
    }
    Ok(())
}

fn write_script(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("writing {}", path.display()))
}
