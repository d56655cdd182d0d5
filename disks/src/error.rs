//! What can go wrong while a disk is looked at or prepared.

use std::io;
use std::path::{Path, PathBuf};

use hive_system::Failure;

/// Why the disk for mirrored volumes could not be looked at or prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is missing or failed.
    #[error("{doing}")]
    Program {
        /// What was being done.
        doing: String,
        /// The program's own words.
        #[source]
        source: Failure,
    },
    /// A file or device could not be read or written.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program's answer is not what it is known to give.
    #[error("the answer of `{program}` does not read as the JSON that is expected")]
    Answer {
        /// The command.
        program: String,
        /// Where it differs.
        #[source]
        source: serde_json::Error,
    },
    /// The disk that the host runs from was not found among the disks.
    #[error(
        "the disk that the host runs from, {0}, is not among its disks, so none of them is safe to be taken; this is a fault of hive, please report it with what `lsblk -o +MODEL,SERIAL` prints"
    )]
    NoBootDisk(String),
    /// What is on a disk changed between looking and writing.
    #[error(
        "{0} changed while it was being prepared; nothing was written. Restart the host to look at it again"
    )]
    Changed(String),
    /// A step ended well and changed nothing.
    #[error("{0} ended well, but did not do what it is for; restart the host to try it again")]
    NoEffect(String),
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }

    pub(crate) fn program(doing: impl Into<String>) -> impl FnOnce(Failure) -> Self {
        let doing = doing.into();
        move |source| Self::Program { doing, source }
    }

    /// The error and its causes in one text.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
