//! The root file system: from locked packages to one EROFS file. Runs inside a
//! [`crate::namespace`]; [`build`] reads as a list of what happens.

pub mod configure;
pub mod database;
pub mod finish;
pub mod ground;
pub mod scrub;
pub mod unpack;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hive_inventory::image::ImageSettings;
use serde::{Deserialize, Serialize};

use crate::chroot::{self, Chroot, ToolTask};
use crate::progress::Progress;
use ground::{Ground, Place};
use unpack::{Owners, PackageFile};

/// The name of this step.
pub const STEP: &str = "root";

/// What the root file system is made of.
#[derive(Debug, Serialize, Deserialize)]
pub struct RootTask {
    /// Packages that make the system; dpkg configures them.
    pub packages: Vec<PackageFile>,
    /// The kernel's packages: files only, no scripts (they would want to build an initramfs).
    pub kernel: Vec<PackageFile>,
    /// Folder with modules built at bake time, laid over `/usr/lib/modules/<release>/updates`.
    pub modules: Option<PathBuf>,
    /// What the site chose.
    pub image: ImageSettings,
    /// Programs of the site's `addon` folder, in the order in which they run.
    pub addons: Vec<(String, Vec<u8>)>,
    /// The tool root.
    pub tools: PathBuf,
    /// Compression of the EROFS file, as `mkfs.erofs -z` takes it.
    pub compression: String,
    /// An empty folder for unfinished work.
    pub scratch: PathBuf,
    /// Whether the tree is built there or in memory.
    pub place: Place,
    /// Where the results go: `root.erofs`, `vmlinuz`, `modules/`, `packages.txt`,
    /// `kernel-release`, `drbd-version`.
    pub out: PathBuf,
}

/// Builds the root file system.
///
/// # Errors
/// A package is damaged, a package script fails, or the disk is full.
pub fn build(task: &RootTask, progress: &dyn Progress) -> Result<()> {
    let ground = Ground::prepare(&task.scratch, task.place)?;
    let root = ground.root();
    let total = (task.packages.len() + task.kernel.len()) as u64 * 2;
    let report = |done: usize| progress.advance(STEP, done as u64, total);

    let all: Vec<PackageFile> = task.packages.iter().chain(&task.kernel).cloned().collect();
    let mut unpacked = unpack::unpack(root, &all, Owners::Keep, &report)?;
    let kernel = unpacked.split_off(task.packages.len());
    database::write(root, &unpacked)?;

    let chroot = Chroot::enter(root)?;
    let half = all.len();
    configure::configure(&chroot, root, &unpacked, &|done| report(half + done))?;
    let release = kernel_release(root)?;
    if let Some(modules) = &task.modules {
        finish::add_modules(root, &release, modules)?;
    }
    finish::kernel_records(root, &kernel)?;
    chroot
        .program("depmod")
        .arg(&release)
        .output()
        .context("listing the kernel's modules")?;
    let drbd = chroot
        .program("modinfo")
        .args(["-k", &release, "-F", "version", "drbd"])
        .text()
        .context("asking which DRBD module the image would load")?;
    finish::overlay(root, &task.image)?;
    finish::locale_and_presets(&chroot, root, &task.image)?;
    configure::addons(&chroot, root, &task.addons)?;
    chroot.leave()?;

    finish::take_kernel(root, &release, &task.out)?;
    fs::write(task.out.join("drbd-version"), drbd.trim())
        .context("writing the version of the DRBD module")?;
    finish::package_list(&unpacked, &kernel, &task.out)?;
    finish::scrub(root)?;
    finish::rearrange(root)?;
    erofs(task, root)
}

/// The only kernel in the tree.
fn kernel_release(root: &Path) -> Result<String> {
    let dir = root.join("usr/lib/modules");
    let mut found = Vec::new();
    for entry in fs::read_dir(&dir)
        .with_context(|| format!("looking for the kernel in {}", dir.display()))?
    {
        let entry = entry.context("looking for the kernel")?;
        if entry.path().join("kernel").is_dir() {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    match found.as_slice() {
        [release] => Ok(release.clone()),
        _ => bail!("the image must have exactly one kernel, the packages brought {found:?}"),
    }
}

fn erofs(task: &RootTask, root: &Path) -> Result<()> {
    let command = [
        "mkfs.erofs",
        "--quiet",
        &format!("-z{}", task.compression),
        "-C65536",
        "-Efragments,ztailpacking",
        // Two workers on any machine: the bytes must not depend on the number of cores.
        "--workers=2",
        "-T0",
        "-U7b5d6a1e-0000-4000-8000-686976650001",
        "-Lhive-root",
        "/out/root.erofs",
        "/work",
    ];
    let tool = ToolTask {
        tools: task.tools.clone(),
        binds: vec![
            (root.to_owned(), "work".into()),
            (task.out.clone(), "out".into()),
        ],
        command: command.iter().map(|s| (*s).to_owned()).collect(),
    };
    chroot::run_tool(&tool)
        .map(drop)
        .context("writing the root file system (mkfs.erofs)")
}
