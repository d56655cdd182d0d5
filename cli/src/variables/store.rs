//! The files of persisted variables in a site's `.hive` folder. Two names are in use: what the
//! predecessor's program writes, and what its manual says.
//!
//! Who changes something holds a lock on the folder while reading and writing. The lock is the kernel's
//! and ends with the process; no file has to be deleted by hand, whatever happens.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::document::{self, Content};
use crate::context_folder::write_through;
use crate::error::{CommandError, Result};

/// The names of the files; values of the first hide those of the second.
const NAMES: [&str; 2] = ["persistents.yml", "persistent_values.yml"];

/// What one file holds.
#[derive(Debug)]
struct Document {
    path: PathBuf,
    text: String,
    content: Content,
}

/// The persisted variables of a site.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    documents: Vec<Document>,
}

/// Whether a folder has persisted variables.
pub fn is_there(root: &Path) -> bool {
    NAMES
        .iter()
        .any(|name| root.join(".hive").join(name).is_file())
}

impl Store {
    /// Reads what is there.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn load(root: &Path) -> Result<Self> {
        let folder = root.join(".hive");
        let mut documents = Vec::new();
        for name in NAMES {
            let path = folder.join(name);
            let doing = || format!("reading the persisted variables in {}", path.display());
            let text = match fs::read_to_string(&path) {
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                other => other.with_context(doing)?,
            };
            let content = document::parse(&text).with_context(doing).map_err(|error| {
                CommandError::from(error).hint(
                    "each entry is `VARIABLE:` with lines `global: VALUE` or `STAGE: VALUE` indented below",
                )
            })?;
            documents.push(Document {
                path,
                text,
                content,
            });
        }
        Ok(Self { folder, documents })
    }

    /// A value, and the file that it stands in. An empty value is none.
    pub fn get(&self, name: &str, scope: &str) -> Option<(&Value, &Path)> {
        self.documents.iter().find_map(|document| {
            let value = document.content.get(name)?.get(scope)?;
            (!value.is_null()).then_some((value, document.path.as_path()))
        })
    }

    /// All names in the files, with the scopes that have a value and the file.
    pub fn names(&self) -> impl Iterator<Item = (&str, Vec<&str>, &Path)> {
        self.documents.iter().flat_map(|document| {
            let entries = document.content.iter();
            entries.map(|(name, scopes)| {
                let scopes = scopes.keys().map(String::as_str).collect();
                (name.as_str(), scopes, document.path.as_path())
            })
        })
    }

    /// Changes values while no other command can; returns what `change` returns. Nothing is written when
    /// it changes nothing or fails.
    ///
    /// # Errors
    /// The folder can't be written, or `change` fails.
    pub fn update<T>(root: &Path, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let folder = root.join(".hive");
        let doing = || format!("locking {}", folder.display());
        fs::create_dir_all(&folder)
            .with_context(|| format!("making the folder {}", folder.display()))?;
        let lock = File::open(&folder).with_context(doing)?;
        flock(&lock, FlockOperation::LockExclusive).with_context(doing)?;
        let mut store = Self::load(root)?;
        let before: Vec<String> = store.documents.iter().map(|d| d.text.clone()).collect();
        let result = change(&mut store)?;
        for (index, document) in store.documents.iter().enumerate() {
            if before.get(index) != Some(&document.text) {
                store.save(document)?;
            }
        }
        Ok(result)
    }

    fn save(&self, document: &Document) -> Result<()> {
        // Whoever keeps the file elsewhere, behind a link, keeps it there.
        let path = fs::canonicalize(&document.path).unwrap_or_else(|_| document.path.clone());
        let mut aside = path.clone().into_os_string();
        // One name is enough under the lock, so that at most one is ever left by a command that was killed.
        aside.push(".new");
        write_through(
            &path,
            &PathBuf::from(aside),
            0o600,
            document.text.as_bytes(),
        )
    }

    /// Puts a value in.
    ///
    /// # Errors
    /// Only if the file could not be read before.
    pub fn set(&mut self, name: &str, scope: &str, value: &Value) -> Result<()> {
        if self.get(name, scope).map(|(found, _)| found) == Some(value) {
            return Ok(());
        }
        if self.documents.is_empty() {
            self.documents.push(Document {
                path: self.folder.join(NAMES[0]),
                text: String::new(),
                content: Content::new(),
            });
        }
        self.documents[0].edit(name, scope, Some(value))
    }

    /// Takes a value out, wherever it stands; tells whether there was one.
    ///
    /// # Errors
    /// Only if the file could not be read before.
    pub fn unset(&mut self, name: &str, scope: &str) -> Result<bool> {
        let mut was_there = false;
        for document in &mut self.documents {
            if document
                .content
                .get(name)
                .is_some_and(|scopes| scopes.contains_key(scope))
            {
                document.edit(name, scope, None)?;
                was_there = true;
            }
        }
        Ok(was_there)
    }
}

