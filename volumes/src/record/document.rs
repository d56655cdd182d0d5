//! A volume as a docker config: the identity as JSON in its data, the state as JSON in a label.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Identity, PartKind, Record, State};
use crate::lease::Lease;
use crate::name::VolumeName;
use crate::record::Module;

/// The version of both documents.
pub const RECORD_VERSION: u32 = 1;
/// Configs of volumes have names that start so.
pub const CONFIG_PREFIX: &str = "hive.volume.";
/// The label that holds the state.
pub const STATE_LABEL: &str = "hive.volume.state";
/// The label that holds the state's version.
pub const VERSION_LABEL: &str = "hive.volume.version";

/// Why a config is not the record of a volume.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Written by another release.
    #[error(
        "the swarm's record {config} has version {found}, this hive reads version {RECORD_VERSION}; use the release that wrote it, or one that upgrades it"
    )]
    Version {
        /// Name of the config.
        config: String,
        /// What it says, `none` without a version.
        found: String,
    },
    /// Not JSON, or not of this shape.
    #[error("the swarm's record {config} does not read as a volume's {part}")]
    Shape {
        /// Name of the config.
        config: String,
        /// `identity` or `state`.
        part: &'static str,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// It contradicts itself.
    #[error(
        "the swarm's record {config} can't be used: {what}; `docker config inspect {config}` shows it"
    )]
    Nonsense {
        /// Name of the config.
        config: String,
        /// What is wrong with it.
        what: String,
    },
}

/// The name of a volume's config.
pub fn config_name(volume: &VolumeName) -> String {
    format!("{CONFIG_PREFIX}{volume}")
}

/// The data of a volume's config.
///
/// # Errors
/// Never in practice: JSON has room for all that an identity can be.
pub fn data(identity: &Identity) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(identity)
}

/// The labels of a volume's config.
///
/// # Errors
/// Never in practice, as with [`data`].
pub fn labels(state: &State) -> serde_json::Result<BTreeMap<String, String>> {
    Ok(BTreeMap::from([
        (VERSION_LABEL.to_owned(), RECORD_VERSION.to_string()),
        (STATE_LABEL.to_owned(), serde_json::to_string(state)?),
    ]))
}

/// A config as docker tells it.
#[derive(Debug, Clone, Copy)]
pub struct Config<'a> {
    /// Docker's id.
    pub id: &'a str,
    /// Docker's version.
    pub version: u64,
    /// Its name.
    pub name: &'a str,
    /// Its data, without base64.
    pub data: &'a [u8],
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
}

/// Reads the record of a volume. Whoever can't read all of it must not act on it, so what is unknown is an error.
///
/// # Errors
/// Another version, another shape, or parts that contradict each other.
pub fn read(config: Config<'_>) -> Result<Record, DocumentError> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let name = || config.name.to_owned();
    let version = |found: String| {
        let config = name();
        Err(DocumentError::Version { config, found })
    };
    let head: Head = json(config, "identity", config.data)?;
    if head.version != RECORD_VERSION {
        return version(head.version.to_string());
    }
    match config.labels.get(VERSION_LABEL).map(String::as_str) {
        Some(found) if found == RECORD_VERSION.to_string() => {}
        found => return version(found.unwrap_or("none").to_owned()),
    }
    let record = Record {
        identity: json(config, "identity", config.data)?,
        state: json(
            config,
            "state",
            config
                .labels
                .get(STATE_LABEL)
                .map_or(b"" as &[u8], |text| text.as_bytes()),
        )?,
        config: config.id.to_owned(),
        version: config.version,
    };
    match nonsense(&record, config.name) {
        Some(what) => Err(DocumentError::Nonsense {
            config: name(),
            what,
        }),
        None => Ok(record),
    }
}

fn json<T: DeserializeOwned>(
    config: Config<'_>,
    part: &'static str,
    text: &[u8],
) -> Result<T, DocumentError> {
    serde_json::from_slice(text).map_err(|source| DocumentError::Shape {
        config: config.name.to_owned(),
        part,
        source,
    })
}

