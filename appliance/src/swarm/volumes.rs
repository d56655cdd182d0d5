//! Records of mirrored volumes in the swarm's Raft, through this host's engine, with a bound on its
//! answers. A manager's engine can read and write them; a worker's says that it is none.

use std::future::Future;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use hive_volumes::{Identity, Record, State};

pub use hive_records::{Records, Written};

use super::Engine;

/// A question to Raft, or a change of it.
const PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Reads the records of all volumes.
    ///
    /// # Errors
    /// Docker does not answer, or is no manager with a majority; in words.
    pub async fn volume_records(&self) -> Result<Records, String> {
        let doing = "reading the records of volumes";
        let list = |docker: Docker| async move { hive_records::list(&docker).await };
        self.raft(doing, list).await
    }

    /// The secret in a config; `None`: there is no such config.
    ///
    /// # Errors
    /// As [`Self::volume_records`].
    pub async fn volume_secret(&self, config: &str) -> Result<Option<String>, String> {
        let doing = "reading the secret of volumes";
        let read = |docker: Docker| async move { hive_records::secret(&docker, config).await };
        self.raft(doing, read).await
    }

    /// Makes the record of a new volume; [`Written::Overtaken`]: there is one of that name.
    ///
    /// # Errors
    /// As [`Self::volume_records`]. It is not known then whether Raft has it.
    pub async fn create_volume(
        &self,
        identity: &Identity,
        state: &State,
    ) -> Result<Written, String> {
        let doing = "making the record of a volume";
        let create =
            |docker: Docker| async move { hive_records::create(&docker, identity, state).await };
        self.raft(doing, create).await
    }

    /// Writes a new state at the version at which `record` was read: a compare-and-swap.
    ///
    /// # Errors
    /// As [`Self::create_volume`].
    pub async fn change_volume(&self, record: &Record, state: &State) -> Result<Written, String> {
        let doing = "writing the record of a volume";
        let change =
            |docker: Docker| async move { hive_records::change(&docker, record, state).await };
        self.raft(doing, change).await
    }

    /// Removes a record. By docker's id, so a new volume of the same name is safe from a late one.
    ///
    /// # Errors
    /// As [`Self::create_volume`].
    pub async fn forget_volume(&self, record: &Record) -> Result<(), String> {
        let doing = "removing the record of a volume";
        let forget = |docker: Docker| async move { hive_records::forget(&docker, record).await };
        self.raft(doing, forget).await
    }

    async fn raft<T, F>(
        &self,
        doing: &'static str,
        call: impl FnOnce(Docker) -> F,
    ) -> Result<T, String>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let docker = self.connect().map_err(|e| e.to_string())?;
        let answer = self.bounded(doing, PATIENCE, call(docker)).await;
        answer.map_err(|e| e.to_string())
    }
}
