//! Signatures, found by util-linux.

use std::path::Path;

use hive_system::{Failure, Program};
use serde::Deserialize;

use crate::error::Error;

#[derive(Deserialize)]
struct Answer {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(rename = "type")]
    kind: String,
}

/// All signatures on a device. `wipefs` without an option that tells it to wipe only reads, and
/// unlike `blkid` it lists every signature where several contradict each other.
pub(crate) fn device(path: &str) -> Result<Vec<String>, Error> {
    let program = Program::new("wipefs")
        .package("util-linux")
        .args(["--noheadings", "--json", path])
        .env("LC_ALL", "C");
    let doing = format!("looking for signatures on {path}");
    let text = program.text().map_err(Error::program(doing))?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let answer: Answer = serde_json::from_str(&text).map_err(|source| Error::Answer {
        program: program.to_string(),
        source,
    })?;
    let mut kinds: Vec<String> = answer.signatures.into_iter().map(|s| s.kind).collect();
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}

/// Signatures in a part of a disk that is no partition, or is not one for the kernel.
pub(crate) fn range(disk: &Path, start: u64, bytes: u64) -> Result<Vec<String>, Error> {
    let program = Program::new("blkid")
        .package("util-linux")
        .args(["--probe", "--output", "export", "--offset"])
        .arg(start.to_string())
        .arg("--size")
        .arg(bytes.to_string())
        .arg(disk)
        .env("LC_ALL", "C");
    match program.text() {
        Ok(text) => Ok(kinds(&text)),
        // Its ways of saying that there is nothing (silently, or else it could not look), and that
        // there are several.
        Err(Failure::Failed { status, stderr, .. })
            if status.code() == Some(2) && stderr.is_empty() =>
        {
            Ok(Vec::new())
        }
        Err(Failure::Failed { status, .. }) if status.code() == Some(8) => {
            Ok(vec!["several signatures".to_owned()])
        }
        Err(source) => Err(Error::Program {
            doing: format!("looking for signatures in a part of {}", disk.display()),
            source,
        }),
    }
}

fn kinds(text: &str) -> Vec<String> {
    let values = |key: &'static str| text.lines().filter_map(move |line| line.strip_prefix(key));
    let found: Vec<String> = values("TYPE=")
        .chain(values("PTTYPE="))
        .map(str::to_owned)
        .collect();
    if found.is_empty() && !text.trim().is_empty() {
        return vec!["an unknown signature".to_owned()];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_tables_are_taken_from_what_blkid_prints() {
        let text = "DEVNAME=/dev/loop0\nUUID=1-2\nVERSION=1.0\nTYPE=ext4\nUSAGE=filesystem\n";
        assert_eq!(kinds(text), ["ext4"]);
        assert_eq!(kinds("DEVNAME=/dev/loop0\nPTTYPE=dos\n"), ["dos"]);
        assert_eq!(kinds("DEVNAME=/dev/loop0\n"), ["an unknown signature"]);
        assert_eq!(kinds(""), [""; 0]);
    }
}