impl Document {
    fn edit(&mut self, name: &str, scope: &str, value: Option<&Value>) -> Result<()> {
        self.text = document::edited(&self.text, name, scope, value)?;
        self.content = document::parse(&self.text)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".hive")).unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(".hive").join(name), text).unwrap();
        }
        dir
    }

    fn set(dir: &tempfile::TempDir, name: &str, value: &Value) {
        Store::update(dir.path(), |store| store.set(name, "global", value)).unwrap();
    }

    #[test]
    fn both_names_are_read_and_the_first_wins() {
        let dir = site(&[
            ("persistents.yml", "stage:\n  global: staging\n"),
            (
                "persistent_values.yml",
                "stage:\n  global: private\nforks:\n  global: 7\n",
            ),
        ]);
        let store = Store::load(dir.path()).unwrap();
        assert_eq!(store.get("stage", "global").unwrap().0, &json!("staging"));
        assert_eq!(store.get("forks", "global").unwrap().0, &json!(7));
        let gone = Store::update(dir.path(), |store| store.unset("stage", "global")).unwrap();
        assert!(gone);
        assert!(
            Store::load(dir.path())
                .unwrap()
                .get("stage", "global")
                .is_none()
        );
    }

    #[test]
    fn the_file_that_is_there_is_continued() {
        let dir = site(&[("persistent_values.yml", "forks:\n  global: 7\n")]);
        set(&dir, "stage", &json!("staging"));
        assert!(!dir.path().join(".hive/persistents.yml").exists());
        let text = fs::read_to_string(dir.path().join(".hive/persistent_values.yml")).unwrap();
        assert_eq!(text, "forks:\n  global: 7\nstage:\n  global: staging\n");
    }

    #[test]
    fn a_new_file_is_closed_to_others_and_nothing_lies_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        set(&dir, "aws_secret_access_key", &json!("s"));
        let path = dir.path().join(".hive/persistents.yml");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(dir.path().join(".hive")).unwrap().count(), 1);
    }

    #[test]
    fn a_change_that_changes_nothing_or_fails_writes_nothing() {
        let dir = site(&[("persistents.yml", "{stage: {global: staging}}")]);
        set(&dir, "stage", &json!("staging"));
        let failed: Result<()> = Store::update(dir.path(), |store| {
            store.set("stage", "global", &json!("private"))?;
            Err(anyhow::anyhow!("no").into())
        });
        assert!(failed.is_err());
        let text = fs::read_to_string(dir.path().join(".hive/persistents.yml")).unwrap();
        assert_eq!(text, "{stage: {global: staging}}");
    }

    #[test]
    fn a_file_behind_a_link_stays_behind_it() {
        let dir = site(&[("kept.yml", "")]);
        let link = dir.path().join(".hive/persistents.yml");
        std::os::unix::fs::symlink("kept.yml", &link).unwrap();
        set(&dir, "stage", &json!("staging"));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let text = fs::read_to_string(dir.path().join(".hive/kept.yml")).unwrap();
        assert_eq!(text, "stage:\n  global: staging\n");
    }

    #[test]
    fn a_broken_file_is_told_with_its_place() {
        let dir = site(&[("persistents.yml", "stage: private\n")]);
        let error = Store::load(dir.path()).unwrap_err().text();
        assert!(error.contains(".hive/persistents.yml"), "{error}");
        assert!(error.contains("hint: each entry is"), "{error}");
    }
}
