//! Names of volumes: one name for docker's volume, the swarm's record, DRBD's resource and the logical volume.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Docker takes 64 characters for the name of a config, and `hive.volume.` is 12 of them.
const LONGEST: usize = 52;
/// lvm(8) keeps these for parts of its own volumes, wherever they stand in a name.
const PARTS_OF_LVM: [&str; 14] = [
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_mimage", "_mlog", "_pmspare", "_rimage",
    "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin",
];
/// lvm(8) keeps names that start so.
const STARTS_OF_LVM: [&str; 2] = ["pvmove", "snapshot"];

/// The name of a mirrored volume; everyone who has to do with it can take it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VolumeName(String);

/// Why a text can't be the name of a mirrored volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or too long.
    #[error("the volume name {0:?} has {n} characters; 1 to {LONGEST} are possible", n = .0.chars().count())]
    Length(String),
    /// A character that docker's configs can't have.
    #[error(
        "the volume name {0:?} may have letters, digits, `-`, `_` and `.` of ASCII, and starts and ends with a letter or digit"
    )]
    Characters(String),
    /// LVM or DRBD means something by it.
    #[error("the volume name {name:?} can't be used, since {keeper} keeps {what:?} for itself")]
    Reserved {
        /// The name.
        name: String,
        /// `LVM` or `DRBD`.
        keeper: &'static str,
        /// What it keeps.
        what: &'static str,
    },
}

impl VolumeName {
    /// Checks a name.
    ///
    /// # Errors
    /// Docker, LVM or DRBD would refuse it.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() || name.len() > LONGEST {
            return Err(NameError::Length(name.to_owned()));
        }
        let inner = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let edges = edge(name.chars().next()) && edge(name.chars().last());
        if !edges || !name.bytes().all(inner) {
            return Err(NameError::Characters(name.to_owned()));
        }
        let reserved = |keeper, what| {
            let name = name.to_owned();
            Err(NameError::Reserved { name, keeper, what })
        };
        if name == "all" {
            return reserved("DRBD", "all");
        }
        if let Some(part) = PARTS_OF_LVM.into_iter().find(|part| name.contains(part)) {
            return reserved("LVM", part);
        }
        if let Some(start) = STARTS_OF_LVM.into_iter().find(|s| name.starts_with(s)) {
            return reserved("LVM", start);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VolumeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for VolumeName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(&name)
    }
}

impl From<VolumeName> for String {
    fn from(name: VolumeName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_all_programs_take_pass() {
        for name in ["a", "volume_web", "db-1.data", "A9", &"x".repeat(LONGEST)] {
            assert_eq!(VolumeName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn others_are_refused_with_the_reason() {
        let words = |name: &str| VolumeName::new(name).unwrap_err().to_string();
        assert!(words("").contains("0 characters"));
        assert!(words(&"x".repeat(53)).contains("53 characters"));
        for name in ["-a", "a_", "a/b", "a b", "ä", "."] {
            assert!(words(name).contains("starts and ends"), "{name}");
        }
        assert!(words("all").contains("DRBD keeps"));
        assert!(words("x_tdata").contains("\"_tdata\""));
        assert!(words("snapshots").contains("\"snapshot\""));
    }
}
