//! A folder with files and a few variables.

use std::io;
use std::path::{Path, PathBuf};

use hive_compose::Surroundings;

/// Files are read from here; paths seem to start from `/srv/site`.
pub struct Folder(PathBuf);

impl Folder {
    /// Of these files.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }
}

impl Surroundings for Folder {
    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "STAGE" => "staging",
            "TOKEN" => "t0ken",
            "REPLICAS" => "4",
            "YES" => "true",
            "PORT" => "8080",
            "EMPTY" => "",
            "HOME_OF_CALLER" => "/root",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(self.0.join(path))
    }

    fn folder(&self) -> PathBuf {
        "/srv/site".into()
    }

    fn home(&self) -> Option<PathBuf> {
        Some("/home/me".into())
    }
}
