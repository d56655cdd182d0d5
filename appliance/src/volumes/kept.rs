//! The records that were read last, on disk: at the next boot the resources of this host come up from them
//! before Raft can be asked. Nothing else is ever done by an old record.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::carried::AllCarried;
use super::raft::Reading;
use crate::durable;

/// The version of the document.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    records: AllCarried,
    secrets: BTreeMap<String, String>,
}

/// Reads what was kept; an empty reading when there is nothing.
///
/// # Errors
/// It does not read, in words. It is written anew when Raft answers.
pub fn read(path: &Path) -> Result<Reading, String> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let what = |e: &dyn std::fmt::Display| format!("the kept records {}: {e}", path.display());
    let text = match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Reading::default()),
        text => text.map_err(|e| what(&e))?,
    };
    let head: Head = serde_json::from_slice(&text).map_err(|e| what(&e))?;
    if head.version != VERSION {
        return Err(what(&format_args!("version {}", head.version)));
    }
    let kept: Kept = serde_json::from_slice(&text).map_err(|e| what(&e))?;
    Ok(Reading {
        records: kept.records.unpack(),
        secrets: kept.secrets,
        there: None,
    })
}

/// The document of a reading.
///
/// # Errors
/// Never in practice.
pub fn text(reading: &Reading) -> Result<Vec<u8>, String> {
    let kept = Kept {
        version: VERSION,
        records: AllCarried::pack(&reading.records)?,
        secrets: reading.secrets.clone(),
    };
    serde_json::to_vec_pretty(&kept).map_err(|e| e.to_string())
}

/// Writes it so that it survives a power cut. There are secrets in it.
///
/// # Errors
/// The disk refuses.
pub fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    durable::store_secret(path, text)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::swarm::Records;

    #[test]
    fn what_was_kept_comes_back_and_damage_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hive/volumes.json");
        assert_eq!(read(&path), Ok(Reading::default()));
        let reading = Reading {
            records: Records {
                volumes: BTreeMap::from([("web".to_owned(), sample::mesh("web", 1))]),
                unreadable: Vec::new(),
            },
            secrets: BTreeMap::from([("hive.volume-secret".to_owned(), "s".repeat(40))]),
            there: None,
        };
        let whole = text(&reading).unwrap();
        write(&path, &whole).unwrap();
        assert_eq!(read(&path), Ok(reading));
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(read(&path).is_err());
        fs::write(&path, r#"{"version":2}"#).unwrap();
        assert!(read(&path).unwrap_err().contains("version 2"));
    }
}
