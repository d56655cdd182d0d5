//! The swarm through a manager, and the engines of all hosts.

use std::collections::BTreeMap;

use bollard::Docker;
use hive_deploy::actual::Actual;
use hive_deploy::managers::Swarm;

use crate::cluster::Cluster;
use crate::cluster::everyone::Everyone;
use crate::error::{CommandError, Result};
use crate::output;

/// A swarm that can be asked and changed.
pub struct Connected<'c> {
    /// Through a manager; through another one when that goes down.
    pub swarm: Swarm<&'c Cluster>,
    /// The hosts' engines by short name.
    pub engines: BTreeMap<String, Docker>,
    /// Keeps the engines in reach.
    everyone: Everyone,
}

impl<'c> Connected<'c> {
    /// To the swarm alone.
    pub async fn to_swarm(cluster: &'c Cluster) -> Self {
        let docker = cluster.manager().await.docker();
        Self {
            swarm: Swarm::new(docker, cluster),
            engines: BTreeMap::new(),
            everyone: Everyone::default(),
        }
    }

    /// To all hosts; those that are not in reach are warned of.
    pub async fn to_all(cluster: &'c Cluster, left_out: &str) -> Self {
        let everyone = cluster.everyone().await;
        for (host, why) in &everyone.absent {
            output::warn(&format!("{host} is not in reach ({why}); {left_out}"));
        }
        Self {
            engines: everyone.engines(),
            everyone,
            ..Self::to_swarm(cluster).await
        }
    }

    /// Whether hosts are missing.
    pub fn is_whole(&self) -> bool {
        self.everyone.absent.is_empty()
    }

    /// What the swarm has, and the hosts' volumes if they are asked for.
    ///
    /// # Errors
    /// No manager answers, or a host does not.
    pub async fn actual(&mut self, volumes: bool) -> Result<Actual> {
        let read = self
            .swarm
            .attempt(async |docker| Actual::read(&docker).await);
        let mut actual = read.await.map_err(told)?;
        if volumes {
            actual.read_volumes(&self.engines).await.map_err(told)?;
        }
        Ok(actual)
    }
}

/// Docker's words, once.
pub fn told(error: hive_deploy::Error) -> CommandError {
    let passing = error.is_passing();
    let error = CommandError::from(anyhow::anyhow!(error.to_string()));
    match passing {
        true => error.hint(
            "the connection or the swarm's leader was lost; `hive status` tells how the hosts are, and running the command again goes on from here",
        ),
        false => error,
    }
}
