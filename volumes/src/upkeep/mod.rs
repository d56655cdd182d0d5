//! The next step on the way from what a host has of a volume to what the swarm's record wants.
//!
//! Whoever drives this reads the record, *then* looks at the host, calls [`next`] and does what it says,
//! again and again. Every step can be cut off anywhere and is found half done by the next look. The
//! order is the point: all copies are connected before one host mints their first generation; a host
//! formats only while it is primary, at a version of the record that it read after it was promoted; a
//! logical volume gets meta data only while it carries the mark of a blank one, so a copy whose meta
//! data can't be read is never taken for new; what has data is removed only when the record says that
//! the volume is being removed.

mod birth;
mod copies;
mod removal;

pub use copies::{is_attached, spares};

use std::fmt;

use crate::lease::{self, Link, View};
use crate::record::{PartKind, Record, State};
use crate::seen::Resource;

/// What a host has of a volume, looked up after the record was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The logical volume of that name in the record's group.
    pub backing: Option<Backing>,
    /// The text of the resource file.
    pub file: Option<String>,
    /// The resource, if it is up.
    pub resource: Option<Resource>,
    /// Bytes of `/dev/drbdN`, if it is up and can be read.
    pub device: Option<u64>,
    /// The mounted file system, if it is mounted.
    pub mount: Option<Mount>,
    /// Containers that use it, or are about to.
    pub users: usize,
    /// Docker's volume of that name.
    pub docker: DockerVolume,
    /// A peer towards which this host has had marks for long (see [`LeftOver`](crate::seen::left_over::LeftOver)) that
    /// an online verify did not find: they are of a resync, or the peer itself has none. If the peer uses the volume, it
    /// has said that it can do without this host for a moment. If another host does, it, the peer and this host count
    /// nothing else between them, so that the marks are of blocks that are the same. If this host does, only it counts
    /// them, and it can do without the peer for a moment.
    pub left_over: Option<String>,
    /// A peer that does not use the volume and is to fill this copy, for which nothing has come for long (see
    /// [`Standstill`](crate::seen::standstill::Standstill)).
    pub stands_still: Option<String>,
    /// This copy is being filled, and nothing has come yet.
    pub nothing_came: bool,
    /// A peer with which this copy does not come to agree on what differs, for one of the two waits and the other does not
    /// (see [`HalfAgreed`](crate::seen::half_agreed::HalfAgreed)). The peer's copy is whole, and whoever uses the volume
    /// has said that it can do without this host for a moment.
    pub half_agreed: Option<String>,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backing {
    /// Its bytes.
    pub bytes: u64,
    /// LVM's tags on it.
    pub tags: Vec<String>,
    /// Whether there is a device of it.
    pub active: bool,
}

/// The tag of a logical volume that has had no meta data yet, or whose copy is made anew. It comes with the volume, in
/// one step of LVM, or before the copy is let go of, and goes when the meta data are written.
pub const BLANK: &str = "hive.blank";

/// A mounted file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mount {
    /// Bytes of the device when the file system was last made as large as it.
    pub grown_to: u64,
}

/// What docker has under the volume's name on this host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DockerVolume {
    /// Nothing.
    #[default]
    Absent,
    /// Ours.
    Ours,
    /// One of another driver.
    Foreign(String),
}

/// What is the same for all volumes of a host.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// Short name of this host.
    pub me: &'a str,
    /// The epoch of the swarm.
    pub epoch: u64,
    /// The resource file as it should be.
    pub file: &'a str,
    /// As in [`View::peer_agrees`].
    pub peer_agrees: bool,
    /// As in [`View::holder_down`].
    pub holder_down: bool,
}

