//! From blank copies to a file system, once in the life of a volume.

use std::collections::BTreeSet;

use super::copies::first_copy;
use super::{Here, Next, Seen, Step, view};
use crate::lease;
use crate::record::{Birth, Module, Record};
use crate::seen::{Connection, DiskState, Resource};

/// A host without a copy has no part in it.
pub(super) fn wait(record: &Record, _: &Here<'_>, _: &Seen) -> Option<Next> {
    let born = record.state.birth == Birth::Formatted;
    (!born).then(|| Next::Wait("the hosts with copies make the file system".into()))
}

/// The next step of birth.
pub(super) fn next(record: &Record, here: &Here<'_>, seen: &Seen) -> Option<Next> {
    let resource = seen.resource.as_ref()?;
    Some(match &record.state.birth {
        Birth::Unborn => unborn(record, here, resource),
        Birth::Minting(host) => minting(record, here, resource, host),
        Birth::Minted | Birth::Formatting(_) => minted(record, here, seen, resource),
        Birth::Formatted => return None,
    })
}

fn write(record: &Record, birth: Birth) -> Next {
    Next::Do(Step::Write(Box::new(
        record.state.changed(|next| next.birth = birth),
    )))
}

/// The copies of other hosts that are not connected and in this state.
fn others_not(
    record: &Record,
    here: &Here<'_>,
    resource: &Resource,
    disk: DiskState,
) -> Vec<String> {
    let others = record.state.copies().filter(|host| *host != here.me);
    let unlike = others.filter(|host| {
        let peer = resource.peers.get(*host);
        !peer.is_some_and(|peer| peer.connection == Connection::Connected && peer.disk == disk)
    });
    unlike.map(str::to_owned).collect()
}

/// Connect first, then mint: two copies that are given generations apart never fit together again.
fn unborn(record: &Record, here: &Here<'_>, resource: &Resource) -> Next {
    if resource.disk != DiskState::Inconsistent {
        return Next::Stuck(format!(
            "the copy of volume {} on {} has a generation that the swarm's record knows nothing of ({:?}); if the record was lost, `hive doctor volumes` tells how to keep the data",
            record.identity.name, here.me, resource.disk
        ));
    }
    let missing = others_not(record, here, resource, DiskState::Inconsistent);
    if !missing.is_empty() {
        return Next::Wait(format!(
            "the first generation waits for the copy on {}",
            missing.join(" and ")
        ));
    }
    match first_copy(record) {
        Some(first) if first == here.me => write(record, Birth::Minting(first.to_owned())),
        first => Next::Wait(format!(
            "{} mints the first generation",
            first.unwrap_or("nobody")
        )),
    }
}

fn minting(record: &Record, here: &Here<'_>, resource: &Resource, host: &str) -> Next {
    if resource.disk == DiskState::UpToDate {
        // It reached this host, whoever minted it.
        let mut current = BTreeSet::from([here.me.to_owned()]);
        let lacking = others_not(record, here, resource, DiskState::UpToDate);
        let others = record.state.copies().filter(|host| *host != here.me);
        current.extend(
            others
                .map(str::to_owned)
                .filter(|host| !lacking.contains(host)),
        );
        let pair = record.identity.module == Module::Drbd84;
        let epoch = here.epoch;
        let state = record.state.changed(|next| {
            next.birth = Birth::Minted;
            if pair {
                next.lease.current = current;
                next.lease.epoch = epoch;
            }
        });
        return Next::Do(Step::Write(Box::new(state)));
    }
    let missing = others_not(record, here, resource, DiskState::Inconsistent);
    let mine = host == here.me;
    let orphaned = record.state.part(host).is_none() && first_copy(record) == Some(here.me);
    match (mine || orphaned, missing.is_empty()) {
        (false, _) => Next::Wait(format!("{host} mints the first generation")),
        (true, false) => Next::Wait(format!(
            "the first generation waits for the copy on {}",
            missing.join(" and ")
        )),
        (true, true) if mine => Next::Do(Step::Mint),
        (true, true) => write(record, Birth::Minting(here.me.to_owned())),
    }
}

/// Promote, and only then look whether it is still unformatted.
fn minted(record: &Record, here: &Here<'_>, seen: &Seen, resource: &Resource) -> Next {
    if resource.disk != DiskState::UpToDate {
        return Next::Wait("this copy is being filled".into());
    }
    if let Some((host, _)) = resource.peers.iter().find(|(_, peer)| peer.primary) {
        return Next::Wait(format!("{host} makes the file system"));
    }
    let fit = |host: &str| {
        host == here.me
            || resource.peers.get(host).is_some_and(|peer| {
                peer.connection == Connection::Connected && peer.disk == DiskState::UpToDate
            })
    };
    let hosts = record.state.present().filter(|(host, _)| fit(host));
    let copies: BTreeSet<&str> = record.state.copies().collect();
    let first = hosts
        .filter(|(host, _)| copies.contains(host))
        .min_by_key(|(_, part)| part.node_id)
        .map(|(host, _)| host);
    if !resource.primary && first != Some(here.me) {
        return Next::Wait(format!(
            "{} makes the file system",
            first.unwrap_or("nobody")
        ));
    }
    if resource.suspended || !resource.quorum {
        return Next::Wait("the file system waits until enough hosts are there".into());
    }
    if resource.primary {
        return Next::Do(Step::Format);
    }
    if record.identity.module == Module::Drbd84
        && let Some(view) = view(record, here, seen)
        && let Err(refusal) = lease::acquire(&record.state, &view)
    {
        return Next::Wait(refusal.to_string());
    }
    Next::Do(Step::Promote)
}
