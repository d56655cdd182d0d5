//! The init of hive's initrd, `hive-init`: from the kernel's first process to the real root's.
//!
//! `main.rs` reads as the list of what happens. Each module here is one step of it, with the
//! decisions as plain functions and the kernel at the rim:
//!
//! - words: [`console`] says them, [`failure`] and [`last_words`] end the boot with them
//! - start: [`mounts`], [`sealed_image`] and [`cmdline`] (the sealed words), [`modules`] and [`modalias`] (drivers)
//! - the disk: [`boot_disk`] (which one: [`block_scan`], [`slot`]), [`gpt`], [`grow`] (once), [`kernel_partitions`]
//! - the root: [`verity`]
//! - what lasts: [`state`], [`tree_copy`]
//! - identity: [`identity`] with [`seed_source`], which finds the seed, [`etc_layer`] turns it into files
//! - the end: [`switch_root`]

pub mod block_scan;
pub mod blockdev;
pub mod boot_disk;
pub mod cmdline;
pub mod console;
pub mod etc_layer;
pub mod failure;
pub mod gpt;
pub mod grow;
pub mod guid;
pub mod identity;
pub mod kernel_partitions;
pub mod last_words;
pub mod modalias;
pub mod modules;
pub mod mounts;
pub mod root_program;
pub mod sealed_image;
pub mod seed_source;
pub mod slot;
pub mod state;
pub mod switch_root;
pub mod tree_copy;
pub mod verity;
