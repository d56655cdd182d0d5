//! A record outside of Raft: on its way to a worker, or kept for the next boot. It is carried as the docker
//! config that it is, and read by the same strict reader, so that another release's record is refused here too.

use std::collections::BTreeMap;
use std::error::Error as _;

use hive_volumes::Record;
use hive_volumes::record::document::{self, Config};
use serde::{Deserialize, Serialize};

use crate::swarm::Records;

/// A record as a docker config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    id: String,
    version: u64,
    name: String,
    data: String,
    labels: BTreeMap<String, String>,
}

/// All records, those that nobody may act on included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllCarried {
    volumes: Vec<Carried>,
    unreadable: Vec<String>,
}

impl Carried {
    /// Packs a record.
    ///
    /// # Errors
    /// Never in practice: JSON has room for all that a record can be.
    pub fn pack(record: &Record) -> Result<Self, String> {
        let words = |e: serde_json::Error| format!("packing a record: {e}");
        let data = document::data(&record.identity).map_err(words)?;
        Ok(Self {
            id: record.config.clone(),
            version: record.version,
            name: document::config_name(&record.identity.name),
            data: String::from_utf8(data).map_err(|e| format!("packing a record: {e}"))?,
            labels: document::labels(&record.state).map_err(words)?,
        })
    }

    /// The record in it.
    ///
    /// # Errors
    /// It is of another release, or contradicts itself; in words.
    pub fn unpack(&self) -> Result<Record, String> {
        let read = document::read(Config {
            id: &self.id,
            version: self.version,
            name: &self.name,
            data: self.data.as_bytes(),
            labels: &self.labels,
        });
        read.map_err(|error| match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })
    }
}

impl AllCarried {
    /// Packs all.
    ///
    /// # Errors
    /// As [`Carried::pack`].
    pub fn pack(records: &Records) -> Result<Self, String> {
        let volumes = records.volumes.values().map(Carried::pack);
        Ok(Self {
            volumes: volumes.collect::<Result<_, _>>()?,
            unreadable: records.unreadable.clone(),
        })
    }

    /// All that read; the others are told.
    pub fn unpack(&self) -> Records {
        let mut records = Records {
            unreadable: self.unreadable.clone(),
            ..Records::default()
        };
        for carried in &self.volumes {
            match carried.unpack() {
                Ok(record) => {
                    let name = record.identity.name.as_str().to_owned();
                    records.volumes.insert(name, record);
                }
                Err(why) => records.unreadable.push(why),
            }
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn what_is_carried_arrives_and_what_is_newer_is_told() {
        let record = sample::pair("db", 2);
        let name = "db".to_owned();
        let records = Records {
            volumes: BTreeMap::from([(name, record.clone())]),
            unreadable: vec!["x".into()],
        };
        let mut carried = AllCarried::pack(&records).unwrap();
        let text = serde_json::to_string(&carried).unwrap();
        assert_eq!(serde_json::from_str::<AllCarried>(&text).unwrap(), carried);
        assert_eq!(carried.unpack(), records);
        let newer = carried.volumes[0]
            .data
            .replace("\"version\":1", "\"version\":2");
        carried.volumes[0].data = newer;
        let told = carried.unpack();
        assert!(told.volumes.is_empty());
        assert!(told.unreadable[1].contains("version 2"), "{told:?}");
    }
}