/// What a record says that can't be, though it has the right shape.
fn nonsense(record: &Record, config: &str) -> Option<String> {
    let Record {
        identity, state, ..
    } = record;
    let wrong = |bad: bool, what: &str| bad.then(|| what.to_owned());
    let mut ids: Vec<u8> = state.hosts.values().map(|part| part.node_id).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).any(|pair| pair[0] == pair[1]);
    let copies = state.copies().count();
    let pair_hosts = state.present().count();
    let mirrored_by_two = identity.module == Module::Drbd84;
    let known = |host: &String| {
        let part = state.hosts.get(host);
        part.is_some_and(|part| part.kind == PartKind::Copy)
    };
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    let birthmark = &identity.birthmark;
    wrong(
        config_name(&identity.name) != config,
        "it is named after another volume",
    )
    .or_else(|| wrong(identity.id == 0, "it has the device id 0"))
    .or_else(|| {
        let well = birthmark.len() == 16 && birthmark.bytes().all(hex);
        wrong(!well, "its birthmark is not 16 hex digits")
    })
    .or_else(|| wrong(copies == 0, "no host keeps a copy"))
    .or_else(|| wrong(twice, "two hosts have the same node id"))
    .or_else(|| {
        wrong(
            mirrored_by_two && (copies > 2 || pair_hosts != copies),
            "DRBD 8.4 keeps copies on one or two hosts, and others have no part",
        )
    })
    .or_else(|| {
        wrong(
            !mirrored_by_two && state.lease != Lease::default(),
            "DRBD 9 needs no lease, and it has one",
        )
    })
    .or_else(|| {
        let stranger = state.lease.current.iter().find(|host| !known(host));
        stranger.map(|host| format!("{host} is current and keeps no copy"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn config<'a>(
        name: &'a str,
        data: &'a [u8],
        labels: &'a BTreeMap<String, String>,
    ) -> Config<'a> {
        Config {
            id: "c1",
            version: 7,
            name,
            data,
            labels,
        }
    }

    #[test]
    fn a_record_goes_into_raft_and_comes_back() {
        for record in [sample::mesh("web", 1), sample::pair("db", 2)] {
            let name = config_name(&record.identity.name);
            let data = data(&record.identity).unwrap();
            let labels = labels(&record.state).unwrap();
            assert_eq!(read(config(&name, &data, &labels)).unwrap(), record);
        }
    }

    /// What was shipped once is read for ever.
    #[test]
    fn version_1_is_read() {
        let data = include_bytes!("../../tests/golden/record-1.json");
        let state = include_str!("../../tests/golden/state-1.json");
        let labels = BTreeMap::from([
            (VERSION_LABEL.to_owned(), "1".to_owned()),
            (STATE_LABEL.to_owned(), state.to_owned()),
        ]);
        let record = read(config("hive.volume.db", data, &labels)).unwrap();
        assert_eq!(record, sample::pair("db", 2));
    }

    #[test]
    fn another_version_is_named() {
        let record = sample::mesh("web", 1);
        let mut labels = labels(&record.state).unwrap();
        let newer = br#"{"version":9,"shape":"unknown"}"#;
        let error = read(config("hive.volume.web", newer, &labels)).unwrap_err();
        assert!(error.to_string().contains("has version 9"), "{error}");
        let same = data(&record.identity).unwrap();
        labels.insert(VERSION_LABEL.to_owned(), "2".to_owned());
        let error = read(config("hive.volume.web", &same, &labels)).unwrap_err();
        assert!(error.to_string().contains("has version 2"), "{error}");
        labels.remove(VERSION_LABEL);
        let error = read(config("hive.volume.web", &same, &labels)).unwrap_err();
        assert!(error.to_string().contains("has version none"), "{error}");
    }

    #[test]
    fn what_is_unknown_or_missing_is_refused() {
        let record = sample::mesh("web", 1);
        let good = data(&record.identity).unwrap();
        let text = String::from_utf8(good.clone()).unwrap();
        let more = text.replacen('{', "{\"color\":1,", 1);
        let labels = labels(&record.state).unwrap();
        assert!(read(config("hive.volume.web", more.as_bytes(), &labels)).is_err());
        let mut without = labels.clone();
        without.remove(STATE_LABEL);
        assert!(read(config("hive.volume.web", &good, &without)).is_err());
    }

    #[test]
    fn contradictions_are_told() {
        let refused = |edit: fn(&mut Record)| {
            let mut record = sample::pair("db", 2);
            edit(&mut record);
            let data = data(&record.identity).unwrap();
            let labels = labels(&record.state).unwrap();
            let refused = read(config("hive.volume.db", &data, &labels));
            refused.unwrap_err().to_string()
        };
        assert!(refused(|r| r.identity.name = sample::name("web")).contains("another volume"));
        assert!(refused(|r| r.identity.id = 0).contains("device id 0"));
        assert!(refused(|r| r.identity.birthmark = "x".into()).contains("16 hex"));
        assert!(
            refused(|r| r.state.hosts.get_mut("p-hive1").unwrap().node_id = 0)
                .contains("same node id")
        );
        assert!(
            refused(|r| r.state.hosts.get_mut("p-hive1").unwrap().kind = PartKind::Diskless)
                .contains("one or two hosts")
        );
        assert!(
            refused(|r| {
                r.state.lease.current.insert("p-hive9".into());
            })
            .contains("p-hive9 is current")
        );
        assert!(refused(|r| r.identity.module = Module::Drbd9).contains("no lease"));
    }
}
