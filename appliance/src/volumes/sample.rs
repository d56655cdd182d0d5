//! Records for tests.

use std::collections::{BTreeMap, BTreeSet};

use hive_volumes::lease::Lease;
use hive_volumes::record::document::RECORD_VERSION;
use hive_volumes::seen::{Connection, DiskState, Peer, Resource};
use hive_volumes::{
    Birth, FileSystem, Identity, Module, OnNoQuorum, Part, PartKind, Record, State, VolumeName,
};

/// DRBD 8.4 on h0 and h1.
pub fn pair(name: &str, id: u8) -> Record {
    let current = ["h0", "h1"].map(str::to_owned);
    let lease = Lease {
        holder: None,
        current: BTreeSet::from(current),
        epoch: 0,
    };
    record(name, id, Module::Drbd84, &[PartKind::Copy; 2], lease)
}

/// DRBD 9 on h0, h1 and, without a copy, h2.
pub fn mesh(name: &str, id: u8) -> Record {
    let parts = [PartKind::Copy, PartKind::Copy, PartKind::Diskless];
    record(name, id, Module::Drbd9, &parts, Lease::default())
}

fn record(name: &str, id: u8, module: Module, parts: &[PartKind], lease: Lease) -> Record {
    let hosts = parts.iter().zip(0..).map(|(kind, node_id)| {
        let kind = *kind;
        (format!("h{node_id}"), Part { node_id, kind })
    });
    Record {
        identity: Identity {
            version: RECORD_VERSION,
            name: VolumeName::new(name).unwrap(),
            birthmark: format!("{id:016x}"),
            id,
            file_system: FileSystem::Xfs,
            group: "drbdvg".into(),
            pool: "drbdpool".into(),
            module,
            peers: 1,
            secret: "hive.volume-secret".into(),
        },
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

/// A resource that is up to date and connected to these hosts.
pub fn resource(peers: &[&str]) -> Resource {
    let peers = peers.iter().map(|host| {
        let peer = Peer {
            connection: Connection::Connected,
            primary: false,
            disk: DiskState::UpToDate,
            out_of_sync: 0,
        };
        ((*host).to_owned(), peer)
    });
    Resource {
        primary: false,
        disk: DiskState::UpToDate,
        suspended: false,
        quorum: true,
        peers: peers.collect(),
    }
}
