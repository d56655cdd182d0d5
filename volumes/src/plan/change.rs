//! Volumes that are there: they grow, and hosts come and go.

use std::collections::{BTreeMap, BTreeSet};

use super::create::room;
use super::{Action, Refusal, Site, Wanted, placement, refusal};
use crate::bytes::Bytes;
use crate::file_system::FileSystem;
use crate::record::{HIGHEST_NODE_ID, Identity, Module, Part, PartKind, Record};

/// What may change of a volume: it grows, and hosts come and go.
pub(super) fn change(
    want: &Wanted,
    file_system: FileSystem,
    site: &Site,
    loads: &mut BTreeMap<String, u64>,
    record: &Record,
) -> Result<Action, Refusal> {
    let Record {
        identity, state, ..
    } = record;
    refusal::of_change(want, file_system, site, record)?;
    let mut hosts = state.hosts.clone();
    let mut changes = Vec::new();
    if site.module == Module::Drbd9 {
        for (host, hive) in &site.hosts {
            if state.part(host).is_some() {
                continue;
            }
            let kind = match hive.disk.is_some() && !want.diskless.contains(host) {
                true => PartKind::Copy,
                false => PartKind::Diskless,
            };
            join(host, kind, identity, &mut hosts)?;
            changes.push(format!("{host} takes part"));
        }
    }
    for (host, part) in &mut hosts {
        if part.kind != PartKind::Gone && !site.hosts.contains_key(host) {
            part.kind = PartKind::Gone;
            changes.push(format!("{host} is left out"));
        }
    }
    let stay: Vec<String> = hosts
        .iter()
        .filter(|(_, part)| part.kind == PartKind::Copy)
        .map(|(host, _)| host.clone())
        .collect();
    let current = &state.lease.current;
    if stay.is_empty() || (!current.is_empty() && !stay.iter().any(|host| current.contains(host))) {
        return Err(Refusal::LastCopy {
            name: identity.name.clone(),
        });
    }
    if let (Module::Drbd84, [stays]) = (site.module, stay.as_slice()) {
        let fit = site
            .hosts
            .iter()
            .filter(|(host, hive)| hive.disk.is_some() && !want.diskless.contains(*host));
        let fit = fit.map(|(host, _)| host.as_str());
        if let Some(second) = placement::second(site, fit, loads, stays) {
            join(&second, PartKind::Copy, identity, &mut hosts)?;
            changes.push(format!("{second} gets a copy"));
            *loads.entry(second).or_default() += want.size;
        }
    }
    let present = hosts.iter().filter(|(_, part)| part.kind != PartKind::Gone);
    let kinds = present
        .map(|(host, part)| (host.clone(), part.kind))
        .collect();
    if want.size > state.size {
        room(identity, want.size, &kinds, site)?;
        let (before, after) = (Bytes(state.size), Bytes(want.size));
        changes.insert(0, format!("grows from {before} to {after}"));
    }
    if site.on_no_quorum != state.on_no_quorum {
        changes.push("another behaviour without a majority".to_owned());
    }
    if changes.is_empty() {
        return Ok(Action::Unchanged);
    }
    let next = state.changed(|next| {
        next.size = want.size;
        next.on_no_quorum = site.on_no_quorum;
        next.lease.current.retain(|host| {
            let part = hosts.get(host);
            part.is_some_and(|part| part.kind == PartKind::Copy)
        });
        next.hosts = hosts;
    });
    Ok(Action::Change {
        record: Box::new(record.clone()),
        state: Box::new(next),
        changes,
    })
}

/// A host takes part: with the number that it had, or the lowest that nobody had.
fn join(
    host: &str,
    kind: PartKind,
    identity: &Identity,
    hosts: &mut BTreeMap<String, Part>,
) -> Result<(), Refusal> {
    let full = || Refusal::ManyHosts {
        name: identity.name.clone(),
    };
    let node_id = match hosts.get(host) {
        Some(before) => before.node_id,
        None => {
            let taken: BTreeSet<u8> = hosts.values().map(|part| part.node_id).collect();
            let free = (0..=HIGHEST_NODE_ID).find(|id| !taken.contains(id));
            free.ok_or_else(full)?
        }
    };
    hosts.insert(host.to_owned(), Part { node_id, kind });
    // Who is gone keeps a place in the others' meta data, too; DRBD 8.4 has one place and no names on it.
    let places = hosts.values().filter(|part| match identity.module {
        Module::Drbd9 => part.kind != PartKind::Diskless,
        Module::Drbd84 => part.kind == PartKind::Copy,
    });
    match places.count() <= usize::from(identity.peers) + 1 {
        true => Ok(()),
        false => Err(full()),
    }
}
