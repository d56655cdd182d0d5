//! The membership record on disk.
//!
//! A missing file is a blank disk. A file that does not read is not: what it forbade is unknown, so
//! nothing is founded, granted or joined until a person has looked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hive_membership::{RECORD_VERSION, Record};
use serde::Deserialize;

use crate::durable;

/// Why a record can't be used. Until it is mended the host stays out of everything.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is there and can't be read.
    #[error(
        "the membership record {path} can't be read: {source}; until it can, this host founds and joins nothing"
    )]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It is damaged.
    #[error(
        "the membership record {path} is damaged ({source}), so this host can't know what it promised and founds and joins nothing; if the site's swarm is alive elsewhere, write the host's seed anew with `hive seed` (it then carries the swarm's id) and flash the host, or delete the file and start hived again"
    )]
    Damaged {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// Another release wrote it.
    #[error(
        "the membership record {path} has version {found}, this hived reads version {RECORD_VERSION}, so it founds and joins nothing; start the release that wrote it"
    )]
    Version {
        /// Its path.
        path: PathBuf,
        /// The version found.
        found: u32,
    },
}

/// Reads the record; a blank one when there is no file.
///
/// # Errors
/// There is a file, and it can't be relied on.
pub fn read(path: &Path) -> Result<Record, RecordError> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
        Err(source) => {
            let path = path.to_owned();
            return Err(RecordError::Unreadable { path, source });
        }
    };
    let damaged = |source| RecordError::Damaged {
        path: path.to_owned(),
        source,
    };
    let head: Head = serde_json::from_slice(&text).map_err(damaged)?;
    if head.version != RECORD_VERSION {
        return Err(RecordError::Version {
            path: path.to_owned(),
            found: head.version,
        });
    }
    serde_json::from_slice(&text).map_err(damaged)
}

/// Writes the record so that it survives a power cut.
///
/// # Errors
/// It may not be there after one: nothing that relies on it may happen.
pub fn write(path: &Path, record: &Record) -> io::Result<()> {
    let mut record = record.clone();
    record.version = RECORD_VERSION;
    durable::store(path, &serde_json::to_vec_pretty(&record)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hive/membership.json");
        (dir, path)
    }

    #[test]
    fn a_missing_file_is_a_blank_disk_and_what_is_written_reads_back() {
        let (_dir, path) = in_folder();
        assert_eq!(read(&path).unwrap(), Record::default());
        let record = Record {
            version: RECORD_VERSION,
            granted: Some("p-hive0.example".into()),
            ..Record::default()
        };
        write(&path, &record).unwrap();
        assert_eq!(read(&path).unwrap(), record);
    }

    #[test]
    fn every_damage_is_an_error_and_never_a_blank_record() {
        let (_dir, path) = in_folder();
        let record = Record {
            granted: Some("p-hive0.example".into()),
            ..Record::default()
        };
        write(&path, &record).unwrap();
        let whole = fs::read(&path).unwrap();
        for end in 0..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, RecordError::Damaged { .. }), "{error}");
        }
        fs::write(&path, vec![0; whole.len()]).unwrap();
        assert!(matches!(read(&path), Err(RecordError::Damaged { .. })));
    }

    #[test]
    fn a_newer_and_an_unwritten_version_are_named() {
        let (_dir, path) = in_folder();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for version in [0, 2] {
            fs::write(&path, format!(r#"{{"version":{version},"more":1}}"#)).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("version {version}")), "{error}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(read(&path), Err(RecordError::Unreadable { .. })));
    }
}
