//! Putting seeds onto finished images and sticks, without touching anything but their seed volume.
//!
//! [`place`] finds the volume, [`raw`] writes to files and devices byte for byte, [`qcow2`] to
//! images in QEMU's format, and [`target`] decides which it is.

mod place;
mod qcow2;
mod raw;
mod target;

pub use target::{into_device, into_image};

#[cfg(test)]
mod tests;
