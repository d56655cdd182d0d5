//! The tool root: the programs that write file systems and disk formats, from locked packages, so
//! that the builder's own distribution decides about nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::progress::Progress;
use crate::tree::unpack::{Owners, PackageFile, unpack};

/// The name of this step.
pub const STEP: &str = "tools";
/// Suite of the tools, whatever the image's is: older ones write fewer formats.
pub const SUITE: &str = "trixie";
/// The root's folder in the step's output.
pub const ROOT: &str = "root";

/// Makes the tool root. Its programs need no configuration, so no package script runs.
///
/// # Errors
/// A package is damaged, or the disk is full.
pub fn make(packages: &[PackageFile], out: &Path, progress: &dyn Progress) -> Result<()> {
    let root = out.join(ROOT);
    let make =
        |dir: &Path| fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()));
    make(&root)?;
    let total = packages.len() as u64;
    unpack(&root, packages, Owners::Mine, &|done| {
        progress.advance(STEP, done as u64, total)
    })?;
    // Where a chroot mounts what it needs, and what the outside hands in.
    for place in ["work", "out", "proc", "dev", "run", "tmp"] {
        make(&root.join(place))?;
    }
    Ok(())
}
