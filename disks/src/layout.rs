//! On which machine, and with which part of it, this crate works.

use std::fs;
use std::path::PathBuf;

/// Where to look. A host looks at all of its disks; tests at loop devices only.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// The only devices to look at; `None`: every disk of the machine.
    pub only: Option<Vec<PathBuf>>,
    /// Folder of LVM's configuration; `None`: LVM's own. What [`Layout::only`] leaves out has to be
    /// kept from LVM by a filter there.
    pub lvm_system_dir: Option<PathBuf>,
    /// What tells this machine from others. It is part of the GUID that a new table gets.
    pub machine: Vec<u8>,
}

impl Layout {
    /// The machine that this runs on, all of it.
    pub fn host() -> Self {
        // The firmware's, which a fresh system disk does not change.
        let machine = fs::read("/sys/class/dmi/id/product_uuid").unwrap_or_default();
        Self {
            only: None,
            lvm_system_dir: None,
            machine: machine.trim_ascii().to_vec(),
        }
    }
}
