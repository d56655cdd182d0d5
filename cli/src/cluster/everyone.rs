//! All hosts at once, and another manager when one goes down.

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard::Docker;
use futures_util::future::join_all;
use hive_deploy::managers::{Managers, NoManager};

use super::{Cluster, Link, first_manager};
use crate::error::Result;

/// The hosts of a stage by short name: connections, and why there is none.
#[derive(Debug, Default)]
pub struct Everyone {
    /// Those in reach. The engines work as long as these live.
    pub links: BTreeMap<String, Arc<Link>>,
    /// Those that are not, and why.
    pub absent: BTreeMap<String, String>,
}

impl Everyone {
    /// The engines of those in reach.
    pub fn engines(&self) -> BTreeMap<String, Docker> {
        let links = self.links.iter();
        links
            .map(|(name, link)| (name.clone(), link.docker()))
            .collect()
    }
}

impl Cluster {
    /// Connects to all hosts at once.
    pub async fn everyone(&self) -> Everyone {
        let opened = self
            .hosts
            .iter()
            .map(|(full, short)| async move { (short.clone(), self.host(full).await) });
        let mut everyone = Everyone::default();
        for (name, link) in join_all(opened).await {
            match link {
                Ok(link) => {
                    everyone.links.insert(name, link);
                }
                Err(error) => {
                    everyone.absent.insert(name, error.last_cause());
                }
            }
        }
        everyone
    }

    /// A manager when the one in use does not answer: another one, or else the same over a new
    /// connection, as it may be the connection alone that was lost.
    async fn any_manager(&self) -> Result<Arc<Link>> {
        if let Ok(next) = self.next_manager().await {
            return Ok(next);
        }
        let any = first_manager(&self.config, &self.sockets, &self.hosts, &self.links, None);
        let any = any.await?;
        *self.manager.lock().await = any.clone();
        Ok(any)
    }
}

impl Managers for &Cluster {
    async fn another(&mut self) -> Result<Docker, NoManager> {
        match self.any_manager().await {
            Ok(link) => Ok(link.docker()),
            Err(error) => Err(NoManager(error.text().into())),
        }
    }
}
