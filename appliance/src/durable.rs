//! Documents on disk that survive a power cut, or at least are never seen half written.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces a document: a reader sees the old one or the new one, never half of one.
///
/// # Errors
/// The folder can't be made or written.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    put(path, text, false).map_err(|e| named(path, &e))
}

/// Replaces a document, and returns when the new one survives a power cut: its bytes are on the disk
/// before its name is, and its name before this returns.
///
/// # Errors
/// The folder can't be made or written. Then either of the two may be there after a power cut.
pub fn store(path: &Path, text: &[u8]) -> io::Result<()> {
    put(path, text, true).map_err(|e| named(path, &e))
}

fn put(path: &Path, text: &[u8], sync: bool) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let new_folder = !folder.exists();
    fs::create_dir_all(folder)?;
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
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
    fn a_folder_in_the_way_is_told_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.json");
        fs::create_dir(&path).unwrap();
        let error = store(&path, b"x").unwrap_err().to_string();
        assert!(error.contains("record.json"), "{error}");
    }
}
