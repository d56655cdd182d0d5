//! What to do next, from what was seen: a pure function of a [`Scan`].
//!
//! One step at a time, with a new look at the machine after each. So a power cut between two steps
//! needs no thought: the next run sees where the last one stopped.

mod choice;
mod group;
#[cfg(test)]
mod tests;
mod unfinished;
mod verdict;

use std::fmt;

use hive_inventory::seed::MirroredDisk;

use crate::disk::Scan;
use crate::table;

pub use verdict::{Verdict, holds, verdict};

/// Tag of a volume group while hive is making it.
pub const MAKING: &str = "hive-making";

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: the volume group and its pool are there, on these devices.
    Ready {
        /// The physical volumes.
        devices: Vec<String>,
    },
    /// A step, after which one looks again.
    Do(Step),
    /// Nothing that hive may do by itself: why, and what a person can do.
    Wait(String),
}

/// The steps, in the order in which an empty disk sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write the partition table with our partition in it.
    WriteTable {
        /// The disk.
        disk: String,
        /// Where the partition begins, when it goes behind others: what an earlier one left there is
        /// cleared first.
        clear: Option<u64>,
    },
    /// Tell the kernel about our partition.
    Publish {
        /// The disk.
        disk: String,
        /// Number of the partition.
        number: u32,
    },
    /// Make our partition a physical volume.
    CreatePhysical {
        /// The partition.
        device: String,
        /// Whether it is one already, left behind by a group that was never finished.
        again: bool,
    },
    /// Make the volume group on it, with the tag [`MAKING`].
    CreateGroup {
        /// The partition.
        device: String,
    },
    /// Remove what an interrupted step left in the group; there is nothing of anybody in it yet.
    RemoveLeftovers {
        /// The partition.
        device: String,
    },
    /// Make the thin pool.
    CreatePool {
        /// The partition.
        device: String,
        /// Its size in MiB.
        mib: u64,
        /// The size of its metadata in MiB.
        metadata_mib: u64,
    },
    /// Have the thin pool zero what it gives to volumes from now on.
    ZeroNew {
        /// The physical volumes.
        devices: Vec<String>,
    },
    /// Take the tag off: from now on nothing here is ever made again.
    Finish {
        /// The partition.
        device: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteTable { disk, .. } => write!(f, "writing the partition table of {disk}"),
            Self::Publish { disk, number } => {
                write!(f, "telling the kernel about partition {number} of {disk}")
            }
            Self::CreatePhysical { device, .. } => write!(f, "making {device} a physical volume"),
            Self::CreateGroup { device } => write!(f, "making the volume group on {device}"),
            Self::RemoveLeftovers { device } => write!(
                f,
                "removing what an interrupted start left in the volume group on {device}"
            ),
            Self::CreatePool { device, mib, .. } => {
                write!(f, "making the thin pool of {mib} MiB on {device}")
            }
            Self::ZeroNew { devices } => write!(
                f,
                "having the thin pool on {} zero what it gives to volumes",
                devices.join(", ")
            ),
            Self::Finish { device } => {
                write!(f, "marking the volume group on {device} as complete")
            }
        }
    }
}

/// Decides.
pub fn decide(wanted: &MirroredDisk, scan: &Scan) -> Decision {
    match group::look(wanted, scan).or_else(|| unfinished::look(wanted, scan)) {
        Some(decision) => decision,
        None => choice::choose(wanted, scan),
    }
}

/// Waiting, with the disks that were seen.
fn wait(wanted: &MirroredDisk, scan: &Scan, why: String) -> Decision {
    Decision::Wait(format!("{why}\n{}", table::disks(wanted, scan)))
}
