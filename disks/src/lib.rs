//! The disk for mirrored volumes: which one may be taken, and LVM on it.
//!
//! Start at [`prepare`]. It looks ([`scan()`]), decides ([`decide()`], a pure function of what was
//! seen), does one step ([`perform()`]) and looks again, until all is there or a person has to
//! decide. A disk that holds anything that is not hive's own is never written, unless a person named
//! it, and then only what its partition table calls free.

mod area;
mod decide;
mod disk;
mod error;
mod gpt;
mod guid;
mod layout;
mod perform;
mod scan;
mod size;
mod table;

use hive_inventory::node::{DiskReport, NODE_VERSION};
use hive_inventory::seed::MirroredDisk;

pub use decide::{Decision, MAKING, Step, Verdict, decide, verdict};
pub use disk::{
    Area, Carrier, Content, Device, Disk, Group, Named, Part, Physical, Room, Scan, TableView,
    Volume,
};
pub use error::Error;
pub use layout::Layout;
pub use perform::perform;
pub use scan::scan;

/// More steps than any start needs; it ends what would otherwise go in circles.
const MOST_STEPS: usize = 20;

/// What became of the disk for mirrored volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The volume group and its pool are there.
    Ready {
        /// The devices that carry the group.
        devices: Vec<String>,
        /// Whether something was made on them just now.
        made: bool,
    },
    /// A person has to decide or to mend something: why and how, with a table of the disks.
    Waiting(String),
}

/// Makes the volume group and thin pool of `wanted` on this machine, or tells what is in the way.
/// `boot_disk` is the disk that the machine runs from.
///
/// # Errors
/// A disk can't be read or written, or a program of LVM is missing or fails.
pub fn prepare(wanted: &MirroredDisk, boot_disk: &str) -> Result<Outcome, Error> {
    prepare_on(&Layout::host(), wanted, boot_disk)
}

/// [`prepare`] with a part of a machine.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_on(
    layout: &Layout,
    wanted: &MirroredDisk,
    boot_disk: &str,
) -> Result<Outcome, Error> {
    let mut last = None;
    for _ in 0..MOST_STEPS {
        let seen = scan(layout, wanted, boot_disk)?;
        match decide(wanted, &seen) {
            Decision::Ready { devices } => {
                let made = last.is_some();
                return Ok(Outcome::Ready { devices, made });
            }
            Decision::Wait(why) => return Ok(Outcome::Waiting(why)),
            Decision::Do(step) if last.as_ref() == Some(&step) => {
                return Err(Error::NoEffect(format!("{step:?}")));
            }
            Decision::Do(step) => {
                perform(layout, wanted, &step)?;
                last = Some(step);
            }
        }
    }
    Err(Error::NoEffect("preparing the disk".to_owned()))
}

/// The report of what [`prepare`] did.
pub fn report(outcome: &Result<Outcome, Error>) -> DiskReport {
    let (device, waiting_for) = match outcome {
        Ok(Outcome::Ready { devices, .. }) => (Some(devices.join(", ")), None),
        Ok(Outcome::Waiting(why)) => (None, Some(why.clone())),
        Err(error) => (
            None,
            Some(format!(
                "the disk for mirrored volumes can't be prepared: {}",
                error.with_causes()
            )),
        ),
    };
    DiskReport {
        version: NODE_VERSION,
        device,
        waiting_for,
    }
}
