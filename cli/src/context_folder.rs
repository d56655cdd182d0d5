//! The stage's private folder `.hive/<stage>`: images, keys, machines, ssh files.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use hive_site::StageName;

use crate::error::Result;

/// The folder, made private to its owner.
#[derive(Debug, Clone)]
pub struct ContextFolder {
    dir: PathBuf,
}

impl ContextFolder {
    /// The folder of a stage, whether it is there or not.
    pub fn of(root: &Path, stage: StageName) -> Self {
        Self {
            dir: root.join(".hive").join(stage.name()),
        }
    }

    /// A folder in another place, whether it is there or not.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The same as [`Self::of`], made if need be and closed to others: keys lie in it.
    ///
    /// # Errors
    /// It can't be made.
    #[cfg(test)]
    pub fn make(root: &Path, stage: StageName) -> Result<Self> {
        Self::of(root, stage).made()
    }

    /// This folder, made if need be and closed to others.
    ///
    /// # Errors
    /// It can't be made.
    pub fn made(self) -> Result<Self> {
        let dir = &self.dir;
        fs::create_dir_all(dir)
            .and_then(|()| fs::set_permissions(dir, fs::Permissions::from_mode(0o700)))
            .with_context(|| format!("making the private folder {}", dir.display()))?;
        Ok(self)
    }

    /// Waits until no other command makes keys in it, and keeps others waiting while the result lives.
    ///
    /// # Errors
    /// The folder is not there, or its file system has no locks.
    pub fn lock(&self) -> Result<File> {
        let doing = || format!("locking the private folder {}", self.dir.display());
        let dir = File::open(&self.dir).with_context(doing)?;
        rustix::fs::flock(&dir, rustix::fs::FlockOperation::LockExclusive).with_context(doing)?;
        Ok(dir)
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// Where images and the record of their bake lie.
    pub fn images(&self) -> PathBuf {
        self.path("images")
    }

    /// What concerns one host and stays when its disks are made anew.
    pub fn host(&self, short_name: &str) -> PathBuf {
        self.path("hosts").join(short_name)
    }

    /// The host as a virtual machine: disks, sockets, logs.
    pub fn machine(&self, short_name: &str) -> PathBuf {
        self.path("run").join(short_name)
    }

    /// Where seeds are written that nobody said a place for.
    pub fn seeds(&self) -> PathBuf {
        self.path("seeds")
    }

    /// The private network of the virtual machines.
    pub fn switch(&self) -> PathBuf {
        self.path("run").join("switch")
    }
}

/// Writes a file with these permissions, whatever the umask is, by one rename, so that nobody ever reads half of it.
///
/// # Errors
/// The folder can't be made or written.
pub fn write(path: &Path, mode: u32, content: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    write_through(path, &path.with_file_name(name), mode, content)
}

/// The same through this file beside it, for those who hold a lock and so need one name only.
///
/// # Errors
/// As [`write`].
pub fn write_through(path: &Path, aside: &Path, mode: u32, content: &[u8]) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(doing)?;
    }
    // Left behind by a run that was killed, perhaps.
    drop(fs::remove_file(aside));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(aside)
        .with_context(doing)?;
    // Keys are worth the wait: after a power cut a name must not lead to an empty file.
    file.set_permissions(fs::Permissions::from_mode(mode))
        .and_then(|()| file.write_all(content))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(aside, path))
        .with_context(doing)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let folder = ContextFolder::make(dir.path(), StageName::Staging).unwrap();
        let path = folder.path("key");
        write(&path, 0o600, b"secret").unwrap();
        write(&path, 0o600, b"other").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&dir.path().join(".hive/staging")), mode(&path)),
            (0o700, 0o600)
        );
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }
}
