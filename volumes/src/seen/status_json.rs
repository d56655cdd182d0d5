//! `drbdsetup status --json` of DRBD 9.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Connection, Peer, Resource, SeenError, connection, disk_state, primary};

// Releases add fields, so what is not needed is passed over.
#[derive(Deserialize)]
struct Told {
    name: String,
    role: String,
    #[serde(default)]
    suspended: Suspended,
    #[serde(default)]
    devices: Vec<Device>,
    #[serde(default)]
    connections: Vec<Connected>,
}

/// A yes or no, or in some releases the reasons.
#[derive(Deserialize)]
#[serde(untagged)]
enum Suspended {
    Plain(bool),
    Words(String),
}

impl Default for Suspended {
    fn default() -> Self {
        Self::Plain(false)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Device {
    disk_state: String,
    #[serde(default = "yes")]
    quorum: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Connected {
    name: String,
    connection_state: String,
    #[serde(default)]
    peer_role: String,
    #[serde(default, rename = "peer_devices")]
    peer_devices: Vec<PeerDevice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PeerDevice {
    replication_state: String,
    peer_disk_state: String,
    /// KiB.
    #[serde(default)]
    out_of_sync: u64,
}

/// The resources that are up, by name.
///
/// # Errors
/// Not of that shape, or with words of a later release.
pub fn read(text: &str) -> Result<BTreeMap<String, Resource>, SeenError> {
    let told: Vec<Told> = serde_json::from_str(text)?;
    told.into_iter()
        .map(|told| Ok((told.name.clone(), resource(told)?)))
        .collect()
}

fn resource(told: Told) -> Result<Resource, SeenError> {
    let device = told.devices.first();
    let peers = told.connections.into_iter();
    let peers = peers.map(|c| Ok((c.name.clone(), peer(c)?)));
    Ok(Resource {
        primary: primary(&told.role)?,
        disk: disk_state(device.map_or("Diskless", |d| &d.disk_state))?,
        suspended: match told.suspended {
            Suspended::Plain(yes) => yes,
            Suspended::Words(words) => words != "no",
        },
        quorum: device.is_none_or(|d| d.quorum),
        peers: peers.collect::<Result<_, SeenError>>()?,
    })
}

fn peer(told: Connected) -> Result<Peer, SeenError> {
    let device = told.peer_devices.first();
    let state = match connection(&told.connection_state)? {
        Connection::Connected => device.map_or(Ok(Connection::Connected), |d| {
            connection(&d.replication_state)
        })?,
        state => state,
    };
    Ok(Peer {
        connection: state,
        primary: told.peer_role == "Primary",
        disk: disk_state(device.map_or("DUnknown", |d| &d.peer_disk_state))?,
        out_of_sync: device.map_or(0, |d| d.out_of_sync.saturating_mul(1024)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::DiskState;
    use super::*;

    const THREE: &str = include_str!("../../tests/fixtures/status-9.json");

    #[test]
    fn three_hosts_one_of_them_lost() {
        let all = read(THREE).unwrap();
        let web = &all["web"];
        assert!(web.primary && web.quorum && !web.suspended);
        assert_eq!(web.disk, DiskState::UpToDate);
        let filling = &web.peers["p-hive1"];
        assert_eq!(filling.connection, Connection::SyncSource);
        assert_eq!(filling.disk, DiskState::Inconsistent);
        assert_eq!(filling.out_of_sync, 4096 * 1024);
        let lost = &web.peers["p-hive2"];
        assert_eq!(lost.connection, Connection::Trying);
        assert_eq!(lost.disk, DiskState::Unknown);
        assert!(!lost.primary);
    }

    #[test]
    fn nothing_is_up() {
        assert!(read("[]\n").unwrap().is_empty());
    }

    #[test]
    fn reasons_to_wait_may_be_words() {
        let words = THREE.replacen("\"suspended\": false", "\"suspended\": \"quorum\"", 1);
        assert!(read(&words).unwrap()["web"].suspended);
        let no = THREE.replacen("\"suspended\": false", "\"suspended\": \"no\"", 1);
        assert!(!read(&no).unwrap()["web"].suspended);
    }

    #[test]
    fn a_word_of_a_later_release_is_named() {
        let later = THREE.replacen("UpToDate", "Marvellous", 1);
        let error = read(&later).unwrap_err().to_string();
        assert!(error.contains("\"Marvellous\" of a disk"), "{error}");
    }
}
