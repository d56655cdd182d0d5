//! A site folder of its own for each test, and the command run in it as a person would.

#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A site in a temporary folder.
pub struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    /// An empty folder.
    pub fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// What `hive init` writes.
    pub fn sample() -> Self {
        let site = Self::empty();
        assert!(site.hive(&["init"]).starts_with("exit 0\n"));
        site
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces text in its hive definition.
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.path("inventory/hive.yml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in the sample");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Runs the command; the exit code, standard output and standard error as one text.
    pub fn hive(&self, args: &[&str]) -> String {
        self.hive_in(self.dir.path(), args)
    }

    /// The same from another folder.
    pub fn hive_in(&self, dir: &Path, args: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_hive"))
            .args(args)
            .current_dir(dir)
            .env_clear()
            .env("HIVE_CACHE", self.path("cache"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .output()
            .unwrap();
        let code = output
            .status
            .code()
            .map_or_else(|| "by signal".to_owned(), |c| c.to_string());
        let out = String::from_utf8(output.stdout).unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        let root = fs::canonicalize(self.dir.path()).unwrap();
        format!("exit {code}\n--- out\n{out}--- err\n{err}")
            .replace(&root.display().to_string(), "[SITE]")
            .replace(&self.dir.path().display().to_string(), "[SITE]")
    }
}
