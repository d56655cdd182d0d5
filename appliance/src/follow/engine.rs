//! What this host's Docker Engine says and is told: the swarm, containers, events, node labels.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{
    EndpointResource, Node as Entry, NodeSpecRoleEnum, NodeState, Service as Listed, Task as Job,
    TaskState,
};
use bollard::query_parameters::{
    EventsOptions, InspectNetworkOptions, ListContainersOptions, ListNodesOptions,
    ListServicesOptions, ListTasksOptions, UpdateNodeOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::decide::Container;
use super::marks::Relabel;
use super::view::{Node, Service, Stage, SwarmView, Task};
use super::wish;
use crate::swarm::takes_part;

/// One question; an answer that takes longer is too old for a proof anyway.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same for a question that a proof does not wait for.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(1);
/// Seconds that bollard itself waits; `PATIENCE` ends a question before.
const LONGEST_CALL: u64 = 60;
/// Label of a task's container: the task's id.
const TASK_LABEL: &str = "com.docker.swarm.task.id";
/// Docker's bridge between overlay networks and the host.
const GATEWAY_BRIDGE: &str = "docker_gwbridge";
/// What of Docker's events may change anything here. Types are named, because one that bollard does
/// not know ends its stream.
const EVENT_TYPES: [&str; 3] = ["container", "service", "node"];
const EVENTS: [&str; 6] = [
    "start",
    "die",
    "health_status",
    "create",
    "update",
    "remove",
];

/// The engine behind a socket.
#[derive(Debug, Clone)]
pub struct Engine {
    socket: PathBuf,
    gateway: Arc<Mutex<Gateway>>,
}

/// `docker_gwbridge`, as it was told last.
#[derive(Debug, Default)]
struct Gateway {
    id: Option<String>,
    /// By the id of the container.
    addresses: HashMap<String, Vec<IpAddr>>,
}

/// What this node is in the swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// In none, or the engine can't say yet.
    None,
    /// A worker.
    Worker(String),
    /// A manager, which can be asked for everything.
    Manager(String),
}

