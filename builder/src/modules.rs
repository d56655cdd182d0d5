//! Kernel modules built at bake time: DRBD 9 against the exact kernel of the image, in a tree of its
//! own, without network, so that no compiler ships. Runs inside a [`crate::namespace`].

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::chroot::Chroot;
use crate::progress::Progress;
use crate::tree::ground::{Ground, Place};
use crate::tree::unpack::{Owners, PackageFile, unpack};
use crate::tree::{configure, database};

/// The name of this step.
pub const STEP: &str = "modules";
/// How much of a build's log an error repeats.
const LOG_LINES: usize = 25;

/// What modules are built from.
#[derive(Debug, Serialize, Deserialize)]
pub struct ModulesTask {
    /// Compiler, headers, dkms and the module's source packages.
    pub packages: Vec<PackageFile>,
    /// An empty folder for unfinished work.
    pub scratch: PathBuf,
    /// Whether the tree is built there or in memory.
    pub place: Place,
    /// Where the modules go: `*.ko`, stripped, and `version` with the version of `drbd`.
    pub out: PathBuf,
}

/// Builds the modules: configuring `drbd-dkms` beside the kernel's headers is what builds them.
///
/// # Errors
/// The build fails; the error says what the package lacks, or repeats the end of the build's log.
pub fn build(task: &ModulesTask, progress: &dyn Progress) -> Result<()> {
    let ground = Ground::prepare(&task.scratch, task.place)?;
    let root = ground.root();
    let total = task.packages.len() as u64 * 2;
    let report = |done: usize| progress.advance(STEP, done as u64, total);
    let unpacked = unpack(root, &task.packages, Owners::Keep, &report)?;
    database::write(root, &unpacked)?;
    let chroot = Chroot::enter(root)?
        // Without it DRBD writes the time of the build into the module.
        .env("WANT_DRBD_REPRODUCIBLE_BUILD", "1")
        // The headers bring a kernel along, which never boots: it needs no initrd.
        .env("INITRD", "No");
    let configured = configure::configure(&chroot, root, &unpacked, &|done| {
        report(task.packages.len() + done)
    });
    let built = find(&root.join("usr/lib/modules"), &|p| {
        p.components().any(|c| c.as_os_str() == "updates") && p.to_string_lossy().contains(".ko")
    });
    if configured.is_err() || built.is_empty() {
        let log = find(&root.join("var/lib/dkms"), &|p| p.ends_with("make.log"))
            .first()
            .and_then(|p| fs::read_to_string(p).ok());
        return Err(explanation(configured.err(), log.as_deref()));
    }
    for path in built {
        keep(&chroot, root, &path, &task.out)?;
    }
    chroot.leave()?;
    if !task.out.join("version").is_file() {
        bail!("the packages built modules, but no drbd.ko among them");
    }
    Ok(())
}

/// Keeps a built module without its symbols for debugging.
fn keep(chroot: &Chroot, root: &Path, path: &Path, out: &Path) -> Result<()> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let stem = name.split(".ko").next().unwrap_or(&name).to_owned();
    let place = root.join("tmp").join(format!("{stem}.ko"));
    fs::write(&place, decompressed(path)?)
        .with_context(|| format!("writing {}", place.display()))?;
    // The type information for BPF goes, too: its order depends on the number of cores.
    // So does the signature by a key that dkms made up for this build.
    chroot
        .program("strip")
        .args(["--strip-debug", "-R", ".BTF", "-R", ".BTF.base"])
        .arg(format!("/tmp/{stem}.ko"))
        .output()
        .with_context(|| format!("stripping {stem}"))?;
    if stem == "drbd" {
        let version = chroot
            .program("modinfo")
            .args(["-F", "version", "/tmp/drbd.ko"])
            .text()
            .context("asking the built module for its version")?;
        fs::write(out.join("version"), version.trim()).context("writing the module's version")?;
    }
    fs::copy(&place, out.join(format!("{stem}.ko")))
        .map(drop)
        .with_context(|| format!("keeping {stem}"))
}

/// Why there is no module: what is known of the build's log comes before what dpkg says.
fn explanation(failure: Option<anyhow::Error>, log: Option<&str>) -> anyhow::Error {
    let Some(log) = log else {
        let what = "no kernel module was built, and dkms did not even start; drbd-dkms has to be among the packages, and to name a version of its source that dkms knows";
        return failure.map_or_else(|| anyhow!(what), |e| e.context(what));
    };
    if let Some(hash) = missing_patch(log) {
        return anyhow!(
            "this drbd-dkms has no compatibility patch for the image's kernel: drbd-kernel-compat/cocci_cache/{hash}/compat.patch is missing in its source, and a bake neither asks LINBIT's online service for it nor has coccinelle to make it. Take a drbd-dkms that carries it, or build DRBD once against this kernel's headers on a machine with coccinelle and add the folder {hash} that it makes there to the package"
        );
    }
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    let what = format!("building the DRBD module failed. End of make.log:\n{tail}");
    match failure {
        Some(e) => e.context(what),
        None => anyhow!(what),
    }
}

/// The hash of the kernel's traits for which DRBD's source has no patch, as make's error names it:
/// `*** [Makefile.spatch:55: drbd-kernel-compat/cocci_cache/HASH/compat.patch] Error 1`.
fn missing_patch(log: &str) -> Option<&str> {
    log.lines()
        .filter(|line| line.contains("*** ["))
        .find_map(|line| {
            let (_, rest) = line.split_once("cocci_cache/")?;
            let (hash, rest) = rest.split_once('/')?;
            rest.starts_with("compat.patch] Error").then_some(hash)
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    const NO_PATCH: &str = "  GENPATCHNAMES   6.12.1-cloud-amd64
    No local spatch found.
make[3]: *** [Makefile.spatch:55: drbd-kernel-compat/cocci_cache/bef93bba4e6171ba50a01cdec4c96b9d/compat.patch] Error 1
make[2]: *** [/build/Kbuild:147: /build/compat.patch] Error 2";

    #[test]
    fn a_missing_patch_is_named() {
        let said = format!(
            "{:#}",
            explanation(Some(anyhow!("dpkg failed")), Some(NO_PATCH))
        );
        for part in [
            "cocci_cache/bef93bba4e6171ba50a01cdec4c96b9d/compat.patch is missing",
            "Take a drbd-dkms",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("dpkg failed"), "{said}");
    }

    #[test]
    fn any_other_failure_shows_the_end_of_the_log() {
        let log: String = (0..40).map(|n| format!("line {n}\n")).collect();
        let said = format!(
            "{:#}",
            explanation(Some(anyhow!("dpkg failed")), Some(&log))
        );
        assert!(
            said.contains("line 15\n") && said.contains("line 39"),
            "{said}"
        );
        assert!(
            !said.contains("line 14\n") && said.ends_with("dpkg failed"),
            "{said}"
        );
        let used = "cp drbd-kernel-compat/cocci_cache/00/compat.patch .\ncc: error: x.c";
        assert!(!format!("{:#}", explanation(None, Some(used))).contains("is missing"));
    }

    #[test]
    fn without_a_log_dkms_did_not_start() {
        let said = format!("{:#}", explanation(None, None));
        assert!(
            said.contains("drbd-dkms has to be among the packages"),
            "{said}"
        );
    }
}
