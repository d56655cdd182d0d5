//! The way to the records of volumes: this host's engine when it is a manager, a manager's hived when it is
//! a worker, whose engine can't read configs.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use hive_inventory::node::SwarmRole;
use hive_inventory::seed::Peer;
use hive_volumes::{Record, State};
use tokio::sync::watch;
use tokio::time::timeout;

use super::carried::Carried;
use super::question::{Answer, Ask, Asked, Question, Sight, Told};
use super::raft::{Raft, Reading};
use crate::member::{self, View};
use crate::peers::{Questioner, VOLUMES_PATH};
use crate::swarm::Written;

/// One question to another hive, with a connection that has to be made first.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to the records.
pub struct Access {
    /// Full name of this host.
    me: String,
    /// Private addresses of the hives, by full name.
    hives: Vec<(String, IpAddr)>,
    raft: Raft,
    questioner: Questioner,
    view: watch::Receiver<View>,
    membership: PathBuf,
    /// The manager that answered last.
    good: Mutex<Option<String>>,
}

/// What this host can do to reach Raft.
enum Way {
    Own,
    Through(Vec<String>),
}

impl Access {
    /// For the host `me` among these hives.
    pub fn new(
        me: &str,
        hives: &[Peer],
        raft: Raft,
        questioner: Questioner,
        view: watch::Receiver<View>,
        membership: PathBuf,
    ) -> Self {
        let hives = hives.iter().map(|hive| (hive.host.clone(), hive.address));
        Self {
            me: me.to_owned(),
            hives: hives.collect(),
            raft,
            questioner,
            view,
            membership,
            good: Mutex::default(),
        }
    }