impl Engine {
    /// The engine behind `socket`.
    pub fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            gateway: Arc::default(),
        }
    }

    fn connect(&self) -> Result<Docker, String> {
        let socket = self.socket.display().to_string();
        Docker::connect_with_unix(&socket, LONGEST_CALL, API_DEFAULT_VERSION)
            .map_err(|e| format!("connecting to Docker at {socket}: {e}"))
    }

    /// What this node is.
    ///
    /// # Errors
    /// The engine does not tell in time, in words.
    pub async fn membership(&self) -> Result<Membership, String> {
        let docker = self.connect()?;
        let info = bounded("asking Docker what this node is", docker.info()).await?;
        let swarm = info.swarm.unwrap_or_default();
        let part = takes_part(&swarm);
        let node = swarm.node_id.unwrap_or_default();
        Ok(match (part, swarm.control_available) {
            (false, _) => Membership::None,
            (true, Some(true)) => Membership::Manager(node),
            (true, _) => Membership::Worker(node),
        })
    }

    /// What the swarm says; on a manager only.
    ///
    /// # Errors
    /// It does not answer in time, in words.
    pub async fn view(&self) -> Result<SwarmView, String> {
        let docker = self.connect()?;
        let listing = docker.list_services(None::<ListServicesOptions>);
        let listed = bounded("listing the swarm's services", listing).await?;
        let mut services: Vec<Service> = listed.into_iter().filter_map(service).collect();
        services.sort_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)));
        if !services.is_empty() {
            let of = services.iter().map(|service| service.id.clone()).collect();
            let listing = docker.list_tasks(Some(ListTasksOptions {
                filters: Some(HashMap::from([("service".to_owned(), of)])),
            }));
            for job in bounded("listing tasks", listing).await? {
                let of = job.service_id.clone().unwrap_or_default();
                if let Some(service) = services.iter_mut().find(|service| service.id == of) {
                    service.tasks.push(task(job));
                }
            }
        }
        let listing = docker.list_nodes(None::<ListNodesOptions>);
        let entries = bounded("listing the swarm's nodes", listing).await?;
        let mut nodes: Vec<Node> = entries.into_iter().map(node).collect();
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        for service in &mut services {
            service.tasks.sort_by(|a, b| a.id.cmp(&b.id));
        }
        Ok(SwarmView { services, nodes })
    }

    /// Containers of tasks that run on this host and are not unhealthy, by the id of the task.
    ///
    /// # Errors
    /// The engine does not tell in time, in words.
    pub async fn containers(&self) -> Result<BTreeMap<String, Container>, String> {
        let docker = self.connect()?;
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let filters = HashMap::from([
            ("label".to_owned(), words(&[TASK_LABEL])),
            ("status".to_owned(), words(&["running"])),
            ("health".to_owned(), words(&["none", "healthy"])),
        ]);
        let listing = docker.list_containers(Some(ListContainersOptions {
            filters: Some(filters),
            ..ListContainersOptions::default()
        }));
        let listed = bounded("listing containers", listing).await?;
        let mut addresses = self.gateway_addresses(&docker).await;
        let containers = listed.into_iter().filter_map(|container| {
            let task = container.labels?.remove(TASK_LABEL)?;
            let addresses = addresses.remove(&container.id?).unwrap_or_default();
            Some((task, Container { addresses }))
        });
        Ok(containers.collect())
    }

    /// Addresses on `docker_gwbridge`, by the id of the container. What Docker does not tell in time is
    /// as it was: asked by name, a manager looks in the swarm too, which answers nobody while there is no
    /// leader. Asked by id it does not.
    async fn gateway_addresses(&self, docker: &Docker) -> HashMap<String, Vec<IpAddr>> {
        let lock = || self.gateway.lock().unwrap_or_else(|e| e.into_inner());
        let term = lock().id.clone();
        let term = term.as_deref().unwrap_or(GATEWAY_BRIDGE);
        let asking = docker.inspect_network(term, None::<InspectNetworkOptions>);
        match timeout(GATEWAY_PATIENCE, asking).await {
            Ok(Ok(network)) => {
                let ends = network.containers.unwrap_or_default().into_iter();
                *lock() = Gateway {
                    id: network.id,
                    addresses: ends.map(|(id, end)| (id, addresses(&end))).collect(),
                };
            }
            // Not made yet, or made anew under the same name.
            Ok(Err(Error::DockerResponseServerError {
                status_code: 404, ..
            })) => *lock() = Gateway::default(),
            Ok(Err(_)) | Err(_) => {}
        }
        lock().addresses.clone()
    }

    /// Waits for events and calls `news` for each, until the stream ends.
    ///
    /// # Errors
    /// Why it ended; what happened since is unknown.
    pub async fn watch(&self, mut news: impl FnMut()) -> Result<(), String> {
        let docker = self.connect()?;
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let mut events = Box::pin(docker.events(Some(EventsOptions {
            filters: Some(HashMap::from([
                ("type".to_owned(), words(&EVENT_TYPES)),
                ("event".to_owned(), words(&EVENTS)),
            ])),
            ..EventsOptions::default()
        })));
        while let Some(event) = events.next().await {
            event.map_err(|e| format!("following Docker's events: {e}"))?;
            news();
        }
        Ok(())
    }

    /// Changes labels of a node, unless its entry was changed since they were decided.
    ///
    /// # Errors
    /// The swarm refuses, in words. It is decided anew with the next answer.
    pub async fn relabel(&self, change: &Relabel) -> Result<(), String> {
        let docker = self.connect()?;
        let doing = format!("labelling the node {}", change.host);
        let entry = bounded(&doing, docker.inspect_node(&change.node)).await?;
        let version = entry.version.and_then(|version| version.index);
        if version != Some(change.version) {
            return Err(format!(
                "{doing}: its entry was changed in between; it is read again"
            ));
        }
        let mut spec = entry.spec.unwrap_or_default();
        let labels = spec.labels.get_or_insert_default();
        for (label, value) in &change.labels {
            match value {
                Some(value) => labels.insert(label.clone(), value.clone()),
                None => labels.remove(label),
            };
        }
        let version = i64::try_from(change.version).map_err(|e| format!("{doing}: {e}"))?;
        let options = UpdateNodeOptions { version };
        bounded(&doing, docker.update_node(&change.node, spec, options)).await
    }
}

async fn bounded<T>(
    doing: &str,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    match timeout(PATIENCE, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(format!("{doing}: {e}")),
        Err(_) => Err(format!(
            "{doing}: no answer within {} s",
            PATIENCE.as_secs()
        )),
    }
}

