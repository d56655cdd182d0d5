//! The lock: which packages an image is made of, each by version, size and SHA-256.
//!
//! `hive.lock` lies in the site folder and belongs into version control. It names archives, never
//! their addresses, so a site can move to another mirror without a change of the lock. Start at
//! [`Lock`]; [`resolve`] makes one with apt's own resolver (`apt`), [`archive`] knows where archives are.

mod apt;
pub mod archive;
pub mod resolve;
pub mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The version of the lock that this release writes and reads.
pub const LOCK_VERSION: u32 = 1;
/// The file's name in the site folder.
pub const LOCK_FILE: &str = "hive.lock";
/// The name under which packages from local files stand; their path is relative to the site folder.
pub const LOCAL: &str = "local";

/// The whole lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// [`LOCK_VERSION`].
    pub version: u32,
    /// Where packages came from, and who vouched for it.
    #[serde(default, rename = "archive")]
    pub archives: Vec<LockedArchive>,
    /// Named package sets: what was asked for.
    #[serde(default, rename = "set")]
    pub sets: Vec<LockedSet>,
    /// The packages.
    #[serde(default, rename = "package")]
    pub packages: Vec<LockedPackage>,
}

/// An archive at the moment of locking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedArchive {
    /// Name, such as `debian`.
    pub name: String,
    /// Suite, such as `trixie-updates`.
    pub suite: String,
    /// `Date` of its Release.
    pub date: String,
    /// SHA-256 of its signed Release (`InRelease`).
    pub release_sha256: String,
    /// Fingerprints (or key ids) of the keys that signed it.
    pub signed_by: Vec<String>,
}

/// A set of packages that is installed together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSet {
    /// `<stage>.host`, `<stage>.kernel`, `tools`, …
    pub name: String,
    /// Suite that it was resolved in.
    pub suite: String,
    /// What was asked for.
    pub request: Vec<String>,
}

/// One package file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Package name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// Name of the archive, or [`LOCAL`].
    pub archive: String,
    /// Path relative to the archive's base address.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hex.
    pub sha256: String,
    /// The sets that it is in.
    pub sets: BTreeSet<String>,
}

impl Lock {
    /// Reads the lock of a site; `None` when there is none yet.
    ///
    /// # Errors
    /// It can't be read, is not a lock, or is of another release.
    pub fn load(site: &Path) -> Result<Option<Self>> {
        let path = site.join(LOCK_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).with_context(|| format!("reading {}", path.display())),
        };
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = toml::from_str(&text).with_context(|| broken(&path))?;
        if head.version != LOCK_VERSION {
            bail!(
                "{} has version {}, this `hive` reads version {LOCK_VERSION}: use the release that wrote it, or run `hive lock --update`",
                path.display(),
                head.version
            );
        }
        Ok(Some(toml::from_str(&text).with_context(|| broken(&path))?))
    }

    /// Writes the lock, sorted, by one rename.
    ///
    /// # Errors
    /// The site folder can't be written.
    pub fn save(&self, site: &Path) -> Result<()> {
        let path = site.join(LOCK_FILE);
        let mut sorted = self.clone();
        sorted.archives.sort();
        sorted.sets.sort();
        sorted.packages.sort();
        let body = toml::to_string(&sorted).context("writing the lock as TOML")?;
        let mut file = tempfile::NamedTempFile::new_in(site)
            .with_context(|| format!("writing {}", path.display()))?;
        write!(file, "# Written by `hive lock`; keep it in version control. Move it with `hive lock --update`.\n{body}")
            .and_then(|()| file.as_file().sync_all())
            .with_context(|| format!("writing {}", path.display()))?;
        // Temporary files are private; the lock is for everyone who reads the site.
        fs::set_permissions(
            file.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o644),
        )
        .with_context(|| format!("writing {}", path.display()))?;
        file.persist(&path)
            .with_context(|| format!("writing {}", path.display()))?;
        Ok(())
    }

    /// The packages of a set, by name.
    pub fn set(&self, name: &str) -> Vec<&LockedPackage> {
        let mut packages: Vec<_> = self
            .packages
            .iter()
            .filter(|p| p.sets.contains(name))
            .collect();
        packages.sort();
        packages
    }

    /// What was asked for when the set was locked, with its suite.
    pub fn request(&self, name: &str) -> Option<&LockedSet> {
        self.sets.iter().find(|s| s.name == name)
    }

    /// Puts a newly resolved set in place of what the lock had under its name.
    pub fn replace_set(&mut self, set: LockedSet, packages: Vec<LockedPackage>) {
        let name = set.name.clone();
        self.sets.retain(|s| s.name != name);
        self.sets.push(set);
        for package in &mut self.packages {
            package.sets.remove(&name);
        }
        for new in packages {
            match self
                .packages
                .iter_mut()
                .find(|p| p.sha256 == new.sha256 && p.path == new.path)
            {
                Some(known) => {
                    known.sets.insert(name.clone());
                }
                None => self.packages.push(LockedPackage {
                    sets: BTreeSet::from([name.clone()]),
                    ..new
                }),
            }
        }
        self.packages.retain(|p| !p.sets.is_empty());
    }

    /// Drops sets of stages that the site no longer has.
    pub fn retain_sets(&mut self, wanted: impl Fn(&str) -> bool) {
        self.sets.retain(|s| wanted(&s.name));
        for package in &mut self.packages {
            package.sets.retain(|s| wanted(s));
        }
        self.packages.retain(|p| !p.sets.is_empty());
    }

    /// What changed from `before` to this lock, a line each.
    pub fn changes_since(&self, before: &Lock) -> Vec<Change> {
        let versions = |lock: &Lock| {
            let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for p in &lock.packages {
                // A package file of the site can become another one without a new version.
                let version = if p.archive == LOCAL {
                    format!("{} ({:.8})", p.version, p.sha256)
                } else {
                    p.version.clone()
                };
                map.entry(p.name.clone()).or_default().insert(version);
            }
            map
        };
        let (old, new) = (versions(before), versions(self));
        let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        names
            .into_iter()
            .filter(|name| old.get(*name) != new.get(*name))
            .map(|name| Change {
                name: name.clone(),
                from: old.get(name).map(joined),
                to: new.get(name).map(joined),
            })
            .collect()
    }
}

