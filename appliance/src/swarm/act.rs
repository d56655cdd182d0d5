//! Changes at Docker's swarm.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{
    LocalNodeState, NodeSpec, NodeSpecRoleEnum, SwarmInitRequest, SwarmJoinRequest,
};
use bollard::query_parameters::{DeleteNodeOptions, LeaveSwarmOptions, UpdateNodeOptions};
use hive_membership::Action;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{Engine, EngineError, MANAGER_PORT, networks};

/// Making and leaving a swarm: certificates are made and networks built up or down.
const LONG: Duration = Duration::from_secs(90);
/// Docker itself answers a join after 20 s and goes on with it in the background.
const JOIN: Duration = Duration::from_secs(40);
/// A join that is still not through after this is given up, to be tried again with other managers.
const JOINED: Duration = Duration::from_secs(90);
/// Longest wait for a manager to take a connection.
const PROBE: Duration = Duration::from_secs(3);
/// A change to an entry.
const CHANGE: Duration = Duration::from_secs(10);
/// Pause before looking again.
const PAUSE: Duration = Duration::from_millis(500);
/// Tries to change an entry that others change too.
const TRIES: u32 = 5;

impl Engine {
    /// Carries out one change and waits until it has taken effect here.
    ///
    /// # Errors
    /// In Docker's words, with what was being done. Never with a token in them.
    pub async fn act(&self, action: &Action) -> Result<(), String> {
        self.told().changed();
        let result = match self.connect() {
            Ok(docker) => self.carry_out(&docker, action).await,
            Err(e) => Err(e),
        };
        self.told().changed();
        let secret = match action {
            Action::Join { token, .. } if !token.is_empty() => Some(token),
            _ => None,
        };
        result.map_err(|e| {
            let words = e.to_string();
            secret.map_or(words.clone(), |token| words.replace(token.as_str(), "…"))
        })
    }

    /// Makes the ingress network that the site wants, if it is not there. On the leader only.
    ///
    /// # Errors
    /// Docker refuses, as it does while services publish ports through the present one.
    pub async fn ensure_ingress(&self) -> Result<(), String> {
        let Some(wanted) = self.options.ingress.as_deref() else {
            return Ok(());
        };
        let made = async {
            let docker = self.connect()?;
            networks::ingress(self, &docker, wanted).await
        };
        made.await.map_err(|e| e.to_string())
    }

    async fn carry_out(&self, docker: &Docker, action: &Action) -> Result<(), EngineError> {
        match action {
            Action::Init => {
                networks::gateway_bridge(self, docker, &self.options).await?;
                self.init(docker, false).await
            }
            Action::ForceNewCluster => self.init(docker, true).await,
            Action::Join {
                token, managers, ..
            } => {
                networks::gateway_bridge(self, docker, &self.options).await?;
                self.join(docker, token, managers).await
            }
            Action::Leave => self.leave(docker).await,
            Action::Promote(node) => {
                let role = NodeSpecRoleEnum::MANAGER;
                self.change(docker, "promoting a node", node, |spec| {
                    spec.role = Some(role)
                })
                .await
            }
            Action::Demote(node) => self.demote(docker, node).await,
            Action::Remove(node) => {
                let force = Some(DeleteNodeOptions { force: true });
                let removing = docker.delete_node(node, force);
                self.bounded("removing a node", CHANGE, removing).await
            }
            Action::Label { node, labels } => {
                self.change(docker, "labelling a node", node, |spec| {
                    let have = spec.labels.get_or_insert_default();
                    for (label, value) in labels {
                        match value {
                            Some(value) => have.insert(label.clone(), value.clone()),
                            None => have.remove(label),
                        };
                    }
                })
                .await
            }
        }
    }

    /// After `force-new-cluster` the list of nodes still has the lost managers, Raft has not, and such
    /// an entry can't be made a worker's: it goes at once. Without force, so that Docker keeps one
    /// that lives.
    async fn demote(&self, docker: &Docker, node: &str) -> Result<(), EngineError> {
        let role = NodeSpecRoleEnum::WORKER;
        let demoted = self
            .change(docker, "demoting a node", node, |spec| {
                spec.role = Some(role)
            })
            .await;
        match demoted {
            Err(EngineError::Refused { message, .. }) if message.contains("raft memberlist") => {
                let gently = Some(DeleteNodeOptions { force: false });
                let removing = docker.delete_node(node, gently);
                self.bounded("removing a lost manager", CHANGE, removing)
                    .await
            }
            demoted => demoted,
        }
    }

