//! The packages of a stage in the lock and in the cache.

use anyhow::Result;

use super::BakeRequest;
use crate::cache::Cache;
use crate::lock::archive::Archive;
use crate::lock::{Lock, LockedPackage, archive};
use crate::tree::unpack::PackageFile;

/// The set of the tool root, shared by all stages.
pub const TOOLS: &str = "tools";

/// Name of a stage's package set: `host`, `kernel`, `boot` or `modules`.
pub fn set(stage: &str, part: &str) -> String {
    format!("{stage}.{part}")
}

/// The archives that a stage's packages come from.
///
/// # Errors
/// No mirror is known, or a key is missing.
pub fn archives(request: &BakeRequest) -> Result<Vec<Archive>> {
    archive::archives(&request.site, &request.image)
}

/// Every package of a stage's image, its tools included.
pub fn of<'a>(lock: &'a Lock, request: &BakeRequest) -> Vec<&'a LockedPackage> {
    let mut sets = vec![TOOLS.to_owned()];
    sets.extend(
        ["host", "kernel", "boot", "modules"]
            .iter()
            .map(|part| set(&request.stage, part)),
    );
    lock.packages
        .iter()
        .filter(|p| sets.iter().any(|s| p.sets.contains(s)))
        .collect()
}

/// The package files of a set in the cache.
pub fn files(cache: &Cache, lock: &Lock, set: &str) -> Vec<PackageFile> {
    lock.set(set)
        .into_iter()
        .map(|p| PackageFile {
            name: p.name.clone(),
            path: cache.deb(&p.sha256),
            sha256: p.sha256.clone(),
        })
        .collect()
}