fn joined(versions: &BTreeSet<String>) -> String {
    versions.iter().cloned().collect::<Vec<_>>().join(", ")
}

fn broken(path: &Path) -> String {
    format!(
        "{} does not read as a lock; take it back from version control, or remove it and run `hive lock`",
        path.display()
    )
}

/// A package that moved between two locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Package name.
    pub name: String,
    /// Version before; `None`: it is new.
    pub from: Option<String>,
    /// Version now; `None`: it is gone.
    pub to: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{}: {from} → {to}", self.name),
            (None, Some(to)) => write!(f, "{}: added, {to}", self.name),
            (Some(from), None) => write!(f, "{}: removed, was {from}", self.name),
            (None, None) => write!(f, "{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> LockedPackage {
        LockedPackage {
            name: name.into(),
            version: version.into(),
            archive: "debian".into(),
            path: format!("pool/{name}_{version}.deb"),
            size: 1,
            sha256: format!("{name}{version}"),
            sets: BTreeSet::new(),
        }
    }

    fn set(name: &str) -> LockedSet {
        LockedSet {
            name: name.into(),
            suite: "trixie".into(),
            request: vec!["a".into()],
        }
    }

    #[test]
    fn a_package_in_two_sets_stands_once() {
        let mut lock = Lock {
            version: LOCK_VERSION,
            ..Lock::default()
        };
        lock.replace_set(set("one"), vec![package("a", "1"), package("b", "1")]);
        lock.replace_set(set("two"), vec![package("a", "1")]);
        assert_eq!(lock.packages.len(), 2);
        lock.replace_set(set("one"), vec![package("a", "2")]);
        let names: Vec<_> = lock.set("one").iter().map(|p| p.version.as_str()).collect();
        assert_eq!(names, ["2"]);
        assert_eq!(lock.set("two").len(), 1);
        assert_eq!(lock.packages.len(), 2);
    }

    #[test]
    fn it_reads_back_what_it_wrote_and_a_change_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Lock::load(dir.path()).unwrap(), None);
        let mut lock = Lock {
            version: LOCK_VERSION,
            ..Lock::default()
        };
        lock.replace_set(set("one"), vec![package("b", "1"), package("a", "1")]);
        lock.save(dir.path()).unwrap();
        let read = Lock::load(dir.path()).unwrap().unwrap();
        let mut moved = read.clone();
        moved.replace_set(set("one"), vec![package("a", "2"), package("c", "1")]);
        let lines: Vec<_> = moved
            .changes_since(&read)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(lines, ["a: 1 → 2", "b: removed, was 1", "c: added, 1"]);
    }

    #[test]
    fn a_package_file_with_other_content_is_a_change() {
        let local = |sha256: &str| {
            let mut lock = Lock::default();
            let mut package = package("drbd-dkms", "9.2.18-1");
            (package.archive, package.sha256) = (LOCAL.into(), sha256.into());
            lock.replace_set(set("one"), vec![package]);
            lock
        };
        let changes = local("0123456789").changes_since(&local("abcdefabcdef"));
        let lines: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["drbd-dkms: 9.2.18-1 (abcdefab) → 9.2.18-1 (01234567)"]
        );
    }

    #[test]
    fn a_broken_lock_names_the_way_back() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(LOCK_FILE), "version = 1\n<<<<<<< HEAD\n").unwrap();
        let error = format!("{:#}", Lock::load(dir.path()).unwrap_err());
        assert!(
            error.contains("take it back from version control"),
            "{error}"
        );
    }
}