/// Both families, without their prefixes.
fn addresses(end: &EndpointResource) -> Vec<IpAddr> {
    let with_prefix = [&end.ipv4_address, &end.ipv6_address];
    let plain = with_prefix.into_iter().flatten().filter_map(|text| {
        let ip = text.split('/').next()?;
        ip.parse().ok()
    });
    plain.collect()
}

/// A service with labels of ours.
fn service(listed: Listed) -> Option<Service> {
    let spec = listed.spec?;
    let labels = spec.labels.unwrap_or_default().into_iter();
    let labels: BTreeMap<String, String> = labels.filter(|(label, _)| wish::ours(label)).collect();
    if labels.is_empty() {
        return None;
    }
    // Docker's default is one replica.
    let single = spec.mode.is_none_or(|mode| {
        let replicas = |r: bollard::models::ServiceSpecModeReplicated| r.replicas.unwrap_or(1) <= 1;
        mode.global.is_none() && mode.replicated.is_none_or(replicas)
    });
    Some(Service {
        id: listed.id?,
        name: spec.name.unwrap_or_default(),
        created: listed.created_at.unwrap_or_default(),
        labels,
        single,
        tasks: Vec::new(),
    })
}

fn task(job: Job) -> Task {
    let state = job.status.and_then(|status| status.state);
    Task {
        id: job.id.unwrap_or_default(),
        node: job.node_id.filter(|id| !id.is_empty()),
        created: job.created_at.unwrap_or_default(),
        wanted: job.desired_state == Some(TaskState::RUNNING),
        stage: state.map_or(Stage::Coming, stage),
    }
}

fn stage(state: TaskState) -> Stage {
    match state {
        TaskState::STARTING => Stage::Starting,
        TaskState::RUNNING => Stage::Running,
        TaskState::COMPLETE
        | TaskState::SHUTDOWN
        | TaskState::FAILED
        | TaskState::REJECTED
        | TaskState::REMOVE
        | TaskState::ORPHANED => Stage::Ended,
        _ => Stage::Coming,
    }
}

fn node(entry: Entry) -> Node {
    let spec = entry.spec.unwrap_or_default();
    let host = entry
        .description
        .and_then(|description| description.hostname);
    Node {
        id: entry.id.unwrap_or_default(),
        host: host.unwrap_or_default(),
        version: entry
            .version
            .and_then(|version| version.index)
            .unwrap_or_default(),
        manager: spec.role == Some(NodeSpecRoleEnum::MANAGER),
        leader: entry.manager_status.and_then(|status| status.leader) == Some(true),
        down: entry.status.and_then(|status| status.state) == Some(NodeState::DOWN),
        labels: spec.labels.unwrap_or_default().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_s_lists_are_understood() {
        let read = |mode: &str| {
            let text = format!(
                r#"{{"ID":"s1","CreatedAt":"2026-11-20T12:00:00.1Z","Spec":{{"Name":"web","Mode":{mode},
                "Labels":{{"HIVE_VIP":"10.0.0.9","com.example":"x"}}}}}}"#
            );
            service(serde_json::from_str(&text).unwrap()).unwrap()
        };
        let one = read(r#"{"Replicated":{"Replicas":1}}"#);
        assert!(one.single && one.labels.len() == 1);
        assert!(!read(r#"{"Replicated":{"Replicas":2}}"#).single);
        let other = serde_json::from_str(r#"{"ID":"s2","Spec":{"Name":"x"}}"#).unwrap();
        assert_eq!(service(other), None);
        let job: Job = serde_json::from_str(
            r#"{"ID":"t","ServiceID":"s1","NodeID":"n","CreatedAt":"2026-11-20T12:00:01Z",
            "Status":{"State":"running"},"DesiredState":"shutdown"}"#,
        )
        .unwrap();
        let task = task(job);
        assert!(!task.wanted && task.stage == Stage::Running);
        let entry: Entry = serde_json::from_str(
            r#"{"ID":"n","Version":{"Index":9},"Spec":{"Labels":{"a":"true"},"Role":"manager"},
            "Description":{"Hostname":"h0"},"Status":{"State":"down"},"ManagerStatus":{"Leader":true}}"#,
        )
        .unwrap();
        let node = node(entry);
        assert!(node.manager && node.leader && node.down && node.version == 9);
    }
}
