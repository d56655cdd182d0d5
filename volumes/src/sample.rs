//! Records for tests.

use std::collections::{BTreeMap, BTreeSet};

use crate::file_system::FileSystem;
use crate::lease::Lease;
use crate::name::VolumeName;
use crate::record::document::RECORD_VERSION;
use crate::record::{Birth, Identity, Module, OnNoQuorum, Part, PartKind, Record, State};

pub(crate) fn name(name: &str) -> VolumeName {
    VolumeName::new(name).unwrap()
}

fn identity(volume: &str, id: u8, module: Module) -> Identity {
    Identity {
        version: RECORD_VERSION,
        name: name(volume),
        birthmark: format!("{id:016x}"),
        id,
        file_system: FileSystem::Xfs,
        group: "drbdvg".into(),
        pool: "drbdpool".into(),
        module,
        peers: if module == Module::Drbd9 { 7 } else { 1 },
        secret: "hive.volume-secret".into(),
    }
}

fn record(identity: Identity, parts: &[PartKind], lease: Lease) -> Record {
    let hosts = parts.iter().enumerate().map(|(number, kind)| {
        let node_id = number as u8;
        let kind = *kind;
        (format!("p-hive{number}"), Part { node_id, kind })
    });
    Record {
        identity,
        state: State {
            turn: 5,
            size: 1 << 30,
            on_no_quorum: OnNoQuorum::IoError,
            hosts: hosts.collect::<BTreeMap<_, _>>(),
            birth: Birth::Formatted,
            lease,
            removal: None,
        },
        config: "c1".into(),
        version: 7,
    }
}

/// DRBD 9 on three hosts, the third without a copy.
pub(crate) fn mesh(name: &str, id: u8) -> Record {
    let parts = [PartKind::Copy, PartKind::Copy, PartKind::Diskless];
    record(identity(name, id, Module::Drbd9), &parts, Lease::default())
}

/// DRBD 8.4 on two hosts.
pub(crate) fn pair(name: &str, id: u8) -> Record {
    let current = ["p-hive0", "p-hive1"].map(str::to_owned);
    let lease = Lease {
        holder: None,
        current: BTreeSet::from(current),
        epoch: 0,
    };
    let parts = [PartKind::Copy, PartKind::Copy];
    record(identity(name, id, Module::Drbd84), &parts, lease)
}
