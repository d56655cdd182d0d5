//! The sizes of a stage's machines: one for hives, one for the repository.

use super::provider::Provider;
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;

/// 16 TB in MB: beyond these three it is a slip of the unit.
pub(crate) const MOST_MEMORY: u64 = 16 << 20;
/// Processors.
pub(crate) const MOST_CPUS: u64 = 1024;
/// 64 TB in GB.
pub(crate) const MOST_DISK: u64 = 64 << 10;

/// What one kind of machine has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    pub memory_mb: Option<u64>,
    pub cpus: Option<u64>,
    pub disk_gb: Option<u64>,
    pub instance_type: Option<String>,
    pub disk_encrypted: Option<bool>,
}

impl Machine {
    /// What the provider gives when nothing is said. `None` leaves it to the provider's own default.
    fn default_of(provider: Provider) -> Self {
        let (memory_mb, cpus, disk_gb) = match provider {
            // Docker Engine is ready in this under software emulation, and three fit on a laptop.
            Provider::Qemu => (Some(1536), Some(1), Some(24)),
            Provider::Gcp => (None, None, Some(25)),
            Provider::Kickstart => (Some(10240), None, Some(100)),
            _ => (None, None, None),
        };
        Self {
            memory_mb,
            cpus,
            disk_gb,
            ..Self::default()
        }
    }

    /// The attributes as given, their names behind a prefix.
    fn read(fields: &Fields<'_>, prefix: &str, report: &mut Report<'_>) -> Self {
        let mut size =
            |key: &str, most: u64| fields.whole(&format!("{prefix}{key}"), 1..=most, report);
        Self {
            memory_mb: size("memory_size", MOST_MEMORY),
            cpus: size("cpus", MOST_CPUS),
            disk_gb: size("disk_size", MOST_DISK),
            instance_type: fields.text(&format!("{prefix}instance_type"), report),
            disk_encrypted: fields.flag(&format!("{prefix}disk_encrypted"), report),
        }
    }

    fn or(self, other: &Self) -> Self {
        Self {
            memory_mb: self.memory_mb.or(other.memory_mb),
            cpus: self.cpus.or(other.cpus),
            disk_gb: self.disk_gb.or(other.disk_gb),
            instance_type: self.instance_type.or_else(|| other.instance_type.clone()),
            disk_encrypted: self.disk_encrypted.or(other.disk_encrypted),
        }
    }
}

/// Reads the machines of a stage: of a hive and of the repository. A repository of its own starts
/// from the provider's defaults, one that is a hive too from the hives' attributes.
pub(crate) fn read(
    fields: &Fields<'_>,
    provider: Provider,
    separate: bool,
    report: &mut Report<'_>,
) -> (Machine, Machine) {
    let default = Machine::default_of(provider);
    let hive = Machine::read(fields, "", report);
    let given = Machine::read(fields, "repository_", report);
    let repository = if separate {
        let mut base = default.clone();
        if !provider.is_local() {
            // There is no key for the repository's memory there: one size is for all.
            base.memory_mb = hive.memory_mb.or(base.memory_mb);
        }
        given.or(&base)
    } else {
        given.or(&hive).or(&default)
    };
    (hive.or(&default), repository)
}
