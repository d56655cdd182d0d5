//! The content-addressed cache: downloaded packages by their SHA-256, and the output of each bake
//! step by the hash of its inputs.
//!
//! ```text
//! <cache>/debs/<sha256>            a package file, checked before it got this name
//! <cache>/steps/<step>/<key>/      what a step made, with inputs.json beside it
//! <cache>/apt/<hash>/              private apt roots for locking
//! <cache>/tmp/                     unfinished work; leftovers of killed bakes are swept
//! ```
//!
//! Everything appears under its final name by one rename, so a bake that is killed leaves nothing
//! half-made behind.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// What decides the output of a step: labels with the hash or text of each input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inputs(Vec<(String, String)>);

impl Inputs {
    /// Adds an input that is short enough to stand for itself.
    pub fn text(mut self, label: &str, value: impl Into<String>) -> Self {
        self.0.push((label.to_owned(), value.into()));
        self
    }

    /// Adds an input by its SHA-256.
    pub fn bytes(self, label: &str, value: &[u8]) -> Self {
        let hash = sha256_hex(value);
        self.text(label, hash)
    }

    /// The key: SHA-256 over all labels and values.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        for (label, value) in &self.0 {
            for part in [label, value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        hex(&hash.finalize())
    }

    /// The labels whose values differ from those of `before`, or that only one of the two has.
    pub fn changed_since(&self, before: &Inputs) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        for (label, value) in &self.0 {
            if !before.0.iter().any(|(l, v)| l == label && v == value) {
                labels.push(label.clone());
            }
        }
        for (label, _) in &before.0 {
            if !self.0.iter().any(|(l, _)| l == label) {
                labels.push(format!("{label} (gone)"));
            }
        }
        labels
    }
}

/// One thing in the cache, as `hive cache ls` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// `deb` or the step's name.
    pub kind: String,
    /// Hash that it is found by.
    pub key: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Seconds since it was last used.
    pub unused_seconds: u64,
    #[serde(skip)]
    path: PathBuf,
}

impl Cache {
    /// Opens the cache at `root`, or at `$XDG_CACHE_HOME/hive`, or at `~/.cache/hive`.
    ///
    /// # Errors
    /// No place is known, or the folders can't be made.
    pub fn open(root: Option<&Path>) -> Result<Self> {
        let root = match root {
            Some(root) => root.to_owned(),
            None => std::env::var_os("XDG_CACHE_HOME")
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
                .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
                .context("no place for the cache: set HOME, XDG_CACHE_HOME or --cache DIR")?
                .join("hive"),
        };
        let cache = Self { root };
        for dir in ["debs", "steps", "apt", "tmp"] {
            let dir = cache.root.join(dir);
            fs::create_dir_all(&dir)
                .with_context(|| format!("making the cache folder {}", dir.display()))?;
        }
        // Programs with other names than ours must be able to be found below; a relative path would
        // change its meaning inside a namespace.
        let root = fs::canonicalize(&cache.root)
            .with_context(|| format!("resolving the cache folder {}", cache.root.display()))?;
        let cache = Self { root };
        cache.sweep();
        Ok(cache)
    }

    /// Where the cache lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a package with this SHA-256 lies, present or not.
    pub fn deb(&self, sha256: &str) -> PathBuf {
        self.root.join("debs").join(sha256)
    }

    /// A private apt root.
    pub fn apt(&self, key: &str) -> PathBuf {
        self.root.join("apt").join(&key[..16])
    }

