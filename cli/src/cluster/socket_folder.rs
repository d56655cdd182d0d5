//! Where forwarded sockets lie: a private folder for each run of the command.
//!
//! Its owner holds a lock on it, which the kernel takes away when the owner is gone, however it
//! went. So the next run can tell what a killed one left behind, and clears it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

use crate::error::Result;

/// Start of the names.
const PREFIX: &str = "hive-ssh-";
/// A socket's path has 108 bytes (unix(7)); this many are left to what comes below the base.
const LONGEST_BASE: usize = 70;

/// A private folder that goes with its owner.
#[derive(Debug)]
pub struct SocketFolder {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
    next: AtomicUsize,
}

impl SocketFolder {
    /// A new one, after clearing what killed runs left.
    ///
    /// # Errors
    /// The folder for temporary files can't be written.
    pub fn make() -> Result<Self> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        Self::make_in(&base(runtime, std::env::temp_dir()))
    }

    fn make_in(base: &Path) -> Result<Self> {
        sweep(base);
        let doing = || format!("making a private folder for sockets in {}", base.display());
        // Another run's sweep may take a folder between its making and its lock.
        for _ in 0..100 {
            let path = base.join(format!("{PREFIX}{}", word().with_context(doing)?));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other.with_context(doing)?,
            }
            let Ok(lock) = File::open(&path) else {
                continue;
            };
            flock(&lock, FlockOperation::LockExclusive).with_context(doing)?;
            if lock.metadata().is_ok_and(|m| is_same(&path, &m)) {
                return Ok(Self {
                    path,
                    _lock: lock,
                    next: AtomicUsize::new(0),
                });
            }
        }
        Err(anyhow::anyhow!("it was taken away again and again")
            .context(doing())
            .into())
    }

    /// A path for a socket, never given before.
    pub fn socket(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.path.join(number.to_string())
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        // What can't be removed is swept by a later run.
        drop(fs::remove_dir_all(&self.path));
    }
}

/// The person's own runtime folder, or the one for temporary files; the latter's usual place when
/// ssh could not take its name (`:` ends a path, `%` and `$` begin something) or it is too long.
fn base(runtime: Option<PathBuf>, temporary: PathBuf) -> PathBuf {
    let fits = |path: &PathBuf| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,@".contains(byte);
        let bytes = path.as_os_str().as_encoded_bytes();
        path.is_absolute()
            && path.is_dir()
            && bytes.len() <= LONGEST_BASE
            && bytes.iter().all(plain)
    };
    let candidates = runtime.into_iter().chain([temporary]);
    candidates
        .into_iter()
        .find(fits)
        .unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// Removes folders of ours whose owner is gone.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    let me = rustix::process::geteuid().as_raw();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let ours = fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir() && m.uid() == me);
        if !name.starts_with(PREFIX.as_bytes()) || !ours {
            continue;
        }
        let Ok(folder) = File::open(&path) else {
            continue;
        };
        if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            drop(fs::remove_dir_all(&path));
        }
    }
}

fn is_same(path: &Path, opened: &fs::Metadata) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| (m.dev(), m.ino()) == (opened.dev(), opened.ino()))
}

/// Eight random letters and digits.
fn word() -> io::Result<String> {
    let mut bytes = [0_u8; 8];
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut bytes)
        .map_err(|_| io::Error::other("the kernel gives no random bytes"))?;
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(bytes.iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_is_private_and_goes_with_its_owner() {
        let base = tempfile::tempdir().unwrap();
        let folder = SocketFolder::make_in(base.path()).unwrap();
        let mode = fs::metadata(&folder.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_ne!(folder.socket(), folder.socket());
        fs::write(folder.socket(), "").unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_next_run_clears_what_a_killed_one_left_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        let alive = SocketFolder::make_in(base.path()).unwrap();
        let left = base.path().join("hive-ssh-killed");
        let other = base.path().join("hive-sshd");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("0"), "").unwrap();
        fs::create_dir(&other).unwrap();
        let next = SocketFolder::make_in(base.path()).unwrap();
        assert!(!left.exists());
        assert!(alive.path.exists() && next.path.exists() && other.exists());
    }

    #[test]
    fn a_place_whose_name_ssh_would_misread_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("a:b");
        let long = dir.path().join("x".repeat(LONGEST_BASE));
        fs::create_dir(&odd).unwrap();
        fs::create_dir(&long).unwrap();
        let good = dir.path().to_owned();
        assert_eq!(base(Some(odd.clone()), good.clone()), good);
        assert_eq!(base(Some(good.clone()), odd.clone()), good);
        assert_eq!(base(None, odd), Path::new("/tmp"));
        assert_eq!(base(Some(long), "relative".into()), Path::new("/tmp"));
    }
}
