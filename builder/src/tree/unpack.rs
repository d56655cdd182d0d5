//! Laying the files of many packages into one tree, several packages at a time.
//!
//! dpkg would do this one package after the other. The outcome must not depend on which thread was
//! first, so what packages share is settled after all have been read: attributes of a folder come
//! from the first package in order, a file that two packages carry needs a `Replaces`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use tar::EntryType;

use crate::deb::{Control, Deb};

/// A package file in the cache.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PackageFile {
    /// Name, for messages.
    pub name: String,
    /// Path of the file.
    pub path: PathBuf,
    /// Its SHA-256 in the lock.
    pub sha256: String,
}

/// What is known of a package once its files lie in the tree.
#[derive(Debug)]
pub struct Unpacked {
    /// Its control stanza.
    pub control: Control,
    /// Its maintainer scripts and other control members.
    pub scripts: BTreeMap<String, Vec<u8>>,
    /// Its files and folders with a leading slash, as dpkg lists them.
    pub paths: Vec<String>,
    dirs: Vec<(PathBuf, Attributes)>,
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
struct Attributes {
    uid: u32,
    gid: u32,
    mode: u32,
}

/// Top-level folders that are links into /usr.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// How ownership is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// As the packages say; needs a namespace that has the ids.
    Keep,
    /// Everything belongs to whoever unpacks; for tool roots.
    Mine,
}

/// Lays all packages into `root`, with `bin`, `sbin`, `lib` and `lib64` as links into `/usr`.
///
/// `done` is called with the number of packages finished so far.
///
/// # Errors
/// A package is damaged, two packages carry the same file, or the disk is full.
pub fn unpack(
    root: &Path,
    packages: &[PackageFile],
    owners: Owners,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Unpacked>> {
    for name in MERGED {
        fs::create_dir_all(root.join("usr").join(name))
            .with_context(|| format!("making usr/{name}"))?;
        symlink(format!("usr/{name}"), root.join(name))
            .with_context(|| format!("linking {name}"))?;
    }
    let next = AtomicUsize::new(0);
    let finished = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<Unpacked>>>> =
        Mutex::new(packages.iter().map(|_| None).collect());
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((i, package)) = {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    packages.get(i).map(|p| (i, p))
                } {
                    let result = one(root, package, owners);
                    if let Ok(mut results) = results.lock() {
                        results[i] = Some(result);
                    }
                    done(finished.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    let results = results
        .into_inner()
        .map_err(|_| anyhow!("a thread died while unpacking"))?;
    let mut unpacked = Vec::with_capacity(packages.len());
    for (package, result) in packages.iter().zip(results) {
        unpacked.push(result.with_context(|| format!("{} was not unpacked", package.name))??);
    }
    settle_files(root, packages, &unpacked, owners)?;
    if owners == Owners::Keep {
        settle_folders(root, &unpacked)?;
    }
    Ok(unpacked)
}

fn one(root: &Path, package: &PackageFile, owners: Owners) -> Result<Unpacked> {
    let deb = Deb::open_locked(&package.path, &package.name, &package.sha256)?;
    let mut unpacked = Unpacked {
        control: deb.control.clone(),
        scripts: deb.scripts.clone(),
        paths: Vec::new(),
        dirs: Vec::new(),
        files: Vec::new(),
    };
    let mut archive = deb.data()?;
    let entries = archive
        .entries()
        .with_context(|| format!("reading the files of {}", package.name))?;
    for entry in entries {
        let mut entry = entry.with_context(|| format!("reading the files of {}", package.name))?;
        let listed = entry.path().context("reading a path")?.into_owned();
        write_entry(root, &mut entry, owners, &mut unpacked)
            .with_context(|| format!("unpacking {} of {}", listed.display(), package.name))?;
    }
    Ok(unpacked)
}

/// The path of an entry below the root, with merged folders resolved; refuses paths that leave the root.
fn inner_path(path: &Path) -> Result<PathBuf> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir | std::path::Component::RootDir => {}
            std::path::Component::Normal(name) => parts.push(name.to_owned()),
            _ => bail!(
                "the package has a path that leaves the tree: {}",
                path.display()
            ),
        }
    }
    let merged = parts.first().is_some_and(|p| MERGED.iter().any(|m| p == m));
    let below: PathBuf = parts.iter().collect();
    Ok(if merged {
        Path::new("usr").join(below)
    } else {
        below
    })
}

