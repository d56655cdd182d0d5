//! The tool root: the programs that write file systems and disk formats, from locked packages, so
//! that the builder's own distribution decides about nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::{Cache, Inputs};
use crate::progress::Progress;
use crate::tree::unpack::{Owners, PackageFile, unpack};

/// The name of this step.
pub const STEP: &str = "tools";
/// Suite of the tools, whatever the image's is: older ones write fewer formats.
pub const SUITE: &str = "trixie";

/// The tool root, from the cache or made now.
///
/// # Errors
/// A package is damaged, or the disk is full.
pub fn tools(
    cache: &Cache,
    inputs: &Inputs,
    packages: &[PackageFile],
    progress: &dyn Progress,
) -> Result<PathBuf> {
    let dir = cache.step(STEP, inputs, |out| {
        let root = out.join("root");
        fs::create_dir(&root).with_context(|| format!("making {}", root.display()))?;
        let total = packages.len() as u64;
        unpack(&root, packages, Owners::Mine, &|done| {
            progress.advance(STEP, done as u64, total)
        })?;
        for place in ["work", "out", "proc", "dev", "run", "tmp"] {
            make(&root.join(place))?;
        }
        Ok(())
    })?;
    Ok(dir.join("root"))
}

fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))
}
