//! The ground that a tree is built on: memory where there is room, since dpkg syncs after every
//! package and a killed bake then leaves nothing behind; the cache's disk elsewhere. The bytes that
//! come out are the same.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::mount::{MountFlags, mount};
use serde::{Deserialize, Serialize};

use crate::cache;

/// Memory that must be free for a tree to be built in it, in KiB.
const ROOMY: u64 = 4 * 1024 * 1024;
/// The variable with which a person chooses: `memory` or `disk`.
const CHOICE: &str = "HIVE_SCRATCH";

/// Where trees are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// A memory file system.
    Memory,
    /// The cache folder.
    Disk,
}

impl Place {
    /// What `HIVE_SCRATCH` says, or else what the free memory allows.
    ///
    /// # Errors
    /// `HIVE_SCRATCH` says something else.
    pub fn choose() -> Result<Self> {
        match std::env::var(CHOICE).as_deref() {
            Ok("memory") => Ok(Self::Memory),
            Ok("disk") => Ok(Self::Disk),
            Ok(other) => {
                bail!("{CHOICE} is {other:?}; it takes `memory` or `disk`, or is left away")
            }
            Err(_) => Ok(Self::fitting(
                &fs::read_to_string("/proc/meminfo").unwrap_or_default(),
            )),
        }
    }

    fn fitting(meminfo: &str) -> Self {
        let available = meminfo
            .lines()
            .find_map(|line| line.strip_prefix("MemAvailable:"))
            .and_then(|value| value.trim().trim_end_matches(" kB").parse::<u64>().ok());
        if available.is_some_and(|kib| kib >= ROOMY) {
            Self::Memory
        } else {
            Self::Disk
        }
    }
}

/// An empty folder for a tree, gone when dropped.
#[derive(Debug)]
pub struct Ground {
    root: PathBuf,
    place: Place,
}

impl Ground {
    /// Prepares the ground inside a scratch folder of the cache. Runs inside a namespace, where the
    /// remains of killed bakes can be deleted whomever they belong to.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn prepare(scratch: &Path, place: Place) -> Result<Self> {
        match place {
            Place::Memory => mount(
                "tmpfs",
                scratch,
                "tmpfs",
                MountFlags::NOSUID | MountFlags::NODEV,
                c"mode=0700,size=75%",
            )
            .with_context(|| format!("mounting memory on {}", scratch.display()))?,
            Place::Disk => sweep_beside(scratch),
        }
        let root = scratch.join("tree");
        fs::create_dir(&root).with_context(|| format!("making {}", root.display()))?;
        Ok(Self { root, place })
    }

    /// The tree's root.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.place == Place::Disk {
            // What can't be deleted now is swept by the next bake.
            drop(fs::remove_dir_all(&self.root));
        }
    }
}

fn sweep_beside(scratch: &Path) {
    let Some(list) = scratch.parent().and_then(|dir| fs::read_dir(dir).ok()) else {
        return;
    };
    for dir in list.filter_map(|entry| entry.ok().map(|e| e.path())) {
        if dir != scratch && cache::abandoned(&dir) {
            drop(fs::remove_dir_all(&dir));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_means_disk() {
        let info = |kib: u64| format!("MemTotal:  99 kB\nMemAvailable:   {kib} kB\n");
        assert_eq!(Place::fitting(&info(ROOMY)), Place::Memory);
        assert_eq!(Place::fitting(&info(ROOMY - 1)), Place::Disk);
        assert_eq!(Place::fitting(""), Place::Disk);
    }

    #[test]
    fn on_disk_nothing_stays_and_the_dead_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (mine, dead) = (dir.path().join("tree-1"), dir.path().join("tree-0"));
        fs::create_dir_all(&mine).unwrap();
        fs::create_dir_all(dead.join("tree/usr")).unwrap();
        let ground = Ground::prepare(&mine, Place::Disk).unwrap();
        fs::write(ground.root().join("file"), "x").unwrap();
        assert!(!dead.exists());
        drop(ground);
        assert!(mine.exists() && !mine.join("tree").exists());
    }
}
