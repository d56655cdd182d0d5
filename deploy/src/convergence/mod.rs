//! Waits until services are as they were told to be, or it is clear that they won't.

mod assess;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bollard::models::{Service, Task};
use bollard::query_parameters::{ListServicesOptions, ListTasksOptions};
use serde::Serialize;

use crate::error::Error;
use crate::managers::{Managers, Swarm};

use assess::Watch;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Creations and updates.
    Rollout,
    /// A rollback that was asked for.
    Rollback,
    /// Nothing was changed: a service that does not run as defined is to run again. How often it failed
    /// before is history.
    Return,
}

/// For what and how long to wait.
#[derive(Debug, Clone)]
pub struct Patience {
    /// The end of it all.
    pub deadline: Duration,
    /// So many failures of one task's place, and the service has failed.
    pub failures: usize,
    /// An error that nothing changes about for so long is final.
    pub stuck: Duration,
    /// Tasks have to run for so long; `None` is what the service's update policy says.
    pub steady: Option<Duration>,
    /// Between two looks.
    pub poll: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(600),
            failures: 3,
            stuck: Duration::from_secs(20),
            steady: None,
            poll: Duration::from_millis(500),
        }
    }
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceState {
    /// The service.
    pub name: String,
    /// Tasks that run in its present definition.
    pub running: u64,
    /// Tasks that are to run.
    pub wanted: u64,
    /// Where it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// Tasks that do not run yet, and what they are at.
    pub waiting: Vec<TaskState>,
    /// The last error of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskState>,
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", content = "message", rename_all = "snake_case")]
pub enum Phase {
    /// Tasks start.
    Starting,
    /// All run; whether they go on running is being watched.
    Watching,
    /// Docker replaces tasks.
    Updating,
    /// Docker goes back to the definition before.
    RollingBack,
    /// As it should be.
    Converged,
    /// An update failed, and the definition before runs again.
    RolledBack(String),
    /// An update failed and was stopped on the way.
    Paused(String),
    /// It won't run.
    Failed(String),
    /// The deadline came first.
    Late,
}

impl Phase {
    /// Whether waiting is over.
    pub fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Starting | Self::Watching | Self::Updating | Self::RollingBack
        )
    }
}

/// A task, and what it is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskState {
    /// `web.2`, or `web` on a host of a global service.
    pub task: String,
    /// The host, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Docker's word: `preparing`.
    pub state: String,
    /// The task's own error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Waits for services, each with its goal; `report` gets all states after each look. The deadline is
/// no error: states tell.
pub async fn wait<M: Managers>(
    swarm: &mut Swarm<M>,
    services: &[(String, Goal)],
    patience: &Patience,
    report: &mut dyn FnMut(&[ServiceState]),
) -> Result<Vec<ServiceState>, Error> {
    let start = Instant::now();
    let watches = services
        .iter()
        .map(|(name, goal)| (name.clone(), Watch::new(name, *goal, patience.clone())));
    let mut watches: BTreeMap<String, Watch> = watches.collect();
    let mut hosts = BTreeMap::new();
    loop {
        let list = swarm.ask("listing services", |docker| async move {
            docker.list_services(None::<ListServicesOptions>).await
        });
        let listed = list.await?;
        let tasks = swarm.ask("listing tasks", |docker| async move {
            // Of tasks of an older definition nothing is to be learned.
            let filters = HashMap::from([("_up-to-date".to_owned(), vec!["true".to_owned()])]);
            let options = ListTasksOptions {
                filters: Some(filters),
            };
            docker.list_tasks(Some(options)).await
        });
        let tasks = tasks.await?;
        if unknown_host(&tasks, &hosts) {
            let nodes = swarm.ask("listing hosts", |d| async move { d.list_nodes(None).await });
            let named = nodes.await?.into_iter();
            let named = named.filter_map(|node| Some((node.id?, node.description?.hostname?)));
            hosts = named.collect();
        }
        let now = start.elapsed();
        let mut states = Vec::new();
        for (name, watch) in &mut watches {
            let service = listed.iter().find(|service| named(service) == name);
            let id = service.and_then(|service| service.id.as_deref());
            let own: Vec<&Task> = tasks
                .iter()
                .filter(|task| id.is_some() && task.service_id.as_deref() == id)
                .collect();
            states.push(watch.look(now, service, &own, &hosts));
        }
        report(&states);
        if states.iter().all(|state| state.phase.is_final()) {
            return Ok(states);
        }
        tokio::time::sleep(patience.poll).await;
    }
}

fn named(service: &Service) -> &str {
    let name = service.spec.as_ref().and_then(|spec| spec.name.as_deref());
    name.unwrap_or_default()
}

fn unknown_host(tasks: &[Task], hosts: &BTreeMap<String, String>) -> bool {
    let mut ids = tasks.iter().filter_map(|task| task.node_id.as_ref());
    ids.any(|id| !id.is_empty() && !hosts.contains_key(id))
}