/// A change on a host, or of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `lvcreate`: a thin volume with [`BLANK`] and the record's tag, in one command.
    CreateBacking {
        /// Its bytes.
        bytes: u64,
    },
    /// `lvchange --activate y`: udev has it done when the disk appears, once.
    Activate,
    /// `lvextend`.
    ExtendBacking {
        /// Its bytes from then on.
        bytes: u64,
    },
    /// `drbdadm create-md --force`, then take [`BLANK`] away.
    CreateMetaData,
    /// Write the resource file, mode 0600, by a rename.
    WriteFile,
    /// `drbdadm adjust`: up, attached, connected, as the file says.
    Adjust,
    /// `drbdadm adjust`, for a connection of DRBD 9 that was given up.
    ConnectAgain,
    /// `drbdadm connect --discard-my-data`: what only this copy has is void.
    ConnectAndDiscard,
    /// `drbdadm disconnect NAME:PEER`, then `drbdadm connect`. Of copies that are both whole and of one generation DRBD
    /// forgets what is marked; a copy that is being filled is filled on.
    ConnectAnew {
        /// The peer.
        peer: String,
        /// What is mended by it.
        against: Against,
    },
    /// `drbdsetup invalidate --reset-bitmap=no`: this copy gets the marked blocks of a peer's.
    FillMarked {
        /// The peer.
        peer: String,
    },
    /// `drbdsetup invalidate-remote --reset-bitmap=no`: a peer's copy gets the marked blocks of this one's.
    GiveMarked {
        /// The peer.
        peer: String,
    },
    /// [`BLANK`] on the logical volume, then `drbdadm down`: this copy gets new meta data, and all of another's blocks.
    MakeAnew,
    /// `drbdadm new-current-uuid --clear-bitmap NAME/0`.
    Mint,
    /// `drbdadm primary`. With DRBD 8.4 first write [`lease::acquire`] at a version read just now, each
    /// time: a release that is still on its way is void then.
    Promote,
    /// Three steps in one, since a file system that is half made looks like a whole one: write
    /// [`Birth::Formatting`](crate::record::Birth::Formatting) at a version read just now, `mkfs`, write
    /// [`Birth::Formatted`](crate::record::Birth::Formatted). Only while primary.
    Format,
    /// `drbdadm secondary`.
    Demote,
    /// `drbdadm -- --assume-clean resize`: what is new of a thin volume is zero everywhere, and what DRBD's meta data
    /// were is made so. Only while this host or another one is primary.
    Resize,
    /// `xfs_growfs` or `resize2fs`.
    GrowFileSystem,
    /// `docker volume create --driver drbd`.
    CreateDockerVolume,
    /// `docker volume rm`.
    RemoveDockerVolume,
    /// `drbdadm down`.
    Down,
    /// `lvremove`.
    RemoveBacking,
    /// Delete the resource file.
    RemoveFile,
    /// Write this state, at the version of the record that was read.
    Write(Box<State>),
    /// Delete the config: no host has anything of the volume.
    Forget,
}

/// What a new connection mends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// Marks that a resync left over, of blocks that are the same.
    Marks,
    /// A resync that stands still.
    Standstill,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This, and then look again.
    Do(Step),
    /// Nothing here; others have to do something first. Why, in words.
    Wait(String),
    /// A person has to decide or to mend something. Why and how, in words.
    Stuck(String),
    /// Nothing: all is as it should be.
    Settled,
}

/// The next step of `here.me` for a volume.
pub fn next(record: &Record, here: &Here<'_>, seen: &Seen) -> Next {
    if record.state.removal.is_some() {
        return removal::next(record, here, seen);
    }
    let Some(part) = record.state.part(here.me) else {
        return outsider(record, here, seen);
    };
    let steps = [
        copies::backing,
        copies::up,
        copies::half_agreed,
        copies::connections,
        copies::standstill,
        copies::lease,
        birth::next,
        // What is behind the file system is written to when the device grows, so it fills its device first.
        copies::file_system_size,
        copies::device_size,
        copies::idle,
        copies::left_over,
        docker,
    ];
    let chosen = match part.kind {
        PartKind::Copy => &steps[..],
        // No copy, so nothing to make or to fill.
        PartKind::Diskless | PartKind::Gone => &[
            copies::up,
            birth::wait,
            copies::file_system_size,
            copies::idle,
            docker,
        ][..],
    };
    chosen
        .iter()
        .find_map(|step| step(record, here, seen))
        .unwrap_or(Next::Settled)
}

/// What is left on a host that has no part, or none any more.
fn outsider(record: &Record, here: &Here<'_>, seen: &Seen) -> Next {
    let identity = &record.identity;
    let tagged = |backing: &Backing| backing.tags.contains(&identity.tag());
    match &seen.backing {
        Some(backing) if tagged(backing) => Next::Stuck(format!(
            "{} on {} belonged to volume {}, in which this host has no part any more; remove it with `lvremove {}/{}` when its data are not needed",
            identity.backing(),
            here.me,
            identity.name,
            identity.group,
            identity.name
        )),
        _ => Next::Settled,
    }
}

