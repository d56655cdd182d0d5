//! A host's copy, its connections, its size, and who may use it.

use super::{Against, BLANK, Here, Next, Seen, Step, view};
use crate::lease;
use crate::record::{Birth, Module, Part, PartKind, Record};
use crate::seen::{Connection, DiskState, Resource};

/// The logical volume: ours, large enough, with meta data.
pub(super) fn backing(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    let identity = &record.identity;
    let bytes = identity.backing_size(record.state.size);
    let Some(backing) = &seen.backing else {
        if seen
            .resource
            .as_ref()
            .is_some_and(|r| r.disk != DiskState::Diskless)
        {
            return Some(Next::Wait(format!(
                "{} is in use and LVM does not show it; looking again",
                identity.backing()
            )));
        }
        return Some(Next::Do(Step::CreateBacking { bytes }));
    };
    if !backing.tags.contains(&identity.tag()) {
        let whose = match backing.tags.iter().any(|t| t.starts_with("hive.volume.")) {
            true => "an earlier volume of that name",
            false => "something that hive did not make",
        };
        let path = identity.backing();
        let (group, name) = (&identity.group, &identity.name);
        return Some(Next::Stuck(format!(
            "{path} on {} is {whose}, and stays as it is; move it away with `lvrename {group} {name} {name}-old`, or remove it with `lvremove {group}/{name}`",
            here.me
        )));
    }
    if !backing.active {
        return Some(Next::Do(Step::Activate));
    }
    if backing.bytes < bytes {
        return Some(Next::Do(Step::ExtendBacking { bytes }));
    }
    // The file is first: DRBD's programs find the logical volume by it.
    if seen.file.as_deref() != Some(here.file) {
        return Some(Next::Do(Step::WriteFile));
    }
    if !backing.tags.iter().any(|tag| tag == BLANK) {
        return None;
    }
    match &seen.resource {
        None => Some(Next::Do(Step::CreateMetaData)),
        // Made anew when it is not used any more.
        Some(resource) if resource.primary => None,
        Some(_) => Some(Next::Do(Step::Down)),
    }
}

/// Whether a resource that is up has this host's copy, if the host has one. Whoever brings a resource up may be
/// stopped half-way: it is there then, without a disk.
pub fn is_attached(record: &Record, me: &str, resource: &Resource) -> bool {
    let copy = record.state.part(me).map(|part| part.kind) == Some(PartKind::Copy);
    !copy || resource.disk != DiskState::Diskless
}

/// The resource: as in its file, and attached.
pub(super) fn up(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    if seen.file.as_deref() != Some(here.file) {
        return Some(Next::Do(Step::WriteFile));
    }
    let Some(resource) = &seen.resource else {
        return Some(Next::Do(Step::Adjust));
    };
    let others = record.state.present().filter(|(host, _)| *host != here.me);
    let missing = others.filter(|(host, _)| !resource.peers.contains_key(*host));
    let detached = !is_attached(record, here.me, resource);
    let strangers = resource.peers.len() >= record.state.present().count();
    (missing.count() > 0 || detached || strangers).then_some(Next::Do(Step::Adjust))
}

/// A copy that does not come to agree with a peer on what differs. With a new connection DRBD would forget what is marked,
/// and what is written meanwhile reaches the other as marks only: so the copy that is not in use is filled anew, and what
/// it was worth is not relied upon. While that is not certain, nothing else is done to its connections.
pub(super) fn half_agreed(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    let resource = seen.resource.as_ref()?;
    let fit = record.identity.module == Module::Drbd9
        && record.state.birth == Birth::Formatted
        && !resource.primary
        && seen.mount.is_none();
    if !fit {
        return None;
    }
    if seen.half_agreed.is_some() {
        return Some(Next::Do(Step::MakeAnew));
    }
    let peer = resource.agreeing_with().next()?;
    Some(Next::Wait(format!(
        "{} and {peer} are finding out what differs",
        here.me
    )))
}

/// A connection that was given up: both sides found that their data went different ways, or DRBD 9 stumbled over
/// itself, as it was seen to when a resync began on a slow host. DRBD refuses again
/// where data went different ways; with 8.4 Raft has to be asked first. What is marked between copies of one generation
/// DRBD 9 forgets: after that stumble it is what another host has filled meanwhile, and a copy that only half agrees with
/// another has been seen to before.
pub(super) fn connections(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    let resource = seen.resource.as_ref()?;
    let alone = resource
        .peers
        .iter()
        .find(|(_, peer)| peer.connection == Connection::StandAlone)?;
    if record.identity.module == Module::Drbd9 {
        return Some(Next::Do(Step::ConnectAgain));
    }
    let state = &record.state;
    if lease::void(state, here.me, here.epoch) && !resource.primary {
        return Some(Next::Do(Step::ConnectAndDiscard));
    }
    // The side whose copy is void connects; this one has to be ready for it.
    if state.lease.epoch == here.epoch && state.lease.current.contains(here.me) {
        return Some(Next::Do(Step::Adjust));
    }
    Some(Next::Stuck(format!(
        "{} and {} do not connect, because each has writes of volume {} that the other lacks, or another secret; `hive doctor volumes` tells whose to keep",
        here.me, alone.0, record.identity.name
    )))
}

/// A resync that stands still, of this copy, which nobody here uses. The peer does not use the volume either, so no majority
/// is touched. With two copies the other one is used as a rule, and there is no third to go on with. Under who uses the
/// volume nothing is done: what DRBD makes of a new connection with a copy that lacks blocks and is written to is not
/// known. The others are whole, so a person can have the volume used there.
pub(super) fn standstill(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    let (resource, peer) = (seen.resource.as_ref()?, seen.stands_still.as_ref()?);
    if record.identity.module != Module::Drbd9 {
        return None;
    }
    Some(match resource.primary {
        true => Next::Stuck(format!(
            "the copy of volume {} on {} is used and lacks blocks, and for a minute or more next to nothing has come from {peer}, so that writes to them may wait for ever; have its service run on another host, and if its container does not end, restart {}",
            record.identity.name, here.me, here.me
        )),
        false => Next::Do(Step::ConnectAnew {
            peer: peer.clone(),
            against: Against::Standstill,
        }),
    })
}

