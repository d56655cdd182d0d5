//! What is not done, and what a person can do instead.

use crate::bytes::Bytes;
use crate::file_system::FileSystem;
use crate::name::{NameError, VolumeName};
use crate::record::{PartKind, Record};

use super::{Site, Wanted};

/// Everything that is refused; nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Refused(pub Vec<Refusal>);

fn lines(refusals: &[Refusal]) -> String {
    let lines: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    lines.join("\n")
}

/// Why a volume is not made, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a name.
    #[error("{declared}: {cause}")]
    Name {
        /// Where it is declared.
        declared: String,
        /// Why not.
        cause: NameError,
    },
    /// Two declarations that differ.
    #[error(
        "volume {name} is declared at {first} and, otherwise, at {other}; declare it once, and mount it elsewhere by its name"
    )]
    Twice {
        /// The volume.
        name: String,
        /// Where.
        first: String,
        /// And where.
        other: String,
    },
    /// Not a file system that hive can make.
    #[error(
        "volume {name} can't be formatted with {found:?}; take `xfs`, or `ext4` for small ones"
    )]
    UnknownFileSystem {
        /// The volume.
        name: VolumeName,
        /// What was asked for.
        found: String,
    },
    /// No room for a file system.
    #[error(
        "volume {name} is to have {}, and {} needs {} at least{}",
        Bytes(*.size), .file_system.name(), Bytes(.file_system.smallest()), way_out(*.file_system)
    )]
    TooSmall {
        /// The volume.
        name: VolumeName,
        /// Bytes asked for.
        size: u64,
        /// The file system.
        file_system: FileSystem,
    },
    /// Larger than a pool.
    #[error(
        "volume {name} needs {} with DRBD's meta data, and the whole pool of {host} has {}; take a smaller `size`, or name {host} in `diskless`",
        Bytes(*.needed), Bytes(*.pool)
    )]
    TooLarge {
        /// The volume.
        name: VolumeName,
        /// Bytes of the logical volume.
        needed: u64,
        /// The host.
        host: String,
        /// Bytes of its pool.
        pool: u64,
    },
    /// Nobody keeps it.
    #[error(
        "volume {name} has a copy nowhere: each hive is in its `diskless` or has no disk for mirrored volumes; at least one must keep it"
    )]
    NoCopy {
        /// The volume.
        name: VolumeName,
    },
    /// The data would go with the host.
    #[error(
        "volume {name} has all its data on hosts that are not in the inventory any more; put one of them back until another has a copy"
    )]
    LastCopy {
        /// The volume.
        name: VolumeName,
    },
    /// Not a device id.
    #[error(
        "volume {name} has the device id {id}; 1 to 255 are possible, so a stage has 255 mirrored volumes at most"
    )]
    Id {
        /// The volume.
        name: VolumeName,
        /// The id.
        id: u16,
    },
    /// Two volumes with one device.
    #[error(
        "volume {name} is to have the device id {id}, which volume {other} has; leave `device_id` out, and a free one is taken"
    )]
    IdTaken {
        /// The volume.
        name: VolumeName,
        /// The id.
        id: u8,
        /// Who has it.
        other: VolumeName,
    },
    /// More hosts than DRBD counts.
    #[error(
        "volume {name} has no room for another host: DRBD counts 16, those that left included, and its meta data were made for fewer copies; name the host in `diskless`, or make the volume anew from a backup"
    )]
    ManyHosts {
        /// The volume.
        name: VolumeName,
    },
    /// Docker has another volume of that name.
    #[error(
        "volume {name} can't be mirrored, since docker on {host} has a volume of driver {driver} under this name; remove it with `docker volume rm {name}` there, or choose another name"
    )]
    Clash {
        /// The volume.
        name: VolumeName,
        /// The host.
        host: String,
        /// The driver.
        driver: String,
    },
    /// Smaller than before.
    #[error(
        "volume {name} has {before} and is to have {}: volumes can't shrink; put {before} back, or make a smaller one under another name and copy what it holds",
        Bytes(*.size), before = Bytes(*.before)
    )]
    Shrinks {
        /// The volume.
        name: VolumeName,
        /// Bytes that it has.
        before: u64,
        /// Bytes asked for.
        size: u64,
    },
    /// Something that is for life.
    #[error(
        "volume {name} has {what} {before} and is to have {after}: that can't change while it holds data; put {before} back, or make a new volume under another name and copy what it holds"
    )]
    Fixed {
        /// The volume.
        name: VolumeName,
        /// What.
        what: &'static str,
        /// As it is.
        before: String,
        /// As asked for.
        after: String,
    },
    /// Something uses it.
    #[error(
        "volume {name} is used by {users}; remove that first: `hive deploy-services -D -l SERVICE`"
    )]
    Used {
        /// The volume.
        name: VolumeName,
        /// By whom, in words.
        users: String,
    },
}

fn way_out(file_system: FileSystem) -> &'static str {
    match file_system {
        FileSystem::Xfs => "; take `fstype: ext4`, or a larger `size`",
        FileSystem::Ext4 => "; take a larger `size`",
    }
}

/// What can't change.
pub(super) fn of_change(
    want: &Wanted,
    file_system: FileSystem,
    site: &Site,
    record: &Record,
) -> Result<(), Refusal> {
    let identity = &record.identity;
    let name = || identity.name.clone();
    let fixed = |what, before: String, after: String| match before == after {
        true => Ok(()),
        false => Err(Refusal::Fixed {
            name: name(),
            what,
            before,
            after,
        }),
    };
    if want.size < record.state.size {
        return Err(Refusal::Shrinks {
            name: name(),
            before: record.state.size,
            size: want.size,
        });
    }
    fixed(
        "the file system",
        identity.file_system.name().to_owned(),
        file_system.name().to_owned(),
    )?;
    fixed(
        "the device id",
        identity.id.to_string(),
        want.id.to_string(),
    )?;
    if let Some(group) = &want.group {
        fixed("the volume group", identity.group.clone(), group.clone())?;
    }
    fixed(
        "the DRBD module",
        format!("{:?}", identity.module).to_lowercase(),
        format!("{:?}", site.module).to_lowercase(),
    )?;
    // A copy that goes, or comes to a host that had none, is a resync that is not made yet.
    for (host, part) in record.state.present() {
        let Some(hive) = site.hosts.get(host) else {
            continue;
        };
        let kind = match hive.disk.is_some() && !want.diskless.contains(host) {
            true => PartKind::Copy,
            false => PartKind::Diskless,
        };
        let words = |kind| match kind {
            PartKind::Copy => format!("a copy on {host}"),
            PartKind::Diskless | PartKind::Gone => format!("no copy on {host}"),
        };
        fixed("on its hosts", words(part.kind), words(kind))?;
    }
    Ok(())
}
