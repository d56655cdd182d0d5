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
                return Err(Error::NoEffect(step.to_string()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_devices_or_the_reason() {
        let ready = Outcome::Ready {
            devices: vec!["/dev/vdb1".into(), "/dev/vdc1".into()],
            made: false,
        };
        let told = report(&Ok(ready));
        assert_eq!(told.device.as_deref(), Some("/dev/vdb1, /dev/vdc1"));
        assert_eq!(told.waiting_for, None);
        let told = report(&Ok(Outcome::Waiting("why".into())));
        assert_eq!(
            (told.device, told.waiting_for.as_deref()),
            (None, Some("why"))
        );
        let told = report(&Err(Error::NoBootDisk("/dev/vda".into())));
        assert!(told.waiting_for.is_some_and(|why| why.contains("/dev/vda")));
    }

    #[test]
    fn without_the_boot_disk_no_disk_is_safe() {
        let wanted = MirroredDisk {
            device: None,
            gigabytes: None,
            volume_group: "drbdvg".into(),
            pool: "drbdpool".into(),
        };
        // Refused before anything but /sys is read.
        let refused = prepare_on(&Layout::default(), &wanted, "/dev/no-such-disk");
        assert!(matches!(refused, Err(Error::NoBootDisk(_))), "{refused:?}");
    }
}
