//! A site of its own for a benchmark, with a cache of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::step::{self, Result, program, target};

/// The site and the command that works on it.
#[derive(Debug)]
pub struct Site {
    /// The site folder.
    pub folder: PathBuf,
    /// The cache, kept from one run to the next.
    pub cache: PathBuf,
    hive: PathBuf,
}

impl Site {
    /// A new sample site in `target/bench/NAME`, with an empty stage folder.
    pub fn make(name: &str, hive: PathBuf) -> Result<Self> {
        let bench = target().join("bench");
        let site = Self {
            folder: bench.join(name),
            cache: bench.join("cache"),
            hive,
        };
        if site.folder.exists() {
            // A machine that a killed benchmark left behind holds files of the folder.
            drop(site.hive(&["run", "--stop"]).status());
            fs::remove_dir_all(&site.folder)
                .map_err(|e| format!("removing {}: {e}", site.folder.display()))?;
        }
        let folder = site.folder.to_string_lossy().into_owned();
        step::run(&mut program(&site.hive, &["init", &folder]))?;
        Ok(site)
    }

    /// The command on this site.
    pub fn hive(&self, args: &[&str]) -> Command {
        let mut command = program(&self.hive, &["--root-dir"]);
        command
            .arg(&self.folder)
            .args(args)
            .env("HIVE_CACHE", &self.cache);
        command
    }

    /// Runs the command and returns how long it took.
    pub fn timed(&self, args: &[&str]) -> Result<Duration> {
        step::timed(&mut self.hive(args))
    }

    /// Adds lines to the end of a file of the inventory.
    pub fn append(&self, file: &str, lines: &str) -> Result {
        let path = self.folder.join("inventory").join(file);
        let doing = |e: std::io::Error| format!("writing {}: {e}", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(doing)?;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, format!("{text}\n{lines}\n")).map_err(doing)
    }

    /// The compression of the last bake's root, as `mkfs.erofs -z` takes it.
    pub fn compression(&self) -> Result<String> {
        let path = self.image("hive.json");
        let text =
            fs::read_to_string(&path).map_err(|e| format!("reading {}: {e}", path.display()))?;
        // An input of the root step: its label, and its value as the next string.
        let value = text
            .split("\"compression\"")
            .nth(1)
            .and_then(|rest| rest.split('"').nth(1));
        value
            .map(str::to_owned)
            .ok_or_else(|| format!("{} names no compression", path.display()))
    }

    /// An image of the private stage.
    pub fn image(&self, name: &str) -> PathBuf {
        self.folder.join(".hive/private/images").join(name)
    }

    /// Forgets what was baked; the packages stay.
    pub fn forget_steps(&self) -> Result {
        for folder in [
            self.cache.join("steps"),
            self.folder.join(".hive/private/images"),
        ] {
            if folder.exists() {
                fs::remove_dir_all(&folder)
                    .map_err(|e| format!("removing {}: {e}", folder.display()))?;
            }
        }
        Ok(())
    }

    /// Copies the pinned tool root to `folder`, and returns how a shell calls a program of it, with
    /// the libraries that it was made for.
    pub fn tool(&self, name: &str, folder: &Path) -> Result<String> {
        let steps = self.cache.join("steps/tools");
        let made = fs::read_dir(&steps).map_err(|e| format!("listing {}: {e}", steps.display()))?;
        let root = made
            .flatten()
            .map(|entry| entry.path().join("root"))
            .find(|root| root.is_dir());
        let root = root.ok_or("there is no tool root in the cache")?;
        let copy = folder.join("tools");
        step::run(program("cp", &["--archive"]).arg(&root).arg(&copy))?;
        let copy = copy.display();
        Ok(format!(
            "{copy}/lib64/ld-linux-x86-64.so.2 --library-path {copy}/usr/lib/x86_64-linux-gnu {copy}/usr/bin/{name}"
        ))
    }
}
