//! Benchmarks. They print tables and judge nothing: times belong to the machine that they were taken on.

pub mod bake;
pub mod boot;
pub mod deploy;
pub mod join;
mod lock;
mod site;
mod stock;
pub mod vip;
pub mod volumes;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::step::{Result, program, read};

/// An empty folder that the users of mmdebstrap's namespace may enter and write to; a home folder
/// is often closed to them.
fn room(name: &str) -> Result<PathBuf> {
    let user = read(&mut program("id", &["-u"]))?;
    let folder = PathBuf::from(format!("/var/tmp/hive-bench-{}", user.trim())).join(name);
    let doing = |e: std::io::Error| format!("making {}: {e}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(doing)?;
    }
    fs::create_dir_all(&folder).map_err(doing)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).map_err(doing)?;
    Ok(folder)
}

/// A line of a table: what, and how long.
fn row(what: &str, took: Duration) {
    println!("{what:<58} {:>8.1} s", took.as_secs_f64());
}

/// A line of a table: what, and how large.
fn size(what: &str, bytes: u64) {
    println!("{what:<58} {:>8.1} MiB", bytes as f64 / (1 << 20) as f64);
}