    /// Short names and private addresses of the hives.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, IpAddr)> {
        self.hives
            .iter()
            .map(|(host, address)| (short(host), *address))
    }

    /// The epoch of the site's swarm.
    ///
    /// # Errors
    /// The membership record does not read, in words.
    pub fn epoch(&self) -> Result<u64, String> {
        member::epoch(&self.membership)
    }

    /// Docker's id of this node, and whether it is a manager.
    pub fn node(&self) -> Option<(String, bool)> {
        let view = self.view.borrow();
        let swarm = view.swarm.as_ref()?;
        Some((swarm.node.clone()?, swarm.role == SwarmRole::Manager))
    }

    /// This host's own way to Raft, while it is a manager of the swarm with this epoch: for those who ask
    /// from elsewhere.
    ///
    /// # Errors
    /// It is none, in words that read after the host's name.
    pub fn raft(&self, epoch: u64) -> Result<&Raft, String> {
        let own = self.epoch()?;
        if own != epoch {
            return Err(format!(
                "knows the swarm as of epoch {own}, this host as of epoch {epoch}"
            ));
        }
        match self.node() {
            Some((_, true)) => Ok(&self.raft),
            _ => Err("is no manager of the swarm".into()),
        }
    }

    /// Reads all records.
    ///
    /// # Errors
    /// No manager with a majority is in reach, in words.
    pub async fn read(&self) -> Result<Reading, String> {
        if let Way::Own = self.way()? {
            return self.raft.read().await;
        }
        match self.ask_managers(Ask::Read).await? {
            Told::Read {
                records,
                secrets,
                there,
            } => Ok(Reading {
                records: records.unpack(),
                secrets,
                there,
            }),
            _ => Err(unfit()),
        }
    }

    /// Writes a state at the version of `record`.
    ///
    /// # Errors
    /// As [`Self::read`]. It is not known then whether Raft has it.
    pub async fn write(&self, record: &Record, state: &State) -> Result<Written, String> {
        if let Way::Own = self.way()? {
            return self.raft.write(record, state).await;
        }
        let ask = Ask::Write {
            record: Box::new(Carried::pack(record)?),
            state: Box::new(state.clone()),
        };
        match self.ask_managers(ask).await? {
            Told::Written(true) => Ok(Written::Done),
            Told::Written(false) => Ok(Written::Overtaken),
            _ => Err(unfit()),
        }
    }

    /// Removes a record.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn forget(&self, record: &Record) -> Result<(), String> {
        if let Way::Own = self.way()? {
            return self.raft.forget(record).await;
        }
        let record = Box::new(Carried::pack(record)?);
        match self.ask_managers(Ask::Forget { record }).await? {
            Told::Forgotten => Ok(()),
            _ => Err(unfit()),
        }
    }

    /// Whether the host with this short name says that its copy is connected to this one, up to date and
    /// not in use. No answer is a no.
    pub async fn agrees(&self, host: &str, record: &Record) -> bool {
        let told = self.ask_hive(host, Ask::Agrees(Asked::of(record))).await;
        told == Some(Told::Agrees(true))
    }

    /// How many bytes the host with this short name counts as different between its copy and this one. `None`: it
    /// can't tell.
    pub async fn counts(&self, host: &str, record: &Record) -> Option<u64> {
        match self.ask_hive(host, Ask::Counts(Asked::of(record))).await? {
            Told::Counts(bytes) => bytes,
            _ => None,
        }
    }

    /// Whether the host with this short name can do without this one's copy for a moment. No answer is a no.
    pub async fn spares(&self, host: &str, record: &Record) -> bool {
        let told = self.ask_hive(host, Ask::Spares(Asked::of(record))).await;
        told == Some(Told::Spares(true))
    }

    /// How the host with this short name sees the connection with this one.
    pub async fn sight(&self, host: &str, record: &Record) -> Sight {
        match self.ask_hive(host, Ask::Sees(Asked::of(record))).await {
            Some(Told::Sees(sight)) => sight,
            _ => Sight::Otherwise,
        }
    }

    async fn ask_hive(&self, host: &str, ask: Ask) -> Option<Told> {
        let (full, _) = self.hives.iter().find(|(full, _)| short(full) == host)?;
        let question = Question::to_json(self.epoch().ok()?, ask);
        self.ask(full, question).await.ok()
    }

    fn way(&self) -> Result<Way, String> {
        let view = self.view.borrow();
        match view.swarm.as_ref().map(|swarm| swarm.role) {
            Some(SwarmRole::Manager) => Ok(Way::Own),
            Some(SwarmRole::Worker) => {
                let managers = view.peers.iter().filter(|peer| {
                    peer.host != self.me && peer.heard && peer.role == Some(SwarmRole::Manager)
                });
                Ok(Way::Through(managers.map(|p| p.host.clone()).collect()))
            }
            Some(SwarmRole::Lost) => Err(
                "the swarm has lost the majority of its managers, so nothing can be known or changed of volumes; `hived status` tells more".into(),
            ),
            Some(_) | None => Err("this host is not in the site's swarm yet".into()),
        }
    }

    /// Asks the manager that answered last, and then the others. A change that was heard twice is refused
    /// the second time, and whoever wanted it reads again.
    async fn ask_managers(&self, ask: Ask) -> Result<Told, String> {
        let Way::Through(managers) = self.way()? else {
            return Err("this host became a manager just now; asking again".into());
        };
        let question = Question::to_json(self.epoch()?, ask);
        let good = || self.good.lock().unwrap_or_else(|e| e.into_inner());
        let first = good().take().filter(|good| managers.contains(good));
        let others = managers.iter().filter(|host| Some(*host) != first.as_ref());
        let mut faults = Vec::new();
        for host in first.iter().chain(others) {
            match self.ask(host, question.clone()).await {
                Ok(Told::Refused(why)) | Err(why) => {
                    faults.push(format!("{} {why}", short(host)));
                }
                Ok(told) => {
                    *good() = Some(host.clone());
                    return Ok(told);
                }
            }
        }
        Err(match faults.is_empty() {
            true => "no manager is heard; `hived status` tells which hives are".into(),
            false => format!("no manager helps: {}", faults.join("; ")),
        })
    }

    async fn ask(&self, host: &str, question: hyper::body::Bytes) -> Result<Told, String> {
        let asking = self.questioner.ask(host, VOLUMES_PATH, question);
        let text = timeout(PATIENCE, asking).await;
        let text = text.unwrap_or_else(|_| Err("does not answer in time".into()))?;
        Answer::from_json(&text)
    }
}

/// The first label of a host's name.
pub fn short(full: &str) -> &str {
    full.split('.').next().unwrap_or(full)
}

/// Without what was told: there may be a secret in it.
fn unfit() -> String {
    "a manager's hived answers something else than was asked; is it of another release?".into()
}
