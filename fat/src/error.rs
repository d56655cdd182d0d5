//! What can go wrong with a volume.

use std::io;

/// Why a FAT volume could not be made, read or filled.
#[derive(Debug, thiserror::Error)]
pub enum FatError {
    /// The disk or file below failed.
    #[error("cannot {doing} of the FAT volume: {source}")]
    Io {
        /// What was being done, such as `read the boot sector`.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no FAT volume here, or it is damaged.
    #[error("this is not a FAT volume, or it is damaged: {0}")]
    NotFat(String),
    /// A volume of this size can't be made.
    #[error("a FAT volume of {size} bytes cannot be made: {why}")]
    Size {
        /// The size asked for.
        size: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A name that FAT can't keep.
    #[error("{0:?} is not a name that a FAT volume can keep")]
    Name(String),
    /// Nothing under that path.
    #[error("there is no {0:?} on the FAT volume")]
    Missing(String),
    /// A folder where a file is meant, or the other way round.
    #[error("{path:?} on the FAT volume is not a {wanted}")]
    Kind {
        /// The path.
        path: String,
        /// `file` or `folder`.
        wanted: &'static str,
    },
    /// No room.
    #[error("the FAT volume is full ({free} bytes left) while writing {path:?}; make it bigger")]
    Full {
        /// What was being written.
        path: String,
        /// Bytes left.
        free: u64,
    },
}

/// Names what was being done when the disk below failed.
pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> FatError {
    move |source| FatError::Io { doing, source }
}