    /// A new folder for unfinished work, removed when dropped, swept by a later bake otherwise.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn scratch(&self, name: &str) -> Result<Scratch> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(self.root.join("tmp"))
            .with_context(|| {
                format!(
                    "making a folder for unfinished work below {}",
                    self.root.display()
                )
            })?;
        let lock = File::open(dir.path()).context("opening the folder just made")?;
        flock(&lock, FlockOperation::LockExclusive).context("locking the folder just made")?;
        Ok(Scratch { dir, _lock: lock })
    }

    /// The finished output of a step, if there is one. Marks it as used now.
    pub fn lookup(&self, step: &str, inputs: &Inputs) -> Option<PathBuf> {
        let dir = self.root.join("steps").join(step).join(inputs.key());
        let mark = File::options()
            .write(true)
            .open(dir.join("inputs.json"))
            .ok()?;
        // Only gc reads it; an unwritable cache is still a cache.
        drop(mark.set_modified(SystemTime::now()));
        Some(dir)
    }

    /// The output of a step: from the cache, or made by `make` in a folder that is then given its final name.
    ///
    /// # Errors
    /// What `make` returns; nothing is kept then.
    pub fn step(
        &self,
        step: &str,
        inputs: &Inputs,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let place = self.root.join("steps").join(step);
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        // A second bake of the same thing waits for the first instead of doing the work again.
        let lock_path = place.join(format!(".{}.lock", inputs.key()));
        let lock =
            File::create(&lock_path).with_context(|| format!("making {}", lock_path.display()))?;
        flock(&lock, FlockOperation::LockExclusive)
            .with_context(|| format!("locking {}", lock_path.display()))?;
        if let Some(done) = self.lookup(step, inputs) {
            drop(fs::remove_file(&lock_path));
            return Ok(done);
        }
        let scratch = self.scratch(step)?;
        let out = scratch.path().join("out");
        fs::create_dir(&out).with_context(|| format!("making {}", out.display()))?;
        make(&out)?;
        let text = serde_json::to_vec_pretty(inputs).context("writing the step's inputs")?;
        fs::write(out.join("inputs.json"), text).context("writing the step's inputs")?;
        let done = place.join(inputs.key());
        if done.exists() {
            // Without inputs.json it was never finished.
            fs::remove_dir_all(&done)
                .with_context(|| format!("removing the unfinished {}", done.display()))?;
        }
        fs::rename(&out, &done).with_context(|| format!("keeping {}", done.display()))?;
        drop(fs::remove_file(&lock_path));
        Ok(done)
    }

    /// Everything in the cache, least recently used first.
    ///
    /// # Errors
    /// The folders can't be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for file in read_dir(&self.root.join("debs"))? {
            entries.push(entry("deb", &file)?);
        }
        for step in read_dir(&self.root.join("steps"))? {
            let name = step
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            for made in read_dir(&step)?.into_iter().filter(|d| d.is_dir()) {
                entries.push(entry(&name, &made)?);
            }
        }
        entries.sort_by_key(|e| std::cmp::Reverse(e.unused_seconds));
        Ok(entries)
    }

    /// Removes what was not used for `unused`; returns what was removed.
    ///
    /// # Errors
    /// Something can't be removed.
    pub fn gc(&self, unused: Duration) -> Result<Vec<Entry>> {
        let mut removed = Vec::new();
        for entry in self
            .entries()?
            .into_iter()
            .filter(|e| e.unused_seconds >= unused.as_secs())
        {
            let gone = if entry.path.is_dir() {
                // Without its inputs.json it counts as unfinished, whatever happens in between.
                drop(fs::remove_file(entry.path.join("inputs.json")));
                fs::remove_dir_all(&entry.path)
            } else {
                fs::remove_file(&entry.path)
            };
            gone.with_context(|| format!("removing {}", entry.path.display()))?;
            removed.push(entry);
        }
        Ok(removed)
    }

    /// Removes unfinished work of bakes that are no longer running. What belongs to other ids of a
    /// user namespace stays until [`crate::tree::ground`] sweeps it from inside one.
    fn sweep(&self) {
        for work in read_dir(&self.root.join("tmp")).unwrap_or_default() {
            if !abandoned(&work) {
                continue;
            }
            // Files are from versions that had no folder for a package that comes in.
            drop(match work.is_dir() {
                true => fs::remove_dir_all(&work),
                false => fs::remove_file(&work),
            });
        }
    }
}

