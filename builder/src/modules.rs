//! Kernel modules built at bake time: DRBD 9 against the exact kernel of the image, in a tree of its
//! own, without network, so that no compiler ships. Runs inside a [`crate::namespace`].

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::mount::{MountFlags, mount};
use serde::{Deserialize, Serialize};

use crate::chroot::Chroot;
use crate::progress::Progress;
use crate::tree::unpack::{Owners, PackageFile, unpack};
use crate::tree::{configure, database};

/// The name of this step.
pub const STEP: &str = "modules";

/// What modules are built from.
#[derive(Debug, Serialize, Deserialize)]
pub struct ModulesTask {
    /// Compiler, headers, dkms and the module's source packages.
    pub packages: Vec<PackageFile>,
    /// An empty folder for unfinished work.
    pub scratch: PathBuf,
    /// Where the modules go: `*.ko`, stripped, and `version` with the version of `drbd`.
    pub out: PathBuf,
}

/// Builds the modules: configuring `drbd-dkms` beside the kernel's headers is what builds them.
///
/// # Errors
/// The build fails; the error repeats the end of its log.
pub fn build(task: &ModulesTask, progress: &dyn Progress) -> Result<()> {
    mount(
        "tmpfs",
        &task.scratch,
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        c"mode=0700,size=75%",
    )
    .with_context(|| format!("mounting memory on {}", task.scratch.display()))?;
    let root = task.scratch.join("tree");
    fs::create_dir(&root).with_context(|| format!("making {}", root.display()))?;
    let total = task.packages.len() as u64 * 2;
    let report = |done: usize| progress.advance(STEP, done as u64, total);
    let unpacked = unpack(&root, &task.packages, Owners::Keep, &report)?;
    database::write(&root, &unpacked)?;
    let chroot = Chroot::enter(&root)?;
    let configured = configure::configure(&chroot, &root, &unpacked, &|done| {
        report(task.packages.len() + done)
    });
    let built = find(&root.join("usr/lib/modules"), &|p| {
        p.components().any(|c| c.as_os_str() == "updates") && p.to_string_lossy().contains(".ko")
    });
    if configured.is_err() || built.is_empty() {
        let log = find(&root.join("var/lib/dkms"), &|p| p.ends_with("make.log"));
        let said = log
            .first()
            .and_then(|p| fs::read_to_string(p).ok())
            .unwrap_or_default();
        let tail: Vec<&str> = said.lines().rev().take(25).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        let hint = "The build has no network and no coccinelle: the package must carry its compatibility patch for this kernel";
        return match configured {
            Err(e) => Err(e.context(format!(
                "building the DRBD module failed. {hint}.\nEnd of make.log:\n{tail}"
            ))),
            Ok(()) => bail!(
                "the packages built no kernel module; is drbd-dkms among them? {hint}.\nEnd of make.log:\n{tail}"
            ),
        };
    }
    for path in built {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let stem = name.split(".ko").next().unwrap_or(&name).to_owned();
        let place = root.join("tmp").join(format!("{stem}.ko"));
        fs::write(&place, decompressed(&path)?)
            .with_context(|| format!("writing {}", place.display()))?;
        chroot
            .program("strip")
            .args(["--strip-debug", &format!("/tmp/{stem}.ko")])
            .output()
            .with_context(|| format!("stripping {stem}"))?;
        if stem == "drbd" {
            let version = chroot
                .program("modinfo")
                .args(["-F", "version", "/tmp/drbd.ko"])
                .text()
                .context("asking the built module for its version")?;
            fs::write(task.out.join("version"), version.trim())
                .context("writing the module's version")?;
        }
        fs::copy(&place, task.out.join(format!("{stem}.ko")))
            .with_context(|| format!("keeping {stem}"))?;
    }
    chroot.leave()?;
    if !task.out.join("version").is_file() {
        bail!("the packages built modules, but no drbd.ko among them");
    }
    Ok(())
}

fn find(dir: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else {
        return found;
    };
    for path in entries.filter_map(|e| e.ok().map(|e| e.path())) {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(find(&path, wanted));
        } else if wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn decompressed(path: &Path) -> Result<Vec<u8>> {
    let raw = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let mut module = Vec::new();
    let reading = || format!("unpacking {}", path.display());
    match path.extension().and_then(|e| e.to_str()) {
        Some("xz") => {
            liblzma::read::XzDecoder::new(raw.as_slice())
                .read_to_end(&mut module)
                .with_context(reading)?;
        }
        Some("zst") => {
            zstd::Decoder::new(raw.as_slice())
                .and_then(|mut d| d.read_to_end(&mut module))
                .with_context(reading)?;
        }
        _ => module = raw,
    }
    Ok(module)
}
