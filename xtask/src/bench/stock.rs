//! The other side: the same package files through mmdebstrap, from a folder on this disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::lock::Package;
use super::site::Site;
use crate::debian::is_root;
use crate::step::{Result, program, read};

/// Stands in for what a kernel package asks for, where the image has no use for it.
const NO_INITRD: &str = "hive-bench-no-initrd";
const CONTROL: &str = "Package: hive-bench-no-initrd\nVersion: 1\nArchitecture: all\n\
    Maintainer: nobody <nobody@localhost>\nProvides: linux-initramfs-tool, linux-base (= 99)\n\
    Description: no initrd is made\n";
/// Programs that a kernel's scripts call, which do nothing here.
const HOOKS: [&str; 4] = [
    "linux-run-hooks",
    "linux-update-symlinks",
    "linux-check-removal",
    "linux-version",
];

/// A local archive of package files.
#[derive(Debug)]
pub struct Archive {
    folder: PathBuf,
    names: Vec<String>,
}

impl Archive {
    /// Makes an archive of packages in the cache; `no_initrd` adds a package in place of initramfs-tools.
    pub fn make(site: &Site, name: &str, packages: &[Package], no_initrd: bool) -> Result<Self> {
        let folder = super::room(name)?;
        let doing = |e: std::io::Error| format!("making the archive {}: {e}", folder.display());
        let mut index = String::new();
        let mut names = Vec::new();
        for package in packages {
            let file = site.cache.join("debs").join(&package.sha256);
            fs::copy(&file, folder.join(format!("{}.deb", package.sha256))).map_err(doing)?;
            index.push_str(&entry(
                &file,
                &format!("{}.deb", package.sha256),
                &package.sha256,
            )?);
            names.push(package.name.clone());
        }
        if no_initrd {
            let file = folder.join("no-initrd.deb");
            build_no_initrd(&folder, &file)?;
            index.push_str(&entry(&file, "no-initrd.deb", &sha256(&file)?)?);
            names.push(NO_INITRD.to_owned());
        }
        let packages = folder.join("Packages");
        fs::write(&packages, &index).map_err(doing)?;
        let release = format!(
            "Suite: trixie\nCodename: trixie\nArchitectures: amd64 all\nDate: {}SHA256:\n {} {} Packages\n",
            read(&mut program("date", &["-uR"]))?,
            sha256(&packages)?,
            index.len()
        );
        fs::write(folder.join("Release"), release).map_err(doing)?;
        Ok(Self { folder, names })
    }

    /// mmdebstrap, installing all packages of the archive into `out`.
    pub fn mmdebstrap(&self, out: &Path, hooks: &[String]) -> Result<Command> {
        let mode = if is_root()? {
            "--mode=root"
        } else {
            "--mode=unshare"
        };
        let include = format!("--include={}", self.names.join(","));
        let mut command = program(
            "mmdebstrap",
            &["--quiet", mode, "--variant=essential", &include],
        );
        command.args(hooks).arg("trixie").arg(out);
        command.arg(format!(
            "deb [trusted=yes] copy:{} ./",
            self.folder.display()
        ));
        Ok(command)
    }
}

/// A hook that runs a shell command with the finished tree as `$TREE`, without what is mounted in it.
pub fn with_tree(command: &str) -> String {
    format!(
        "--customize-hook=TREE=$(mktemp -d) && mount --bind \"$1\" \"$TREE\" && {{ PATH=$PATH:/sbin:/usr/sbin; {command}; }} && umount \"$TREE\" && rmdir \"$TREE\""
    )
}

fn entry(file: &Path, name: &str, sha256: &str) -> Result<String> {
    let control = read(program("dpkg-deb", &["--field"]).arg(file))?;
    let length = fs::metadata(file)
        .map_err(|e| format!("measuring {}: {e}", file.display()))?
        .len();
    Ok(format!(
        "{}\nFilename: ./{name}\nSize: {length}\nSHA256: {sha256}\n\n",
        control.trim_end()
    ))
}

fn sha256(file: &Path) -> Result<String> {
    let text = read(program("sha256sum", &[]).arg(file))?;
    Ok(text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned())
}

fn build_no_initrd(folder: &Path, file: &Path) -> Result {
    let tree = folder.join("no-initrd");
    let doing = |e: std::io::Error| format!("making {}: {e}", tree.display());
    fs::create_dir_all(tree.join("DEBIAN")).map_err(doing)?;
    fs::create_dir_all(tree.join("usr/bin")).map_err(doing)?;
    fs::write(tree.join("DEBIAN/control"), CONTROL).map_err(doing)?;
    for hook in HOOKS {
        let path = tree.join("usr/bin").join(hook);
        fs::write(&path, "#!/bin/sh\nexit 0\n").map_err(doing)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(doing)?;
    }
    read(
        program("dpkg-deb", &["--root-owner-group", "--build"])
            .arg(&tree)
            .arg(file),
    )
    .map(drop)
}
