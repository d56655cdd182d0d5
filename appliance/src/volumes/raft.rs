//! Records of volumes as this host's own engine has them: on a manager.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hive_volumes::{Module, Record, State};
use tokio::time::Instant;

use crate::swarm::{Engine, NodeEntry, Records, Written};

/// How old what is told of the machines may be. The swarm takes far longer to call one down, and what is done
/// then depends on the lease.
const MACHINES_AGE: Duration = Duration::from_secs(2);

/// What is read at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The records.
    pub records: Records,
    /// The secrets that they name, by the name of the config.
    pub secrets: BTreeMap<String, String>,
    /// Hosts that the swarm does not call down, as of a moment ago; `None`: it was not asked.
    pub there: Option<BTreeSet<String>>,
}

/// The swarm's Raft, through this host's engine.
#[derive(Debug)]
pub struct Raft {
    engine: Arc<Engine>,
    /// The data of a config never change.
    secrets: Mutex<BTreeMap<String, String>>,
    /// What was told of the machines last, and when it was asked.
    there: Mutex<Option<(Instant, BTreeSet<String>)>>,
}

impl Raft {
    /// Through this engine.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            secrets: Mutex::default(),
            there: Mutex::default(),
        }
    }

    /// Reads all.
    ///
    /// # Errors
    /// This host is no manager with a majority, in words.
    pub async fn read(&self) -> Result<Reading, String> {
        let records = self.engine.volume_records().await?;
        let names: BTreeSet<&String> = records
            .volumes
            .values()
            .map(|record| &record.identity.secret)
            .collect();
        let mut secrets = BTreeMap::new();
        for name in names {
            if let Some(secret) = self.secret(name).await? {
                secrets.insert(name.clone(), secret);
            }
        }
        let there = match records.volumes.values().any(is_held) {
            true => Some(self.there().await?),
            false => None,
        };
        Ok(Reading {
            records,
            secrets,
            there,
        })
    }

    async fn there(&self) -> Result<BTreeSet<String>, String> {
        let asked = Instant::now();
        let before = locked(&self.there).clone();
        if let Some((when, there)) = before
            && asked - when < MACHINES_AGE
        {
            return Ok(there);
        }
        let there = there(&self.engine.nodes().await?);
        *locked(&self.there) = Some((asked, there.clone()));
        Ok(there)
    }

    async fn secret(&self, name: &str) -> Result<Option<String>, String> {
        let before = locked(&self.secrets).get(name).cloned();
        if before.is_some() {
            return Ok(before);
        }
        let read = self.engine.volume_secret(name).await?;
        if let Some(secret) = &read {
            locked(&self.secrets).insert(name.to_owned(), secret.clone());
        }
        Ok(read)
    }

    /// Writes a state at the version of `record`.
    ///
    /// # Errors
    /// As [`Self::read`]. It is not known then whether Raft has it.
    pub async fn write(&self, record: &Record, state: &State) -> Result<Written, String> {
        self.engine.change_volume(record, state).await
    }

    /// Removes a record.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn forget(&self, record: &Record) -> Result<(), String> {
        self.engine.forget_volume(record).await
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Whether somebody may ask if the machine of its holder is down.
fn is_held(record: &Record) -> bool {
    record.identity.module == Module::Drbd84 && record.state.lease.holder.is_some()
}

/// Hosts with a node that is not down. A machine that was replaced has two for a while.
fn there(nodes: &[NodeEntry]) -> BTreeSet<String> {
    let up = nodes.iter().filter(|node| !node.down);
    up.map(|node| node.host.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_machine_is_there() {
        let node = |id: &str, host: &str, down| NodeEntry {
            id: id.into(),
            host: host.into(),
            leader: false,
            down,
            labels: BTreeMap::new(),
        };
        let nodes = [
            node("1", "h0", true),
            node("2", "h0", false),
            node("3", "h1", true),
        ];
        assert_eq!(there(&nodes), BTreeSet::from(["h0".to_owned()]));
    }
}
