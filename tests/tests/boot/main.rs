//! Stories of machines that boot the image under UEFI firmware.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod altered;
mod drbd9;
mod first_boot;
mod power_cuts;
mod seeds;
mod stick;
