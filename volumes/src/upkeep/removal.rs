//! Taking a volume away: what uses it first, what it is made of last, and the record when no host has
//! anything of it any more. A host that was off meanwhile finds the record, and does the same.

use super::{Backing, DockerVolume, Here, Next, Seen, Step};
use crate::record::Record;

/// The next step of removal.
pub(super) fn next(record: &Record, here: &Here<'_>, seen: &Seen) -> Next {
    let identity = &record.identity;
    if record.state.part(here.me).is_none() {
        return forget(record).unwrap_or(Next::Settled);
    }
    if seen.mount.is_some() || seen.users > 0 {
        return Next::Wait(format!(
            "volume {} is in use on {}; its removal waits until the containers have ended",
            identity.name, here.me
        ));
    }
    let mut peers = seen.resource.iter().flat_map(|resource| &resource.peers);
    if let Some((host, _)) = peers.find(|(_, peer)| peer.primary) {
        return Next::Wait(format!("it is in use on {host}"));
    }
    if seen.docker == DockerVolume::Ours {
        return Next::Do(Step::RemoveDockerVolume);
    }
    if let Some(resource) = &seen.resource {
        return Next::Do(match resource.primary && !resource.suspended {
            true => Step::Demote,
            false => Step::Down,
        });
    }
    let ours = |backing: &Backing| backing.tags.contains(&identity.tag());
    if seen.backing.as_ref().is_some_and(ours) {
        return Next::Do(Step::RemoveBacking);
    }
    if seen.file.is_some() {
        return Next::Do(Step::RemoveFile);
    }
    let done = record.state.removal.as_ref();
    if done.is_some_and(|done| !done.contains(here.me)) {
        let state = record.state.changed(|next| {
            let done = next.removal.get_or_insert_default();
            done.insert(here.me.to_owned());
        });
        return Next::Do(Step::Write(Box::new(state)));
    }
    forget(record).unwrap_or_else(|| {
        let done = record.state.removal.clone().unwrap_or_default();
        let hosts = record.state.present().map(|(host, _)| host);
        let left: Vec<&str> = hosts.filter(|host| !done.contains(*host)).collect();
        Next::Wait(format!(
            "it is still to be removed from {}",
            left.join(" and ")
        ))
    })
}

fn forget(record: &Record) -> Option<Next> {
    let done = record.state.removal.as_ref()?;
    let all = record.state.present().all(|(host, _)| done.contains(host));
    all.then_some(Next::Do(Step::Forget))
}
