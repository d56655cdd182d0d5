//! Pure writers of formats: what they write depends on their input alone.
//!
//! Nothing here starts a program, looks at a clock or asks who runs it. From the inside out:
//! [`modules`] chooses kernel modules, [`initrd`] packs them, [`uki`] makes the boot image of
//! kernel, initrd and sealed command line, [`esp`] lays it on a FAT volume, [`verity`] seals the
//! root file system, [`seed_volume`] is the place of the seed, and [`disk`] puts all into one image.

pub mod disk;
pub mod esp;
pub mod guid;
pub mod initrd;
pub mod modules;
pub mod seed_volume;
pub mod uki;
pub mod verity;
pub mod window;
