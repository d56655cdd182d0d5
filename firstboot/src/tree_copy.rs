//! Copying folders with owners, modes, times and links.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

/// What to do about a target that is already there, and how much a power cut may undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it. New files become visible only when their content is on the medium.
    Keep,
    /// Put the source's file in its place.
    Replace,
}

/// Why a tree was not copied.
#[derive(Debug, thiserror::Error)]
#[error("cannot copy {} to {}: {source}", from.display(), to.display())]
pub struct CopyError {
    from: PathBuf,
    to: PathBuf,
    #[source]
    source: io::Error,
}

/// Copies what lies below `from` to below `to`. Sockets, pipes and devices are left out: no
/// package ships them.
pub fn copy_tree(from: &Path, to: &Path, existing: Existing) -> Result<(), CopyError> {
    let context = |source| CopyError {
        from: from.to_owned(),
        to: to.to_owned(),
        source,
    };
    let mut names: Vec<_> = fs::read_dir(from)
        .map_err(context)?
        .collect::<Result<_, _>>()
        .map_err(context)?;
    names.sort_by_key(|entry| entry.file_name());
    for entry in names {
        let source = entry.path();
        let target = to.join(entry.file_name());
        let context = |error| CopyError {
            from: source.clone(),
            to: target.clone(),
            source: error,
        };
        let meta = entry.metadata().map_err(context)?;
        if meta.is_dir() {
            folder(&meta, &target).map_err(context)?;
            copy_tree(&source, &target, existing)?;
        } else {
            let there = fs::symlink_metadata(&target).is_ok();
            if there && existing == Existing::Keep {
                continue;
            }
            leaf(&source, &meta, &target, existing).map_err(context)?;
        }
    }
    Ok(())
}

fn folder(meta: &Metadata, target: &Path) -> io::Result<()> {
    // Also where a link leads to a folder: `/var/run` on state may be one.
    if target.is_dir() {
        return Ok(());
    }
    fs::create_dir(target)?;
    chown(target, Some(meta.uid()), Some(meta.gid()))?;
    fs::set_permissions(target, fs::Permissions::from_mode(meta.mode() & 0o7777))
}

fn leaf(source: &Path, meta: &Metadata, target: &Path, existing: Existing) -> io::Result<()> {
    // Under another name first: a file with this name is a whole one.
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".hive-new");
    let temporary = target.with_file_name(name);
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    if meta.is_symlink() {
        symlink(fs::read_link(source)?, &temporary)?;
        lchown(&temporary, Some(meta.uid()), Some(meta.gid()))?;
    } else if meta.is_file() {
        let mut input = File::open(source)?;
        let mut output = File::create_new(&temporary)?;
        io::copy(&mut input, &mut output)?;
        chown(&temporary, Some(meta.uid()), Some(meta.gid()))?;
        output.set_permissions(fs::Permissions::from_mode(meta.mode() & 0o7777))?;
        output.set_modified(meta.modified()?)?;
        if existing == Existing::Keep {
            output.sync_all()?;
        }
    } else {
        return Ok(());
    }
    fs::rename(&temporary, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_kept_or_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("lib/dpkg")).unwrap();
        fs::create_dir_all(to.join("lib")).unwrap();
        fs::write(from.join("lib/a"), "new").unwrap();
        fs::write(from.join("lib/dpkg/b"), "b").unwrap();
        fs::set_permissions(from.join("lib/dpkg"), fs::Permissions::from_mode(0o2750)).unwrap();
        symlink("../run", from.join("run")).unwrap();
        fs::write(to.join("lib/a"), "old").unwrap();
        fs::write(to.join("lib/a.hive-new"), "torn").unwrap();

        copy_tree(&from, &to, Existing::Keep).unwrap();
        assert_eq!(fs::read_to_string(to.join("lib/a")).unwrap(), "old");
        assert_eq!(fs::read_to_string(to.join("lib/dpkg/b")).unwrap(), "b");
        assert_eq!(fs::read_link(to.join("run")).unwrap(), Path::new("../run"));
        let mode = fs::metadata(to.join("lib/dpkg")).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o2750);

        copy_tree(&from, &to, Existing::Replace).unwrap();
        assert_eq!(fs::read_to_string(to.join("lib/a")).unwrap(), "new");
        assert!(!to.join("lib/a.hive-new").exists());
    }

    #[test]
    fn an_error_names_both_sides() {
        let error = copy_tree(Path::new("/nowhere"), Path::new("/to"), Existing::Keep).unwrap_err();
        assert!(error.to_string().starts_with("cannot copy /nowhere to /to"));
    }
}