fn write_entry(
    root: &Path,
    entry: &mut tar::Entry<'_, impl io::Read>,
    owners: Owners,
    unpacked: &mut Unpacked,
) -> Result<()> {
    let listed = entry.path().context("reading its path")?.into_owned();
    let shown = listed
        .components()
        .filter(|c| matches!(c, std::path::Component::Normal(_)))
        .collect::<PathBuf>();
    unpacked.paths.push(if shown.as_os_str().is_empty() {
        "/.".into()
    } else {
        format!("/{}", shown.display())
    });
    let inner = inner_path(&listed)?;
    let path = root.join(&inner);
    let header = entry.header();
    let attributes = Attributes {
        uid: u32::try_from(header.uid()?).context("its owner")?,
        gid: u32::try_from(header.gid()?).context("its group")?,
        mode: header.mode()? & 0o7777,
    };
    let kind = header.entry_type();
    if kind != EntryType::Directory
        && let Some(parent) = path.parent()
    {
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    }
    match kind {
        EntryType::Directory => {
            fs::create_dir_all(&path)?;
            unpacked.dirs.push((inner, attributes));
        }
        EntryType::Regular | EntryType::Continuous => {
            let mut file = create_new(&path)?;
            io::copy(entry, &mut file)?;
            own(&path, attributes, owners)?;
            file.set_permissions(fs::Permissions::from_mode(attributes.mode))?;
            unpacked.files.push(inner);
        }
        // The links of merged /usr themselves, which stand already.
        EntryType::Symlink
            if shown.components().count() == 1 && MERGED.iter().any(|m| shown == Path::new(m)) => {}
        EntryType::Symlink => {
            let target = entry
                .link_name()?
                .context("a link without target")?
                .into_owned();
            match symlink(&target, &path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    fs::remove_file(&path)?;
                    symlink(&target, &path)?;
                }
                other => other?,
            }
            own(&path, attributes, owners)?;
            unpacked.files.push(inner);
        }
        EntryType::Link => {
            let target = inner_path(&entry.link_name()?.context("a hard link without target")?)?;
            drop(fs::remove_file(&path));
            fs::hard_link(root.join(target), &path)?;
            unpacked.files.push(inner);
        }
        other => bail!("an entry of type {other:?} has no place in a package"),
    }
    Ok(())
}

fn create_new(path: &Path) -> io::Result<fs::File> {
    let open = || {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    };
    match open() {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            // Never write through a link or into a file that another name shares.
            fs::remove_file(path)?;
            open()
        }
        other => other,
    }
}

fn own(path: &Path, attributes: Attributes, owners: Owners) -> io::Result<()> {
    match owners {
        Owners::Keep => lchown(path, Some(attributes.uid), Some(attributes.gid)),
        Owners::Mine => Ok(()),
    }
}

