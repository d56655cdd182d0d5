//! From a tree of configured packages to the tree of a hive node.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result};
use hive_inventory::disk::FACTORY_VAR;
use hive_inventory::image::ImageSettings;

use super::database::ADMIN_DIR;
use super::unpack::Unpacked;
use crate::chroot::Chroot;
use crate::{node_programs, recipe};

/// Where dpkg's database lies on the node: it describes the image, so it is sealed with it.
const SEALED_ADMIN_DIR: &str = "usr/lib/hive/dpkg";

/// Adds modules that were built at bake time; `updates` wins over the kernel's own (depmod.d(5)).
///
/// # Errors
/// They can't be copied.
pub fn add_modules(root: &Path, release: &str, from: &Path) -> Result<()> {
    let place = root.join("usr/lib/modules").join(release).join("updates");
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("listing {}", from.display()))? {
        let path = entry
            .with_context(|| format!("listing {}", from.display()))?
            .path();
        if path.extension().is_some_and(|e| e == "ko") {
            let to = place.join(path.file_name().unwrap_or_default());
            put(
                &to,
                0o644,
                &fs::read(&path).with_context(|| format!("reading {}", path.display()))?,
            )?;
        }
    }
    Ok(())
}

/// Tells dpkg of the kernel, whose scripts did not run, as of a package that is unpacked.
///
/// # Errors
/// The database can't be written.
pub fn kernel_records(root: &Path, kernel: &[Unpacked]) -> Result<()> {
    let status = root.join(ADMIN_DIR).join("status");
    let mut text = fs::read_to_string(&status).context("reading dpkg's status")?;
    for package in kernel {
        let mut lines = package.control.text().trim_end().lines();
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "\n{}\nStatus: install ok unpacked",
            lines.next().unwrap_or_default()
        );
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
    }
    fs::write(&status, text).context("writing dpkg's status")
}

/// Lays the recipe's files and our own programs over the tree.
///
/// # Errors
/// A file can't be written, or this program carries no node programs.
pub fn overlay(root: &Path, image: &ImageSettings) -> Result<()> {
    for file in recipe::tree() {
        put(&root.join(&file.path), file.mode, &file.content)?;
    }
    for name in node_programs::IN_ROOT {
        let program = node_programs::get(name)?;
        put(&root.join("usr/bin").join(name), 0o755, program)?;
    }
    put(
        &root.join("etc/locale.conf"),
        0o644,
        format!("LANG={}\n", image.locale).as_bytes(),
    )?;
    let default = root.join("etc/default/locale");
    drop(fs::remove_file(&default));
    symlink("../locale.conf", &default).context("linking etc/default/locale")
}

/// Makes the locale, and enables what the presets enable.
///
/// # Errors
/// localedef or systemctl fails.
pub fn locale_and_presets(chroot: &Chroot, root: &Path, image: &ImageSettings) -> Result<()> {
    if image.locale != "C.UTF-8" {
        let (source, charmap) = image.locale.split_once('.').with_context(|| {
            format!(
                "the locale {:?} names no character set; write it like ja_JP.UTF-8",
                image.locale
            )
        })?;
        chroot
            .program("localedef")
            .args(["-i", source, "-f", charmap, &image.locale])
            .output()
            .with_context(|| {
                format!(
                    "making the locale {}; `locale -a` on a Debian machine lists those that exist",
                    image.locale
                )
            })?;
    }
    let presets = recipe::tree()
        .into_iter()
        .find(|f| f.path.ends_with("90-hive.preset"))
        .map(|f| String::from_utf8_lossy(&f.content).into_owned())
        .unwrap_or_default();
    for verb in ["enable", "disable"] {
        let units: Vec<&str> = presets
            .lines()
            .filter_map(|line| line.strip_prefix(verb)?.split_whitespace().next())
            .collect();
        for unit in units {
            let known = ["etc/systemd/system", "usr/lib/systemd/system"]
                .iter()
                .any(|dir| root.join(dir).join(unit).exists());
            if known {
                chroot
                    .program("systemctl")
                    .args(["--root=/", verb, unit])
                    .output()
                    .with_context(|| format!("the preset `{verb} {unit}`"))?;
            }
        }
    }
    chroot
        .program("systemctl")
        .args(["--root=/", "set-default", "multi-user.target"])
        .output()
        .map(drop)
        .context("choosing what the node boots to")
}

