//! Starts, drives and stops virtual machines under QEMU: disks, NICs, firmware, serial, QMP.
//!
//! Start reading at [`VmConfig`] (what a machine is) and [`Vm`] (a machine that runs). Machines
//! talk to each other over a [`Switch`]; a whole machine is kept and multiplied with [`Saved`];
//! [`Patience`] stretches time-outs to how slow emulation is on this computer.
//!
//! Nothing here needs root, and nothing is guessed silently: the accelerator is the one asked for,
//! and [`Vm::accelerator`] names it.

mod accel;
mod arguments;
mod config;
mod disk;
mod engine;
mod error;
mod firmware;
mod image;
mod nic;
mod patience;
mod process;
mod qmp;
mod record;
mod saved;
mod socket;
mod speed;
mod start;
mod switch;
mod vm;

pub use accel::{Accelerator, Version};
pub use config::{Boot, FwCfg, Lifetime, Smbios, VmConfig};
pub use disk::{Disk, Format, Interface};
pub use error::{BoxError, Error, Result};
pub use firmware::{Firmware, FirmwareSearch};
pub use image::{create_overlay, create_raw, resize};
pub use nic::{Forward, Mac, Network, Nic, Protocol};
pub use patience::{Patience, wait_until};
pub use qmp::{Event, Qmp};
pub use saved::Saved;
pub use switch::{Port, Switch, Tap};
pub use vm::{Exit, Vm};
