//! Volumes that are new.

use std::collections::BTreeMap;

use super::{Disk, Refusal, Site, Wanted, placement};
use crate::file_system::FileSystem;
use crate::lease::Lease;
use crate::name::VolumeName;
use crate::record::document::RECORD_VERSION;
use crate::record::{Birth, HIGHEST_NODE_ID, Identity, Module, Part, PartKind, State};

/// Meta data of DRBD 9 have room for as many peers, unless the site has more hives already: growing
/// it later means a full resync of each copy.
const ROOM_FOR_PEERS: u8 = 7;

/// A volume that is new. It counts in `loads` from then on.
pub(super) fn create(
    want: &Wanted,
    name: &VolumeName,
    file_system: FileSystem,
    site: &Site,
    loads: &mut BTreeMap<String, u64>,
    birthmark: String,
) -> Result<(Identity, State), Refusal> {
    let id = u8::try_from(want.id).ok().filter(|id| *id > 0);
    let id = id.ok_or_else(|| Refusal::Id {
        name: name.clone(),
        id: want.id,
    })?;
    let fit: BTreeMap<&str, &Disk> = site
        .hosts
        .iter()
        .filter(|(host, _)| !want.diskless.contains(*host))
        .filter_map(|(host, hive)| Some((host.as_str(), hive.disk.as_ref()?)))
        .collect();
    let Some(disk) = fit.values().next() else {
        return Err(Refusal::NoCopy { name: name.clone() });
    };
    let group = want.group.clone().unwrap_or_else(|| disk.group.clone());
    let kinds: BTreeMap<String, PartKind> = match site.module {
        Module::Drbd9 => {
            let kind = |host: &String| match fit.contains_key(host.as_str()) {
                true => PartKind::Copy,
                false => PartKind::Diskless,
            };
            let hosts = site.hosts.keys();
            hosts.map(|host| (host.clone(), kind(host))).collect()
        }
        Module::Drbd84 => placement::pair(site, fit.keys().copied(), loads)
            .into_iter()
            .map(|host| (host, PartKind::Copy))
            .collect(),
    };
    let copies = kinds.values().filter(|kind| **kind == PartKind::Copy);
    let copies = copies.count();
    let others = u8::try_from(copies.saturating_sub(1)).unwrap_or(u8::MAX);
    if kinds.len() > usize::from(HIGHEST_NODE_ID) + 1 {
        return Err(Refusal::ManyHosts { name: name.clone() });
    }
    let identity = Identity {
        version: RECORD_VERSION,
        name: name.clone(),
        birthmark,
        id,
        file_system,
        group,
        pool: disk.pool.clone(),
        module: site.module,
        peers: match site.module {
            Module::Drbd9 => others.max(ROOM_FOR_PEERS),
            Module::Drbd84 => 1,
        },
        secret: site.secret.clone(),
    };
    room(&identity, want.size, &kinds, site)?;
    for (host, _) in kinds.iter().filter(|(_, kind)| **kind == PartKind::Copy) {
        *loads.entry(host.clone()).or_default() += want.size;
    }
    let parts = kinds.into_iter().zip(0..=HIGHEST_NODE_ID);
    let parts = parts.map(|((host, kind), node_id)| (host, Part { node_id, kind }));
    let state = State {
        turn: 0,
        size: want.size,
        on_no_quorum: site.on_no_quorum,
        hosts: parts.collect(),
        birth: Birth::Unborn,
        lease: Lease::default(),
        removal: None,
    };
    Ok((identity, state))
}

/// A volume that can't ever be filled is no volume. That all together are larger than the pool is what
/// thin pools are for, and shown elsewhere.
pub(super) fn room(
    identity: &Identity,
    size: u64,
    kinds: &BTreeMap<String, PartKind>,
    site: &Site,
) -> Result<(), Refusal> {
    let needed = identity.backing_size(size);
    for (host, _) in kinds.iter().filter(|(_, kind)| **kind == PartKind::Copy) {
        let disk = site.hosts.get(host).and_then(|hive| hive.disk.as_ref());
        // The pool of another group than the site's is not known here; LVM refuses what is too large.
        let disk = disk.filter(|disk| disk.group == identity.group);
        if let Some(bytes) = disk.and_then(|disk| disk.bytes)
            && needed > bytes
        {
            return Err(Refusal::TooLarge {
                name: identity.name.clone(),
                needed,
                host: host.clone(),
                pool: bytes,
            });
        }
    }
    Ok(())
}