/// Takes the kernel and its modules out for the boot image.
///
/// # Errors
/// The kernel is not where Debian puts it.
pub fn take_kernel(root: &Path, release: &str, out: &Path) -> Result<()> {
    let kernel = root.join(format!("boot/vmlinuz-{release}"));
    fs::copy(&kernel, out.join("vmlinuz"))
        .with_context(|| format!("taking the kernel {}", kernel.display()))?;
    fs::write(out.join("kernel-release"), release).context("writing the kernel's release")?;
    copy_tree(
        &root.join("usr/lib/modules").join(release),
        &out.join("modules"),
    )
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("listing {}", from.display()))? {
        let entry = entry.with_context(|| format!("listing {}", from.display()))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let kind = entry
            .file_type()
            .with_context(|| format!("looking at {}", path.display()))?;
        if kind.is_dir() {
            copy_tree(&path, &place)?;
        } else if kind.is_file() {
            fs::copy(&path, &place).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

/// Writes what the image is made of, a package a line with its version.
///
/// # Errors
/// The list can't be written.
pub fn package_list(packages: &[Unpacked], kernel: &[Unpacked], out: &Path) -> Result<()> {
    let mut lines: Vec<String> = packages
        .iter()
        .chain(kernel)
        .map(|p| {
            format!(
                "{} {}\n",
                p.control.package(),
                p.control.field("Version").unwrap_or("?")
            )
        })
        .collect();
    lines.sort();
    fs::write(out.join("packages.txt"), lines.concat()).context("writing the list of packages")
}

/// Moves what changes on a running host to where state lies, and what does not out of `/var`.
///
/// # Errors
/// Something can't be moved.
pub fn rearrange(root: &Path) -> Result<()> {
    let step = |what: &str, result: std::io::Result<()>| {
        result.with_context(|| format!("rearranging the tree: {what}"))
    };
    let admin = root.join(ADMIN_DIR);
    let sealed = root.join(SEALED_ADMIN_DIR);
    step(
        "usr/lib/hive",
        fs::create_dir_all(root.join("usr/lib/hive")),
    )?;
    step("dpkg's database", fs::rename(&admin, &sealed))?;
    step(
        "dpkg's database",
        symlink(format!("/{SEALED_ADMIN_DIR}"), &admin),
    )?;
    for (name, place, mode) in [
        ("home", "home", 0o755),
        ("root", "roothome", 0o700),
        ("srv", "srv", 0o755),
    ] {
        let to = root.join("var").join(place);
        let from = root.join(name);
        step(
            name,
            if from.is_dir() {
                fs::rename(&from, &to)
            } else {
                fs::create_dir_all(&to)
            },
        )?;
        step(
            name,
            fs::set_permissions(&to, fs::Permissions::from_mode(mode)),
        )?;
        step(name, symlink(format!("var/{place}"), &from))?;
    }
    let factory = root.join(FACTORY_VAR.trim_start_matches('/'));
    step(
        "factory",
        fs::create_dir_all(factory.parent().unwrap_or(root)),
    )?;
    step("var", fs::rename(root.join("var"), &factory))?;
    for name in [
        "var", "proc", "sys", "dev", "run", "tmp", "mnt", "media", "boot", "efi",
    ] {
        step(name, fs::create_dir_all(root.join(name)))?;
    }
    Ok(())
}

/// Deletes what the recipe's scrub list names.
///
/// # Errors
/// Something can't be deleted.
pub fn scrub(root: &Path) -> Result<()> {
    super::scrub::scrub(root, &recipe::scrub())
}

fn put(path: &Path, mode: u32, content: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    }
    // A link of a package must not lead the file elsewhere.
    drop(fs::remove_file(path));
    fs::write(path, content)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .with_context(|| format!("writing {}", path.display()))
}
