//! The sealed root: reading its dm-verity tree, and handing it to the kernel.
//!
//! A root partition holds the data blocks, then one block with veritysetup's superblock, then the
//! tree, its top block first (format version 1 of cryptsetup's `veritysetup`, kernel document
//! `admin-guide/device-mapper/verity.rst`). [`check`] reads the whole tree before the kernel does:
//! it is a hundredth of the data, and the person at the console learns what is wrong from a
//! sentence and not from a kernel panic.

mod device;
mod tree;

pub use device::{activate, table_parameters};
pub use tree::{VerityError, check, total_bytes};
