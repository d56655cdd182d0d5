//! Files that both sides have to refuse: `tests/oracle/refused/KIND-NAME.yml`, where KIND is `hive` or `services`.
//!
//! The two `control` files are right and have to be taken by both, so that a refusal means something.

use std::fs;
use std::path::{Path, PathBuf};

use crate::predecessor::Predecessor;
use crate::{corpus, ours};

/// One file, and what it is.
#[derive(Debug)]
pub struct Wrong {
    path: PathBuf,
    pub name: String,
}

impl Wrong {
    /// Every file of the folder.
    pub fn all() -> Vec<Self> {
        let mut found: Vec<Self> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| Self {
                name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
                path,
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Whether it is right, for comparison.
    pub fn is_control(&self) -> bool {
        self.name.ends_with("-control")
    }

    /// Writes a site with it.
    pub fn copy_to(&self, site: &Path) {
        if site.exists() {
            fs::remove_dir_all(site).unwrap();
        }
        let inventory = site.join("inventory");
        fs::create_dir_all(&inventory).unwrap();
        if self.name.starts_with("services-") {
            fs::copy(
                folder().join("hive-control.yml"),
                inventory.join("hive.yml"),
            )
            .unwrap();
            fs::copy(&self.path, inventory.join("services.yml")).unwrap();
        } else {
            fs::copy(&self.path, inventory.join("hive.yml")).unwrap();
        }
    }

    /// What decides about the predecessor's answer.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = fs::read(&self.path).unwrap();
        all.extend(fs::read(folder().join("hive-control.yml")).unwrap());
        all.extend(self.name.bytes());
        all
    }
}

fn folder() -> PathBuf {
    corpus::folder().join("refused")
}

/// Has both read every file; what one of them says against expectation.
pub fn disagreements(hive: &Path, predecessor: &Predecessor) -> (usize, Vec<String>) {
    let files = Wrong::all();
    let mut count = 0;
    let mut found = Vec::new();
    for file in &files {
        let theirs = predecessor.refusal(file);
        let ours = ours::refusal(hive, file);
        let expected = !file.is_control();
        count += usize::from(expected);
        for (who, said) in [("the predecessor", theirs), ("hive", ours)] {
            match (&said, expected) {
                (Some(_), true) | (None, false) => {}
                (Some(why), false) => found.push(format!("{}: {who} refuses it: {why}", file.name)),
                (None, true) => found.push(format!("{}: {who} takes it", file.name)),
            }
        }
    }
    (count, found)
}
