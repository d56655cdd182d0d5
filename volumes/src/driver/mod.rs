//! What the volume driver does when docker starts or ends a container with a mirrored volume.
//!
//! As in [`upkeep`](crate::upkeep), the record is read first, then the host is looked at; [`to_mount`] and
//! [`to_unmount`] tell the next step, again and again. What a host waits for becomes the error that
//! `docker service ps` shows when the driver's patience ends.

pub mod users;

use std::fmt;

use crate::lease;
use crate::record::{Birth, Module, PartKind, Record};
use crate::seen::{DiskState, Peer, Resource};
use crate::upkeep::{Here, Seen, view};

/// The folder of the mounted file system that containers get. Docker copies an image's content into a
/// volume that is empty only, and at the top of ext4 there is always `lost+found`.
pub const FOLDER: &str = "data";

/// A step towards a container with its volume, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// As [`upkeep::Step::Promote`](crate::upkeep::Step::Promote).
    Promote,
    /// `e2fsck -p`; nothing for xfs, which mends itself when it is mounted.
    Check,
    /// Mount it, make [`FOLDER`], and let the file system fill its device.
    Mount,
    /// Unmount it.
    Unmount,
    /// As [`upkeep::Step::Demote`](crate::upkeep::Step::Demote).
    Demote,
}

impl fmt::Display for Step {
    /// What a person sees while it is done.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promote => "taking the volume into use",
            Self::Check => "checking its file system",
            Self::Mount => "mounting it",
            Self::Unmount => "unmounting it",
            Self::Demote => "letting go of the volume",
        })
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This, and then look again.
    Do(Step),
    /// Others have to do something first: why, in words.
    Wait(String),
    /// It never works like this: why and what to do, in words.
    Refuse(String),
    /// It is done.
    Done,
}

/// The next step until containers of this host can use the volume. `checked`: [`Step::Check`] was done
/// since this host promoted.
pub fn to_mount(record: &Record, here: &Here<'_>, seen: &Seen, checked: bool) -> Next {
    let (identity, state) = (&record.identity, &record.state);
    let name = &identity.name;
    if state.removal.is_some() {
        return Next::Refuse(format!("volume {name} is being removed"));
    }
    let Some(part) = state.part(here.me) else {
        let hosts: Vec<&str> = state.present().map(|(host, _)| host).collect();
        return Next::Refuse(format!(
            "volume {name} can be used on {} only; constrain the service to them (`placement`)",
            hosts.join(" and ")
        ));
    };
    if state.birth != Birth::Formatted {
        return Next::Wait(format!("volume {name} has no file system yet"));
    }
    let Some(resource) = &seen.resource else {
        return Next::Wait(format!("volume {name} is not up on {} yet", here.me));
    };
    if seen.mount.is_some() && !resource.suspended {
        return Next::Done;
    }
    if let Some(why) = obstacle(record, here, seen, resource, part.kind) {
        return Next::Wait(why);
    }
    Next::Do(match (resource.primary, checked) {
        (false, _) => Step::Promote,
        (true, false) => Step::Check,
        (true, true) => Step::Mount,
    })
}

/// What keeps this host from using the volume now, and may pass.
fn obstacle(
    record: &Record,
    here: &Here<'_>,
    seen: &Seen,
    resource: &Resource,
    kind: PartKind,
) -> Option<String> {
    let name = &record.identity.name;
    if let Some((host, _)) = resource.peers.iter().find(|(_, peer)| peer.primary) {
        return Some(format!("volume {name} is still in use on {host}"));
    }
    if resource.suspended || !resource.quorum {
        let hosts = resource.peers.iter();
        let lost = hosts.filter(|(_, peer)| !peer.connection.is_up());
        let lost: Vec<&str> = lost.map(|(host, _)| host.as_str()).collect();
        return Some(format!(
            "too few hosts of volume {name} are in reach of {}; out of reach: {}",
            here.me,
            lost.join(" and ")
        ));
    }
    if record.identity.module == Module::Drbd9
        && !resource.primary
        && let Some(host) = resource.agreeing_with().next()
    {
        // Used now, it might send the other nothing but marks.
        return Some(format!(
            "{} and {host} are finding out how their copies of volume {name} differ",
            here.me
        ));
    }
    if record.identity.module == Module::Drbd9 && !resource.primary && seen.nothing_came {
        // Its first write might wait for a resync that stands still.
        return Some(format!(
            "the copy of volume {name} on {} is being filled, and nothing has come yet",
            here.me
        ));
    }
    let elsewhere = |peer: &Peer| peer.connection.is_up() && peer.disk == DiskState::UpToDate;
    let readable = resource.disk == DiskState::UpToDate
        || (record.identity.module == Module::Drbd9 && resource.peers.values().any(elsewhere));
    let view = view(record, here, seen)?;
    if !readable && !view.up_to_date {
        return Some(match kind {
            PartKind::Copy => format!(
                "the copy of volume {name} on {} is not up to date ({:?}), and no host with a good one is in reach",
                here.me, resource.disk
            ),
            PartKind::Diskless | PartKind::Gone => format!(
                "{} has no copy of volume {name}, and no host with a good one is in reach",
                here.me
            ),
        });
    }
    if record.identity.module == Module::Drbd84
        && !resource.primary
        && let Err(refusal) = lease::acquire(&record.state, &view)
    {
        return Some(format!("volume {name}: {refusal}"));
    }
    None
}

/// The next step after a container ended.
pub fn to_unmount(seen: &Seen) -> Next {
    if seen.users > 0 {
        return Next::Done;
    }
    if seen.mount.is_some() {
        return match &seen.resource {
            // Unmounting writes, so it would hang in the kernel, and whoever does it.
            Some(resource) if resource.suspended => Next::Wait(
                "its I/O is frozen until enough hosts are there, so it can't be unmounted".into(),
            ),
            _ => Next::Do(Step::Unmount),
        };
    }
    match &seen.resource {
        Some(resource) if resource.primary && !resource.suspended => Next::Do(Step::Demote),
        _ => Next::Done,
    }
}

#[cfg(test)]
mod tests;
