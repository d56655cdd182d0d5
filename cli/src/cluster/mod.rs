//! The swarm of a stage, through the hosts' own docker sockets forwarded over ssh. No docker API is
//! open to the network, so whoever may log in is who may deploy.
//!
//! Start with [`Cluster::connect`]; [`link`] is the connection to one host, [`standing`] tells what a
//! host is in its swarm, `everyone` reaches all hosts or another manager, [`socket_folder`] is where the sockets lie, [`session`] runs a command so
//! that nothing of all this stays behind.

pub mod everyone;
mod hijack;
mod link;
pub mod session;
mod socket_folder;
mod standing;
pub mod tasks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hive_site::Stage;
use tokio::sync::Mutex;

pub use hijack::Hijacked;
pub use link::Link;

use crate::args::Global;
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result, Usage};
use crate::site_folder::SiteFolder;
use crate::ssh_files;
use socket_folder::SocketFolder;
use standing::{Standing, no_manager};

/// A stage's swarm, asked through one of its managers.
#[derive(Debug)]
pub struct Cluster {
    config: PathBuf,
    /// The members of the swarm that ssh knows the way to: full and short name.
    hosts: Vec<(String, String)>,
    links: Mutex<BTreeMap<String, Arc<Link>>>,
    manager: Mutex<Arc<Link>>,
    // Last, so that the links are gone when the folder goes.
    sockets: SocketFolder,
}

impl Cluster {
    /// Asks all hosts of a stage at once, and takes the first that is a manager with a majority.
    ///
    /// # Errors
    /// There is none; the error says of each host why, and what to do.
    pub async fn connect(context: &ContextFolder, stage: &Stage) -> Result<Self> {
        let known = ssh_files::hosts(context)?;
        let members = stage.hosts().iter().filter(|host| host.member().is_some());
        let hosts: Vec<(String, String)> = members
            .filter(|host| known.contains(&host.name))
            .map(|host| (host.name.clone(), host.short_name().to_owned()))
            .collect();
        if hosts.is_empty() {
            let none = anyhow::anyhow!(
                "stage {} has no host that this computer knows the way to",
                stage.name
            );
            return Err(CommandError::from(none).hint(
                "`hive run` boots the hosts of the stage here, and writes .hive/STAGE/ssh_config",
            ));
        }
        let config = ssh_files::config_file(context);
        let sockets = SocketFolder::make()?;
        let links = Mutex::default();
        let manager = first_manager(&config, &sockets, &hosts, &links, None).await?;
        Ok(Self {
            config,
            hosts,
            links,
            manager: Mutex::new(manager),
            sockets,
        })
    }

    /// The manager that is asked now.
    pub async fn manager(&self) -> Arc<Link> {
        self.manager.lock().await.clone()
    }

    /// Goes over to another manager, after the one in use was lost.
    ///
    /// # Errors
    /// No other host is a manager with a majority.
    pub async fn next_manager(&self) -> Result<Arc<Link>> {
        let mut manager = self.manager.lock().await;
        let lost = manager.host().to_owned();
        self.links.lock().await.remove(&lost);
        let next = first_manager(
            &self.config,
            &self.sockets,
            &self.hosts,
            &self.links,
            Some(&lost),
        );
        *manager = next.await?;
        Ok(manager.clone())
    }

    /// A connection to a host by its full or short name, or by what its engine calls it.
    ///
    /// # Errors
    /// The host is unknown or can't be reached.
    pub async fn host(&self, word: &str) -> Result<Arc<Link>> {
        let matches = |(full, short): &&(String, String)| full == word || short == word;
        let Some((full, _)) = self.hosts.iter().find(matches) else {
            let names: Vec<&str> = self.hosts.iter().map(|(_, s)| s.as_str()).collect();
            let unknown = format!(
                "`{word}` is none of the hosts that this computer knows the way to: {}",
                names.join(", ")
            );
            return Err(Usage(unknown).into());
        };
        if let Some(link) = self.links.lock().await.get(full)
            && link.is_up()
        {
            return Ok(link.clone());
        }
        let link = Link::open(&self.config, full, self.sockets.socket()).await;
        let link = Arc::new(link.with_context(|| format!("connecting to {full}"))?);
        let mut links = self.links.lock().await;
        links.insert(full.clone(), link.clone());
        Ok(link)
    }
}

/// Asks all hosts but one; the others' connections are given up as soon as a manager is found.
async fn first_manager(
    config: &Path,
    sockets: &SocketFolder,
    hosts: &[(String, String)],
    links: &Mutex<BTreeMap<String, Arc<Link>>>,
    without: Option<&str>,
) -> Result<Arc<Link>> {
    let ask = |name: String, socket: PathBuf| async move {
        let link = match Link::open(config, &name, socket).await {
            Ok(link) => link,
            Err(error) => return (name, Err(Standing::Silent(format!("{error:#}")))),
        };
        match standing::of(&link).await {
            Standing::Manager => (name, Ok(link)),
            other => (name, Err(other)),
        }
    };
    let mut asked: FuturesUnordered<_> = hosts
        .iter()
        .filter(|(name, _)| Some(name.as_str()) != without)
        .map(|(name, _)| ask(name.clone(), sockets.socket()))
        .collect();
    let mut answers = BTreeMap::new();
    if let Some(lost) = without {
        answers.insert(
            lost.to_owned(),
            Standing::Silent("the connection was lost".into()),
        );
    }
    while let Some((name, answer)) = asked.next().await {
        match answer {
            Ok(link) => {
                let link = Arc::new(link);
                links.lock().await.insert(name, link.clone());
                return Ok(link);
            }
            Err(standing) => {
                answers.insert(name, standing);
            }
        }
    }
    Err(no_manager(&answers))
}

/// The swarm of the stage that the options mean.
///
/// # Errors
/// There is no such stage, or as [`Cluster::connect`].
pub async fn of_stage(global: &Global) -> Result<Cluster> {
    let folder = SiteFolder::open(global)?;
    let stage = folder.stage(global)?;
    let context = folder.context();
    Cluster::connect(&context, stage).await
}