/// A path that several packages carry belongs to the one that says it replaces the others.
fn settle_files(
    root: &Path,
    packages: &[PackageFile],
    unpacked: &[Unpacked],
    owners: Owners,
) -> Result<()> {
    let mut holders: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (i, package) in unpacked.iter().enumerate() {
        for file in &package.files {
            holders.entry(file).or_default().push(i);
        }
    }
    let mut again: BTreeMap<usize, Vec<&Path>> = BTreeMap::new();
    for (path, mut who) in holders.into_iter().filter(|(_, who)| who.len() > 1) {
        who.dedup();
        if who.len() < 2 {
            continue;
        }
        let wins = |i: usize| {
            let replaces = all_relations(&unpacked[i].control, "Replaces");
            who.iter()
                .filter(|j| **j != i)
                .all(|j| replaces.iter().any(|r| r == unpacked[*j].control.package()))
        };
        match who.iter().copied().find(|i| wins(*i)) {
            Some(winner) => again.entry(winner).or_default().push(path),
            // The same documentation or the same bytes of a multi-arch package do no harm.
            None if owners == Owners::Mine => {}
            None => bail!(
                "the packages {} all carry /{}, and none says that it replaces the others: they can't be in one image",
                who.iter()
                    .map(|i| packages[*i].name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
                path.display()
            ),
        }
    }
    for (winner, paths) in again {
        let package = &packages[winner];
        let deb = Deb::open_locked(&package.path, &package.name, &package.sha256)?;
        let mut archive = deb.data()?;
        for entry in archive
            .entries()
            .with_context(|| format!("reading the files of {}", package.name))?
        {
            let mut entry =
                entry.with_context(|| format!("reading the files of {}", package.name))?;
            let inner = inner_path(&entry.path().context("reading a path")?)?;
            if paths.contains(&inner.as_path()) {
                let mut ignored = Unpacked {
                    control: Control::default(),
                    scripts: BTreeMap::new(),
                    paths: Vec::new(),
                    dirs: Vec::new(),
                    files: Vec::new(),
                };
                write_entry(root, &mut entry, owners, &mut ignored).with_context(|| {
                    format!("unpacking {} of {}", inner.display(), package.name)
                })?;
            }
        }
    }
    Ok(())
}

/// Package names of a relation field, without versions.
fn all_relations(control: &Control, field: &str) -> Vec<String> {
    let names = control.field(field).unwrap_or_default().split([',', '|']);
    names
        .filter_map(|r| r.trim().split([' ', '(', ':', '[']).next())
        .filter(|n| !n.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Folders take the attributes that the first package gives them, `base-files` before all.
fn settle_folders(root: &Path, unpacked: &[Unpacked]) -> Result<()> {
    let mut order: Vec<&Unpacked> = unpacked.iter().collect();
    order.sort_by_key(|p| {
        (
            p.control.package() != "base-files",
            p.control.package().to_owned(),
        )
    });
    let mut attributes: BTreeMap<&Path, Attributes> = BTreeMap::new();
    for package in order {
        for (path, wanted) in &package.dirs {
            attributes.entry(path).or_insert(*wanted);
        }
    }
    for (path, wanted) in attributes {
        let place = root.join(path);
        // A package may list as a folder what another has as a link (/var/lock); the link stays.
        if fs::symlink_metadata(&place).is_ok_and(|m| m.is_dir()) {
            chown(&place, Some(wanted.uid), Some(wanted.gid))
                .and_then(|()| fs::set_permissions(&place, fs::Permissions::from_mode(wanted.mode)))
                .with_context(|| format!("setting owner and mode of {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::sha256_hex;
    use crate::deb::tests::package;

    fn file(dir: &Path, control: &str, files: &[(&str, &[u8])]) -> PackageFile {
        let bytes = package(control, files);
        let name = control.split_whitespace().nth(1).unwrap().to_owned();
        let path = dir.join(format!("{name}.deb"));
        fs::write(&path, &bytes).unwrap();
        PackageFile {
            name,
            path,
            sha256: sha256_hex(&bytes),
        }
    }

    #[test]
    fn merged_folders_are_followed_and_files_listed_as_packaged() {
        let dir = tempfile::tempdir().unwrap();
        let p = file(
            dir.path(),
            "Package: a\n",
            &[("bin/a", b"x"), ("etc/a.conf", b"y")],
        );
        let root = dir.path().join("root");
        let got = unpack(&root, &[p], Owners::Mine, &|_| {}).unwrap();
        assert_eq!(fs::read(root.join("usr/bin/a")).unwrap(), b"x");
        assert_eq!(got[0].paths, ["/bin/a", "/etc/a.conf"]);
    }

    #[test]
    fn who_replaces_wins_whatever_the_order() {
        let dir = tempfile::tempdir().unwrap();
        let old = file(dir.path(), "Package: old\n", &[("usr/x", b"old")]);
        let new = file(
            dir.path(),
            "Package: new\nReplaces: other, old (<< 2)\n",
            &[("usr/x", b"new")],
        );
        for (i, order) in [[old.clone(), new.clone()], [new, old]]
            .into_iter()
            .enumerate()
        {
            let root = dir.path().join(format!("root{i}"));
            unpack(&root, &order, Owners::Mine, &|_| {}).unwrap();
            assert_eq!(fs::read(root.join("usr/x")).unwrap(), b"new");
        }
    }

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        assert!(inner_path(Path::new("./usr/../../etc/passwd")).is_err());
        assert_eq!(
            inner_path(Path::new("./lib/x")).unwrap(),
            Path::new("usr/lib/x")
        );
        assert_eq!(
            inner_path(Path::new("./library/x")).unwrap(),
            Path::new("library/x")
        );
    }
}
