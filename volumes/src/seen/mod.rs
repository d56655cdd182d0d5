//! What a host sees of a volume: DRBD's own words, made into types.

pub mod half_agreed;
pub mod history;
pub mod left_over;
pub mod proc_drbd;
pub mod standstill;
pub mod status_json;

use std::collections::BTreeMap;

/// A resource that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Whether it is in use on this host.
    pub primary: bool,
    /// This host's copy.
    pub disk: DiskState,
    /// All I/O waits.
    pub suspended: bool,
    /// Whether this host is with the majority; always, with DRBD 8.4.
    pub quorum: bool,
    /// The other hosts, by short name.
    pub peers: BTreeMap<String, Peer>,
}

impl Resource {
    /// The other host that uses it, if there is one.
    pub fn user(&self) -> Option<&str> {
        let mut users = self.peers.iter().filter(|(_, peer)| peer.primary);
        users.next().map(|(host, _)| host.as_str())
    }

    /// Hosts with which this copy is finding out what differs; none for one that is to be filled anyway.
    pub fn agreeing_with(&self) -> impl Iterator<Item = &str> {
        use DiskState::{Consistent, Outdated, UpToDate};
        let counts = [Outdated, Consistent, UpToDate].contains(&self.disk);
        let agreeing = self
            .peers
            .iter()
            .filter(move |(_, peer)| counts && peer.connection == Connection::Agreeing);
        agreeing.map(|(host, _)| host.as_str())
    }
}

/// Another host, as DRBD sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// How the two speak.
    pub connection: Connection,
    /// Whether it is in use there.
    pub primary: bool,
    /// The copy there.
    pub disk: DiskState,
    /// Bytes that differ, as far as is known.
    pub out_of_sync: u64,
}

/// How two hosts speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Connection {
    /// Not, until somebody says so: they did not agree whose data is newer, or on the secret.
    StandAlone,
    /// Not yet, or not any more; they keep trying.
    Trying,
    /// They are finding out what differs; bitmaps are on their way.
    Agreeing,
    /// Nothing else goes on.
    Connected,
    /// This copy fills the other.
    SyncSource,
    /// The other fills this copy.
    SyncTarget,
    /// The copies are being compared.
    Verifying,
}

impl Connection {
    /// Whether they speak.
    pub fn is_up(self) -> bool {
        !matches!(self, Self::StandAlone | Self::Trying)
    }
}

/// What a copy is worth (drbdsetup(8), "disk states").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskState {
    /// None.
    Diskless,
    /// It is being attached.
    Attaching,
    /// It is being let go.
    Detaching,
    /// It failed.
    Failed,
    /// It is being compared with the others.
    Negotiating,
    /// It is no whole copy: new, or being filled.
    Inconsistent,
    /// Whole, and old.
    Outdated,
    /// Nothing is known of it.
    Unknown,
    /// Whole; whether it is old is not known.
    Consistent,
    /// Whole and new.
    UpToDate,
}

impl DiskState {
    /// By DRBD's word.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "Diskless" => Self::Diskless,
            "Attaching" => Self::Attaching,
            "Detaching" => Self::Detaching,
            "Failed" => Self::Failed,
            "Negotiating" => Self::Negotiating,
            "Inconsistent" => Self::Inconsistent,
            "Outdated" => Self::Outdated,
            "DUnknown" => Self::Unknown,
            "Consistent" => Self::Consistent,
            "UpToDate" => Self::UpToDate,
            _ => return None,
        })
    }
}

/// DRBD said something that this release does not know.
#[derive(Debug, thiserror::Error)]
pub enum SeenError {
    /// A word.
    #[error("DRBD says {word:?} of {of}, which this version of hive does not know")]
    Word {
        /// What was being told.
        of: &'static str,
        /// The word.
        word: String,
    },
    /// A whole answer.
    #[error("what `drbdsetup status --json` says does not read as its status")]
    Json(#[from] serde_json::Error),
    /// A line.
    #[error("/proc/drbd has a line that does not read: {0:?}")]
    Line(String),
}

/// By DRBD's words for connection states of both generations and for replication states of DRBD 9.
fn connection(word: &str) -> Result<Connection, SeenError> {
    Ok(match word {
        "StandAlone" | "Disconnecting" => Connection::StandAlone,
        "Unconnected" | "Timeout" | "BrokenPipe" | "NetworkFailure" | "ProtocolError"
        | "TearDown" | "Connecting" | "WFConnection" | "WFReportParams" => Connection::Trying,
        "Connected" | "Established" | "Off" | "Ahead" | "Behind" => Connection::Connected,
        "StartingSyncS" | "WFBitMapS" | "StartingSyncT" | "WFBitMapT" | "WFSyncUUID" => {
            Connection::Agreeing
        }
        "SyncSource" | "PausedSyncS" => Connection::SyncSource,
        "SyncTarget" | "PausedSyncT" => Connection::SyncTarget,
        "VerifyS" | "VerifyT" => Connection::Verifying,
        word => {
            let word = word.to_owned();
            return Err(SeenError::Word {
                of: "a connection",
                word,
            });
        }
    })
}

fn disk_state(word: &str) -> Result<DiskState, SeenError> {
    DiskState::named(word).ok_or_else(|| SeenError::Word {
        of: "a disk",
        word: word.to_owned(),
    })
}

fn primary(word: &str) -> Result<bool, SeenError> {
    match word {
        "Primary" => Ok(true),
        "Secondary" | "Unknown" => Ok(false),
        word => Err(SeenError::Word {
            of: "a role",
            word: word.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_exchanges_bitmaps_agrees_and_is_not_at_rest() {
        for word in ["WFBitMapS", "WFBitMapT", "WFSyncUUID", "StartingSyncS"] {
            assert_eq!(connection(word).unwrap(), Connection::Agreeing, "{word}");
        }
        assert_eq!(connection("PausedSyncS").unwrap(), Connection::SyncSource);
        assert_eq!(connection("SyncTarget").unwrap(), Connection::SyncTarget);
        assert_eq!(connection("Established").unwrap(), Connection::Connected);
        assert!(connection("Sideways").is_err());
    }
}
