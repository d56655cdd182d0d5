//! What hives ask each other about volumes, as JSON at `/v1/volumes`: workers have a manager's hived read and
//! write Raft for them, after `hive recover` each asks the other whether their copies are connected, and one that counts
//! blocks as different asks whether the other does, too, and whether it can do without it for a moment.

use std::collections::{BTreeMap, BTreeSet};

use hive_volumes::{Record, State};
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};

use super::carried::{AllCarried, Carried};

/// The version of question and answer.
const VERSION: u32 = 1;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    version: u32,
    /// The epoch of the swarm that the asking host is in: versions of records mean nothing to another one.
    pub epoch: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// All records, and what goes with them.
    Read,
    /// To write a state at the version of a record.
    Write {
        /// As it was read.
        record: Box<Carried>,
        /// The new state.
        state: Box<State>,
    },
    /// To remove a record.
    Forget {
        /// As it was read.
        record: Box<Carried>,
    },
    /// Whether the host that is asked has this volume up to date, connected to the host that asks, and not
    /// in use.
    Agrees(Asked),
    /// How many bytes the host that is asked counts as different between its copy and the one of the host that asks.
    Counts(Asked),
    /// Whether the host that is asked has this volume up to date and is connected to another copy and to all hosts, with
    /// nothing marked as different, so that it loses nothing when the host that asks is gone for a moment.
    Spares(Asked),
    /// How the host that is asked sees the connection with the host that asks.
    Sees(Asked),
}

/// A volume that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its name.
    pub volume: String,
    /// Its birthmark.
    pub birthmark: String,
}

impl Asked {
    /// By its record.
    pub fn of(record: &Record) -> Self {
        Self {
            volume: record.identity.name.as_str().to_owned(),
            birthmark: record.identity.birthmark.clone(),
        }
    }
}

/// How a host sees the connection with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sight {
    /// It waits for the other to tell what differs.
    Waits,
    /// Nothing goes on between them, its own copy is up to date, and it waits for nobody else.
    Rests,
    /// Something else, or it can't tell.
    Otherwise,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    version: u32,
    /// What is told.
    pub told: Told,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// To [`Ask::Read`].
    Read {
        /// The records.
        records: AllCarried,
        /// The secrets that they name.
        secrets: BTreeMap<String, String>,
        /// Hosts that the swarm does not call down; `None`: nobody needs to know.
        there: Option<BTreeSet<String>>,
    },
    /// To [`Ask::Write`]: whether Raft has it; else somebody was faster.
    Written(bool),
    /// To [`Ask::Forget`].
    Forgotten,
    /// To [`Ask::Agrees`].
    Agrees(bool),
    /// To [`Ask::Counts`]; `None`: it does not see the other.
    Counts(Option<u64>),
    /// To [`Ask::Spares`].
    Spares(bool),
    /// To [`Ask::Sees`].
    Sees(Sight),
    /// It can't be told or done: why, in words that read after the host's name.
    Refused(String),
}

impl Question {
    /// As it goes over the wire.
    pub fn to_json(epoch: u64, ask: Ask) -> Bytes {
        let version = VERSION;
        let question = Self {
            version,
            epoch,
            ask,
        };
        // Our own types always become JSON.
        Bytes::from(serde_json::to_vec(&question).unwrap_or_default())
    }

    /// Reads it; `None`: it is none, or one of another release.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_slice(text).ok()?;
        if head.version != VERSION {
            return None;
        }
        serde_json::from_slice(text).ok()
    }
}

impl Answer {
    /// As it goes over the wire.
    pub fn to_json(told: Told) -> Option<Vec<u8>> {
        let version = VERSION;
        serde_json::to_vec(&Self { version, told }).ok()
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is none, or one of another release; in words that read after the host's name.
    pub fn from_json(text: &[u8]) -> Result<Told, String> {
        let answer: Self =
            serde_json::from_slice(text).map_err(|e| format!("answers something else: {e}"))?;
        match answer.version {
            VERSION => Ok(answer.told),
            other => Err(format!(
                "answers in version {other}, this host reads {VERSION}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn questions_and_answers_arrive_and_another_version_is_none() {
        let record = sample::pair("db", 2);
        let ask = Ask::Write {
            record: Box::new(Carried::pack(&record).unwrap()),
            state: Box::new(record.state.changed(|_| {})),
        };
        let text = Question::to_json(3, ask.clone());
        let read = Question::from_json(&text).unwrap();
        assert_eq!((read.epoch, read.ask), (3, ask));
        let newer = String::from_utf8(text.to_vec()).unwrap();
        let newer = newer.replacen("\"version\":1", "\"version\":2", 1);
        assert_eq!(Question::from_json(newer.as_bytes()), None);
        let text = Answer::to_json(Told::Written(true)).unwrap();
        assert_eq!(Answer::from_json(&text), Ok(Told::Written(true)));
        let newer = br#"{"version":2,"told":"forgotten"}"#;
        assert!(Answer::from_json(newer).unwrap_err().contains("version 2"));
    }
}
