//! FAT12, FAT16 and FAT32 volumes, made, filled and read without mounting them.
//!
//! [`format()`] makes an empty volume, [`Volume`] fills and reads it. What is written depends on
//! nothing but the arguments: every timestamp is FAT's first day, and space is taken in the order
//! of the calls. `fsck.fat` finds nothing to say about the result, which is why this is not the
//! `fatfs` crate: its released versions write subdirectories whose `.` and `..` are not the first
//! two entries.
//!
//! Format: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03.

mod directory;
mod error;
mod fill;
mod format;
mod geometry;
mod name;
mod table;
mod volume;

pub use directory::Entry;
pub use error::FatError;
pub use format::format;
pub use geometry::FatKind;
pub use volume::Volume;
