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
//! - identity: [`identity`] puts together [`seed_source`] (where seeds are), [`seed_choice`] (which one
//!   is this machine's: [`hardware`]), [`seed_wait`] (for a stick or a person: [`seed_menu`],
//!   [`keyboard`]) and [`seed_copy`]; [`etc_layer`] turns the seed into files
//! - the end: [`handover`], [`switch_root`]

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
pub mod handover;
pub mod hardware;
pub mod identity;
pub mod kernel_partitions;
pub mod keyboard;
pub mod last_words;
pub mod modalias;
pub mod modules;
pub mod mounts;
pub mod root_program;
pub mod sealed_image;
pub mod seed_choice;
pub mod seed_copy;
pub mod seed_menu;
pub mod seed_source;
pub mod seed_wait;
pub mod slot;
pub mod state;
pub mod switch_root;
pub mod tree_copy;
pub mod verity;
