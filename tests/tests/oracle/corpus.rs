//! The sites that both sides are asked about.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One stage of one site.
#[derive(Debug, Clone)]
pub struct Question {
    pub site: String,
    pub stage: String,
}

/// Everything the oracle test owns, outside of its Rust.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle")
}

/// Whether only some sites are asked about.
pub fn is_partial() -> bool {
    std::env::var_os("ORACLE_SITES").is_some()
}

/// Every stage of every site.
pub fn questions() -> Vec<Question> {
    let wanted = std::env::var("ORACLE_SITES").ok();
    let mut sites: Vec<String> = fs::read_dir(folder().join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            let list = wanted.as_deref();
            list.is_none_or(|list| list.split(',').any(|one| one == name))
        })
        .collect();
    sites.sort();
    let mut questions = Vec::new();
    for site in sites {
        let path = folder()
            .join("corpus")
            .join(&site)
            .join("inventory/hive.yml");
        let text = fs::read_to_string(&path).unwrap();
        let definition: Value = serde_saphyr::from_str(&text).unwrap();
        for stage in definition["stages"].as_object().unwrap().keys() {
            questions.push(Question {
                site: site.clone(),
                stage: stage.clone(),
            });
        }
    }
    questions
}

impl Question {
    /// The site as it lies in the repository.
    pub fn source(&self) -> PathBuf {
        folder().join("corpus").join(&self.site)
    }

    /// A copy of the site, which may be written to.
    pub fn copy_to(&self, target: &Path) {
        if target.exists() {
            fs::remove_dir_all(target).unwrap();
        }
        copy(&self.source(), target);
    }

    /// Every file of the site with its name, in a fixed order.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        collect(&self.source(), &mut all);
        all
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut list: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    list.sort();
    list
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in entries(from) {
        // Git ignores the real name.
        let name = entry.file_name().unwrap();
        let target = to.join(if name == "dot-hive" {
            ".hive".as_ref()
        } else {
            name
        });
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

fn collect(folder: &Path, into: &mut Vec<u8>) {
    for entry in entries(folder) {
        into.extend(entry.file_name().unwrap().as_encoded_bytes());
        into.push(0);
        if entry.is_dir() {
            collect(&entry, into);
        } else {
            into.extend(fs::read(&entry).unwrap());
        }
        into.push(0);
    }
}
