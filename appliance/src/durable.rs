//! Documents on disk that survive a power cut, or at least are never seen half written.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// For everybody to read.
const OPEN: u32 = 0o644;
/// For root only: there is a secret in it.
const SECRET: u32 = 0o600;

/// Replaces a document: a reader sees the old one or the new one, never half of one.
///
/// # Errors
/// The folder can't be made or written.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    put(path, text, OPEN, false).map_err(|e| named(path, &e))
}

/// As [`replace`], for root's eyes only.
///
/// # Errors
/// As [`replace`].
pub fn replace_secret(path: &Path, text: &[u8]) -> io::Result<()> {
    put(path, text, SECRET, false).map_err(|e| named(path, &e))
}

/// Replaces a document, and returns when the new one survives a power cut: its bytes are on the disk
/// before its name is, and its name before this returns.
///
/// # Errors
/// The folder can't be made or written. Then either of the two may be there after a power cut.
pub fn store(path: &Path, text: &[u8]) -> io::Result<()> {
    put(path, text, OPEN, true).map_err(|e| named(path, &e))
}

/// As [`store`], for root's eyes only.
///
/// # Errors
/// As [`store`].
pub fn store_secret(path: &Path, text: &[u8]) -> io::Result<()> {
    put(path, text, SECRET, true).map_err(|e| named(path, &e))
}

fn put(path: &Path, text: &[u8], mode: u32, sync: bool) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let new_folder = !folder.exists();
    fs::create_dir_all(folder)?;
    let aside = path.with_extension("new");
    // One that was left by a crash would keep its mode.
    match fs::remove_file(&aside) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&aside)?;
    file.write_all(text)?;
    if sync {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&aside, path)?;
    if sync {
        File::open(folder)?.sync_all()?;
        if let Some(above) = folder.parent().filter(|_| new_folder) {
            File::open(above)?.sync_all()?;
        }
    }
    Ok(())
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("writing {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_replaced_whole_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/record.json");
        store(&path, b"old and longer").unwrap();
        store(&path, b"new").unwrap();
        replace(&path, b"newer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_is_for_root_only_even_after_a_crash() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web.res");
        fs::write(dir.path().join("web.new"), "half").unwrap();
        for write in [replace_secret, store_secret] {
            write(&path, b"secret").unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_folder_in_the_way_is_told_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.json");
        fs::create_dir(&path).unwrap();
        let error = store(&path, b"x").unwrap_err().to_string();
        assert!(error.contains("record.json"), "{error}");
    }
}
