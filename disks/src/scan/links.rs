//! Names that lead to the same disk at every start.

use std::fs;
use std::path::Path;

/// The path below `/dev/disk/by-id` that a person would choose for a disk: one with maker and serial
/// number rather than a number alone.
pub(super) fn lasting(disk: &Path) -> Option<String> {
    let mut names: Vec<String> = fs::read_dir("/dev/disk/by-id")
        .ok()?
        .flatten()
        .filter(|entry| fs::canonicalize(entry.path()).is_ok_and(|to| to == disk))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_by_key(|name| (is_number(name), name.len(), name.clone()));
    let name = names.into_iter().next()?;
    Some(format!("/dev/disk/by-id/{name}"))
}

fn is_number(name: &str) -> bool {
    ["wwn-", "nvme-eui.", "nvme-uuid.", "lvm-pv-uuid-"]
        .iter()
        .any(|start| name.starts_with(start))
}