/// Whether no living bake holds this folder of unfinished work.
pub(crate) fn abandoned(dir: &Path) -> bool {
    File::open(dir).is_ok_and(|f| flock(&f, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// A folder for unfinished work.
#[derive(Debug)]
pub struct Scratch {
    dir: tempfile::TempDir,
    _lock: File,
}

impl Scratch {
    /// The folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn entry(kind: &str, path: &Path) -> Result<Entry> {
    let mark = if path.is_dir() {
        path.join("inputs.json")
    } else {
        path.to_owned()
    };
    let used = fs::metadata(&mark)
        .and_then(|m| m.modified())
        .unwrap_or(SystemTime::UNIX_EPOCH);
    Ok(Entry {
        kind: kind.to_owned(),
        key: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        bytes: disk_usage(path)?,
        unused_seconds: SystemTime::now()
            .duration_since(used)
            .unwrap_or_default()
            .as_secs(),
        path: path.to_owned(),
    })
}

fn disk_usage(path: &Path) -> Result<u64> {
    let meta =
        fs::symlink_metadata(path).with_context(|| format!("looking at {}", path.display()))?;
    let mut bytes = meta.blocks() * 512;
    if meta.is_dir() {
        for inner in read_dir(path)? {
            bytes += disk_usage(&inner)?;
        }
    }
    Ok(bytes)
}

fn read_dir(dir: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(dir).with_context(|| format!("listing {}", dir.display()))?;
    let mut paths = Vec::new();
    for item in list {
        paths.push(
            item.with_context(|| format!("listing {}", dir.display()))?
                .path(),
        );
    }
    paths.sort();
    Ok(paths)
}

/// SHA-256 as hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file as hex, with its length.
///
/// # Errors
/// The file can't be read.
pub fn sha256_file(path: &Path) -> std::io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        let n = std::io::Read::read(&mut file, &mut buffer)?;
        if n == 0 {
            return Ok((hex(&hash.finalize()), total));
        }
        hash.update(&buffer[..n]);
        total += n as u64;
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, b| {
        // Writing to a String does not fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path())).unwrap();
        (dir, cache)
    }

    #[test]
    fn a_step_is_made_once() {
        let (_dir, cache) = cache();
        let inputs = Inputs::default().text("suite", "trixie");
        for round in 0..2 {
            let made = cache
                .step("root", &inputs, |out| {
                    assert_eq!(round, 0, "made again");
                    fs::write(out.join("file"), "x").context("writing")
                })
                .unwrap();
            assert_eq!(fs::read_to_string(made.join("file")).unwrap(), "x");
        }
    }

    #[test]
    fn a_failing_step_leaves_nothing() {
        let (_dir, cache) = cache();
        let inputs = Inputs::default().text("suite", "trixie");
        cache
            .step("root", &inputs, |out| {
                fs::write(out.join("half"), "x")?;
                anyhow::bail!("broke")
            })
            .unwrap_err();
        assert!(cache.lookup("root", &inputs).is_none());
        assert_eq!(fs::read_dir(cache.root().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn the_work_of_a_killed_bake_is_swept_and_that_of_a_living_one_is_not() {
        let (dir, cache) = cache();
        let living = cache.scratch("root").unwrap();
        let dead = dir.path().join("tmp/root-dead");
        fs::create_dir(&dead).unwrap();
        let half = dir.path().join("tmp/.tmpAbCdEf");
        fs::write(&half, "half a package").unwrap();
        Cache::open(Some(dir.path())).unwrap();
        assert!(living.path().exists());
        assert!(!dead.exists() && !half.exists());
    }

    #[test]
    fn inputs_tell_what_changed() {
        let before = Inputs::default()
            .text("a", "1")
            .text("b", "2")
            .text("c", "3");
        let now = Inputs::default().text("a", "1").text("b", "9");
        assert_eq!(now.changed_since(&before), ["b", "c (gone)"]);
        assert_ne!(now.key(), before.key());
    }

    #[test]
    fn gc_takes_what_was_long_unused() {
        let (_dir, cache) = cache();
        fs::write(cache.deb("00ff"), "deb").unwrap();
        assert_eq!(cache.gc(Duration::from_secs(60)).unwrap().len(), 0);
        let removed = cache.gc(Duration::ZERO).unwrap();
        assert_eq!((removed.len(), removed[0].kind.as_str()), (1, "deb"));
        assert!(!cache.deb("00ff").exists());
    }
}