    async fn init(&self, docker: &Docker, force_new_cluster: bool) -> Result<(), EngineError> {
        let request = SwarmInitRequest {
            listen_addr: Some(self.listen_address()),
            advertise_addr: Some(self.own.to_string()),
            data_path_port: self.options.data_path_port.map(u32::from),
            force_new_cluster: Some(force_new_cluster),
            ..SwarmInitRequest::default()
        };
        let doing = "making a swarm";
        self.bounded(doing, LONG, docker.init_swarm(request))
            .await?;
        self.until(docker, doing, LONG, LocalNodeState::ACTIVE)
            .await
    }

    async fn join(
        &self,
        docker: &Docker,
        token: &str,
        managers: &[String],
    ) -> Result<(), EngineError> {
        let doing = "joining the swarm";
        // A manager's list may still have this host's former self.
        let remotes: Vec<SocketAddr> = managers
            .iter()
            .filter_map(|name| self.hives.get(name))
            .filter(|address| **address != self.own)
            .map(|address| SocketAddr::new(*address, MANAGER_PORT))
            .collect();
        let remotes = answering(remotes).await;
        if remotes.is_empty() {
            return Err(EngineError::Answer {
                doing,
                what: format!("no manager of {managers:?} is in this host's seed"),
            });
        }
        let request = SwarmJoinRequest {
            listen_addr: Some(self.listen_address()),
            advertise_addr: Some(self.own.to_string()),
            data_path_addr: None,
            remote_addrs: Some(remotes.iter().map(SocketAddr::to_string).collect()),
            join_token: Some(token.to_owned()),
        };
        let asked = self.bounded(doing, JOIN, docker.join_swarm(request)).await;
        if let Err(refused) = asked
            && self.state(docker).await? != LocalNodeState::PENDING
        {
            return Err(refused);
        }
        let joined = self
            .until(docker, doing, JOINED, LocalNodeState::ACTIVE)
            .await;
        if joined.is_err() {
            // A join that is under way for ever would keep this host from trying another manager.
            self.leave(docker).await?;
        }
        joined
    }

    async fn leave(&self, docker: &Docker) -> Result<(), EngineError> {
        let doing = "leaving the swarm";
        let force = Some(LeaveSwarmOptions { force: true });
        self.bounded(doing, LONG, docker.leave_swarm(force)).await?;
        self.until(docker, doing, LONG, LocalNodeState::INACTIVE)
            .await?;
        *self.cluster.lock().unwrap_or_else(|e| e.into_inner()) = None;
        Ok(())
    }

    /// Changes an entry's spec, again if somebody else changed it in between.
    async fn change(
        &self,
        docker: &Docker,
        doing: &'static str,
        node: &str,
        edit: impl Fn(&mut NodeSpec),
    ) -> Result<(), EngineError> {
        let mut tries = 0;
        loop {
            let entry = self
                .bounded(doing, CHANGE, docker.inspect_node(node))
                .await?;
            let version = entry.version.and_then(|version| version.index);
            let version = version.and_then(|index| i64::try_from(index).ok());
            let (Some(mut spec), Some(version)) = (entry.spec, version) else {
                return Err(EngineError::Answer {
                    doing,
                    what: "the node has no spec or version".into(),
                });
            };
            let before = spec.clone();
            edit(&mut spec);
            if spec == before {
                return Ok(());
            }
            let update = docker.update_node(node, spec, UpdateNodeOptions { version });
            tries += 1;
            match self.bounded(doing, CHANGE, update).await {
                Err(EngineError::Refused { message, .. })
                    if tries < TRIES && message.contains("out of sequence") =>
                {
                    sleep(PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn until(
        &self,
        docker: &Docker,
        doing: &'static str,
        within: Duration,
        wanted: LocalNodeState,
    ) -> Result<(), EngineError> {
        wait(doing, within, async || {
            Ok(self.state(docker).await? == wanted)
        })
        .await
    }
}

/// Those that answer, or all if none does: Docker tries one for very long before it tries another.
async fn answering(all: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut tries = Vec::new();
    for address in &all {
        tries.push(tokio::spawn(timeout(PROBE, TcpStream::connect(*address))));
    }
    let mut there = Vec::new();
    for (address, tried) in all.iter().zip(tries) {
        if let Ok(Ok(Ok(_))) = tried.await {
            there.push(*address);
        }
    }
    if there.is_empty() { all } else { there }
}

/// Looks again and again until `there` says so.
pub(super) async fn wait<F>(
    doing: &'static str,
    within: Duration,
    there: impl Fn() -> F,
) -> Result<(), EngineError>
where
    F: Future<Output = Result<bool, EngineError>>,
{
    let start = Instant::now();
    loop {
        match there().await {
            Ok(true) => return Ok(()),
            Err(e) if start.elapsed() >= within => return Err(e),
            Ok(false) if start.elapsed() >= within => {
                return Err(EngineError::Slow { doing, within });
            }
            Ok(false) | Err(_) => sleep(PAUSE).await,
        }
    }
}