/// The device: as large as the record says.
pub(super) fn device_size(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    let resource = seen.resource.as_ref()?;
    if record.state.birth != Birth::Formatted || seen.device? >= record.state.size {
        return None;
    }
    // One does it: the one that uses it, so that the file system can follow at once.
    let elsewhere = record
        .state
        .copies()
        .find(|host| resource.peers.get(*host).is_some_and(|peer| peer.primary));
    let actor = match resource.primary {
        true => Some(here.me),
        false => elsewhere.or(first_copy(record)),
    };
    Some(if !all_whole(record, here, resource) {
        Next::Wait("growing waits until all hosts are connected and up to date".into())
    } else if actor != Some(here.me) {
        Next::Wait(format!("{} makes it larger", actor.unwrap_or("nobody")))
    } else if !resource.primary && !resource.peers.values().any(|peer| peer.primary) {
        // What is new is written to, and nobody else does it: a host without a copy would, as it uses the volume.
        Next::Do(Step::Promote)
    } else {
        Next::Do(Step::Resize)
    })
}

/// Whether all hosts are connected, nothing is being filled, and all copies are up to date.
fn all_whole(record: &Record, here: &Here<'_>, resource: &Resource) -> bool {
    whole_without(&[here.me], record, resource)
}

/// Whether the copy of `me` keeps its majority and a second copy that is whole, with nothing marked as different, while
/// the one of `other` is gone for a moment.
pub fn spares(record: &Record, me: &str, other: &str, resource: &Resource) -> bool {
    let second = record
        .state
        .copies()
        .any(|host| host != me && host != other);
    let mut others = resource.peers.iter().filter(|(host, _)| *host != other);
    second
        && resource.quorum
        && whole_without(&[me, other], record, resource)
        && others.all(|(_, peer)| peer.out_of_sync == 0)
}

/// The same of this copy and all hosts but these.
fn whole_without(hosts: &[&str], record: &Record, resource: &Resource) -> bool {
    let others = record.state.present();
    let mut others = others.filter(|(host, _)| !hosts.contains(host));
    let whole = |(host, part): (&str, Part)| {
        resource.peers.get(host).is_some_and(|peer| {
            let complete = part.kind != PartKind::Copy || peer.disk == DiskState::UpToDate;
            peer.connection == Connection::Connected && complete
        })
    };
    resource.disk == DiskState::UpToDate && others.all(whole)
}

/// Marks that a resync left over, while the volume is in use. If the peer uses it, this copy gets the marked blocks of the
/// peer's; if this host does, the peer's copy gets those of this one's. If it is a third one, from which neither of the
/// two differs, nothing is to be filled, and DRBD forgets the marks with a new connection; filling would leave new ones
/// towards the third while it is written to. While nobody uses the volume, this waits.
pub(super) fn left_over(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    let (resource, peer) = (seen.resource.as_ref()?, seen.left_over.as_ref()?);
    let fit = record.identity.module == Module::Drbd9
        && record.state.birth == Birth::Formatted
        && all_whole(record, here, resource);
    let user = match resource.primary {
        true => here.me,
        false => resource.user()?,
    };
    let peer = peer.clone();
    let step = if user == here.me {
        Step::GiveMarked { peer }
    } else if user == peer {
        Step::FillMarked { peer }
    } else {
        Step::ConnectAnew {
            peer,
            against: Against::Marks,
        }
    };
    fit.then_some(Next::Do(step))
}

/// The file system: as large as its device.
pub(super) fn file_system_size(_: &Record, _: &Here<'_>, seen: &Seen) -> Option<Next> {
    let grows = seen.mount?.grown_to < seen.device?;
    grows.then_some(Next::Do(Step::GrowFileSystem))
}

/// Nobody uses it here, so it is free for others.
pub(super) fn idle(record: &Record, _: &Here<'_>, seen: &Seen) -> Option<Next> {
    let resource = seen.resource.as_ref()?;
    let born = record.state.birth == Birth::Formatted;
    let unused = seen.mount.is_none() && seen.users == 0 && resource.primary;
    (born && unused && !resource.suspended).then_some(Next::Do(Step::Demote))
}

/// What Raft has to know of a pair.
pub(super) fn lease(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    if record.identity.module != Module::Drbd84 {
        return None;
    }
    let resource = seen.resource.as_ref()?;
    let view = view(record, here, seen)?;
    let write = |state| Next::Do(Step::Write(Box::new(state)));
    let state = &record.state;
    if !resource.primary
        && seen.users == 0
        && let Some(next) = lease::release(state, here.me)
    {
        return Some(write(next));
    }
    // One that went on through `hive recover`, or while another host held it for a moment.
    let unheld = state.lease.epoch != here.epoch || state.lease.holder.is_none();
    if resource.primary
        && unheld
        && let Ok(next) = lease::acquire(state, &view)
    {
        return Some(write(next));
    }
    lease::admit(state, &view).map(write)
}

/// The host with the lowest node id that keeps a copy: it acts where one has to.
pub(super) fn first_copy(record: &Record) -> Option<&str> {
    let copies = record.state.present();
    copies
        .filter(|(_, part)| part.kind == PartKind::Copy)
        .min_by_key(|(_, part)| part.node_id)
        .map(|(host, _)| host)
}