fn docker(record: &Record, _: &Here<'_>, seen: &Seen) -> Option<Next> {
    match &seen.docker {
        DockerVolume::Ours => None,
        DockerVolume::Absent => Some(Next::Do(Step::CreateDockerVolume)),
        DockerVolume::Foreign(driver) => {
            let name = &record.identity.name;
            Some(Next::Stuck(format!(
                "docker has a volume {name} of driver {driver} on this host, so containers would not get the mirrored one; remove it with `docker volume rm {name}` when its data are not needed"
            )))
        }
    }
}

/// How the lease's protocol sees a host with a copy; `None` while the resource is down.
pub fn view<'a>(record: &Record, here: &Here<'a>, seen: &Seen) -> Option<View<'a>> {
    let resource = seen.resource.as_ref()?;
    let peer = record.state.copies().find(|host| *host != here.me);
    let peer = peer.and_then(|peer| resource.peers.get(peer));
    let link = match peer {
        Some(peer) if peer.connection.is_up() => Link::Connected {
            primary: peer.primary,
            up_to_date: peer.disk == crate::seen::DiskState::UpToDate,
        },
        _ => Link::Cut,
    };
    // A copy that came up without sight of its peer calls itself consistent, since DRBD can't know whether
    // it is old. Raft knows, and the fence that goes with a promotion makes it up to date.
    let by_raft = resource.disk == crate::seen::DiskState::Consistent
        && link == Link::Cut
        && record.state.lease.current.contains(here.me);
    Some(View {
        me: here.me,
        epoch: here.epoch,
        link,
        up_to_date: resource.disk == crate::seen::DiskState::UpToDate || by_raft,
        peer_agrees: here.peer_agrees,
        holder_down: here.holder_down,
    })
}

/// Whether the machine has to start anew, because others took over while it was cut off.
pub fn must_restart(record: &Record, here: &Here<'_>, seen: &Seen) -> bool {
    use crate::record::Module;
    use crate::seen::Connection;
    let Some(resource) = &seen.resource else {
        return false;
    };
    let refused = |peer: &crate::seen::Peer| peer.connection == Connection::StandAlone;
    let refused = resource.peers.values().any(refused);
    record.identity.module == Module::Drbd84
        && resource.primary
        && resource.suspended
        && lease::overtaken(&record.state, here.me, here.epoch, refused)
}

impl fmt::Display for Step {
    /// What a person sees while it is done.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::CreateBacking { .. } => "making the logical volume",
            Self::Activate => "activating the logical volume",
            Self::ExtendBacking { .. } => "extending the logical volume",
            Self::CreateMetaData => "writing DRBD's meta data",
            Self::WriteFile => "writing DRBD's configuration",
            Self::Adjust => "bringing the resource up",
            Self::ConnectAgain => {
                "connecting again what was given up (if each side has writes that the other lacks, `hive doctor volumes` tells whose to keep)"
            }
            Self::ConnectAndDiscard => "connecting, and taking the peer's data",
            Self::ConnectAnew { against, .. } => match against {
                Against::Marks => "connecting anew, since blocks were left marked as different",
                Against::Standstill => "connecting anew, since a resync stands still",
            },
            Self::FillMarked { .. } => {
                "taking blocks anew that were left marked as different from those of the host that uses the volume"
            }
            Self::GiveMarked { .. } => {
                "giving blocks anew that were left marked as different to a host that does not count them"
            }
            Self::MakeAnew => {
                "letting go of this copy, which is filled anew, since DRBD did not find out what differs"
            }
            Self::Mint => "giving all copies their first generation",
            Self::Promote => "taking the volume into use",
            Self::Format => "making the file system",
            Self::Demote => "letting go of the volume",
            Self::Resize => "telling DRBD the new size",
            Self::GrowFileSystem => "growing the file system",
            Self::CreateDockerVolume => "making docker's volume",
            Self::RemoveDockerVolume => "removing docker's volume",
            Self::Down => "taking the resource down",
            Self::RemoveBacking => "removing the logical volume",
            Self::RemoveFile => "removing DRBD's configuration",
            Self::Write(_) => "writing the swarm's record",
            Self::Forget => "removing the swarm's record",
        };
        f.write_str(words)
    }
}

#[cfg(test)]
mod tests;
