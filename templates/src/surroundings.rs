//! What lookups may see of the world outside: files, the environment, random bytes, the time.
//!
//! Templates themselves touch nothing. [`OnDisk`] is a site's folder, [`InMemory`] is for tests and
//! for reading a site without changing it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The door of lookups to the world. Paths are as the template wrote them, relative ones are
/// relative to the site's folder.
pub trait Surroundings: Send + Sync {
    /// What a file holds.
    fn read_file(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Whether there is anything at a path.
    fn exists(&self, path: &str) -> bool;

    /// Writes a file that was not there before (else `AlreadyExists`), readable by its owner only,
    /// with the folders that lead to it.
    fn create_file(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// A variable of the environment.
    fn env(&self, name: &str) -> Option<String>;

    /// Fills a buffer with bytes that nobody can guess.
    fn random_bytes(&self, buffer: &mut [u8]) -> io::Result<()>;

    /// Whether a path is a folder.
    fn is_folder(&self, _path: &str) -> bool {
        false
    }

    /// Whether a path is a symbolic link.
    fn is_link(&self, _path: &str) -> bool {
        false
    }

    /// The names in a folder, in any order.
    fn list_folder(&self, _path: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }

    /// The time.
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A site's folder on disk and the environment of this process.
#[derive(Debug, Clone)]
pub struct OnDisk {
    folder: PathBuf,
}

impl OnDisk {
    /// Relative paths are relative to this folder.
    pub fn new(folder: impl Into<PathBuf>) -> OnDisk {
        OnDisk {
            folder: folder.into(),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        match path.strip_prefix("~/") {
            Some(rest) => match std::env::var_os("HOME") {
                Some(home) => Path::new(&home).join(rest),
                None => self.folder.join(path),
            },
            None => self.folder.join(path),
        }
    }
}

impl Surroundings for OnDisk {
    fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path(path))
    }

    fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    fn create_file(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;

        let path = self.path(path);
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        std::fs::create_dir_all(&folder)?;
        // Under another name first: who reads meanwhile must never see half a password, and of two
        // that write at once only one may win.
        let mut token = [0; 8];
        self.random_bytes(&mut token)?;
        let draft = folder.join(format!(".{:016x}.new", u64::from_ne_bytes(token)));
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            })
            .and_then(|()| std::fs::hard_link(&draft, &path));
        // The draft goes in any case; what matters is whether the link was made.
        let _ = std::fs::remove_file(&draft);
        written
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn random_bytes(&self, buffer: &mut [u8]) -> io::Result<()> {
        use std::io::Read;
        std::fs::File::open("/dev/urandom")?.read_exact(buffer)
    }

    fn is_folder(&self, path: &str) -> bool {
        self.path(path).is_dir()
    }

    fn is_link(&self, path: &str) -> bool {
        self.path(path).is_symlink()
    }

    fn list_folder(&self, path: &str) -> io::Result<Vec<String>> {
        std::fs::read_dir(self.path(path))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }
}

/// Files and an environment that exist only here. Random bytes count up from the seed.
#[derive(Debug, Default)]
pub struct InMemory {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    environment: BTreeMap<String, String>,
    counter: Mutex<u8>,
}

impl InMemory {
    /// Nothing at all.
    pub fn new() -> InMemory {
        InMemory::default()
    }

    /// Adds a file.
    pub fn with_file(self, path: &str, bytes: impl Into<Vec<u8>>) -> InMemory {
        self.files().insert(path.to_owned(), bytes.into());
        self
    }

    /// Adds a variable of the environment.
    pub fn with_env(mut self, name: &str, value: &str) -> InMemory {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What a file holds now.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.files().get(path).cloned()
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Surroundings for InMemory {
    fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        self.file(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &str) -> bool {
        self.files().contains_key(path) || self.is_folder(path)
    }

    fn create_file(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if self.exists(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.files().insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn env(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn random_bytes(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in buffer {
            *byte = *counter;
            *counter = counter.wrapping_add(1);
        }
        Ok(())
    }

    fn is_folder(&self, path: &str) -> bool {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        self.files().keys().any(|file| file.starts_with(&prefix))
    }

    fn list_folder(&self, path: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let mut names: Vec<String> = self
            .files()
            .keys()
            .filter_map(|file| file.strip_prefix(&prefix))
            .map(|rest| rest.split('/').next().unwrap_or(rest).to_owned())
            .collect();
        names.dedup();
        if names.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(names)
    }
}
