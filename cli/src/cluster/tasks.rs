//! Services, tasks and nodes as a manager tells them, under the names that people use:
//! `web.2` for the second replica, `agent.p-hive0` for the one task of a global service there.

use std::collections::BTreeSet;

use bollard::models::{Node, Service, Task, TaskState};
use bollard::query_parameters::{ListServicesOptions, ListTasksOptions};

use super::Link;
use crate::error::{CommandError, Result, Usage};

/// What a swarm runs, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Running {
    /// All services.
    pub services: Vec<Service>,
    /// All tasks, those of the past among them.
    pub tasks: Vec<Task>,
    /// All nodes.
    pub nodes: Vec<Node>,
}

/// A service, or one task of it: `SERVICE`, `SERVICE.2`, `SERVICE.p-hive0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The service's name.
    pub service: String,
    /// Slot or host of the task.
    pub task: Option<String>,
}

impl Running {
    /// Asks a manager.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn read(link: &Link) -> Result<Self> {
        let docker = link.docker();
        let asked = tokio::try_join!(
            docker.list_services(None::<ListServicesOptions>),
            docker.list_tasks(None::<ListTasksOptions>),
            docker.list_nodes(None),
        );
        match asked {
            Ok((services, tasks, nodes)) => Ok(Self {
                services,
                tasks,
                nodes,
            }),
            Err(error) => Err(link.explain(error).await.into()),
        }
    }

    /// Names of all services.
    pub fn names(&self) -> BTreeSet<&str> {
        self.services.iter().map(service_name).collect()
    }

    /// The service of a name.
    ///
    /// # Errors
    /// There is none; the error lists those that are there.
    pub fn service(&self, name: &str) -> Result<&Service> {
        let found = self.services.iter().find(|s| service_name(s) == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.names().into_iter().collect();
            let has = match names.as_slice() {
                [] => "it runs none".to_owned(),
                some => format!("it has {}", some.join(", ")),
            };
            CommandError::from(Usage(format!("the swarm has no service `{name}`; {has}")))
        })
    }

    /// What `SERVICE` or `SERVICE.N` means. Names may have dots themselves.
    ///
    /// # Errors
    /// There is no such service.
    pub fn target(&self, word: &str) -> Result<Target> {
        let split = word.rsplit_once('.');
        let (service, task) = match split {
            Some((service, task)) if !self.names().contains(word) => (service, Some(task)),
            _ => (word, None),
        };
        self.service(service)?;
        Ok(Target {
            service: service.to_owned(),
            task: task.map(str::to_owned),
        })
    }

    /// The running task that a word means, the first if it names only the service.
    ///
    /// # Errors
    /// There is no such service, or no such task runs; the error tells what its tasks do instead.
    pub fn running_task(&self, word: &str) -> Result<&Task> {
        let target = self.target(word)?;
        let service = self.service(&target.service)?;
        let mut running: Vec<&Task> = self
            .of_service(service)
            .filter(|task| state(task) == TaskState::RUNNING)
            .collect();
        running.sort_by_key(|task| (task.slot, self.host(task)));
        let wanted = |task: &&&Task| match &target.task {
            None => true,
            Some(name) => self.place(task) == *name,
        };
        running.iter().find(wanted).copied().ok_or_else(|| {
            let there: Vec<String> = running.iter().map(|task| self.task_name(task)).collect();
            let what = match there.as_slice() {
                [] => format!("no task of `{}` runs now", target.service),
                [one] => format!("`{word}` does not run now; {one} does"),
                some => format!("`{word}` does not run now; {} do", some.join(", ")),
            };
            CommandError::from(anyhow::anyhow!(what)).hint(format!(
                "`hive ps {}` tells what its tasks do, and why",
                target.service
            ))
        })
    }

    /// The tasks of a service.
    pub fn of_service<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Task> {
        self.tasks
            .iter()
            .filter(move |task| task.service_id.is_some() && task.service_id == service.id)
    }

    /// The name of a task's service.
    pub fn service_of(&self, task: &Task) -> Option<&Service> {
        self.services.iter().find(|s| s.id == task.service_id)
    }

    /// `web.2`.
    pub fn task_name(&self, task: &Task) -> String {
        let service = self.service_of(task).map(service_name);
        let service = service.or(task.service_id.as_deref()).unwrap_or("?");
        format!("{service}.{}", self.place(task))
    }

    /// What comes after the dot: the slot of a replica, the host of a global task.
    fn place(&self, task: &Task) -> String {
        match task.slot {
            Some(slot) if slot > 0 => slot.to_string(),
            _ => self.host(task).unwrap_or("-").to_owned(),
        }
    }

    /// The node of a task.
    pub fn node(&self, task: &Task) -> Option<&Node> {
        let id = task.node_id.as_deref().filter(|id| !id.is_empty())?;
        self.nodes.iter().find(|n| n.id.as_deref() == Some(id))
    }

    /// What the engine of a task's node calls itself; `None` before it has a node.
    pub fn host<'a>(&'a self, task: &'a Task) -> Option<&'a str> {
        match self.node(task) {
            Some(node) => Some(node_name(node)),
            None => task.node_id.as_deref().filter(|id| !id.is_empty()),
        }
    }
}

/// The name of a service.
pub fn service_name(service: &Service) -> &str {
    let spec = service.spec.as_ref();
    spec.and_then(|spec| spec.name.as_deref()).unwrap_or("?")
}

/// What a node's engine calls itself.
pub fn node_name(node: &Node) -> &str {
    let description = node.description.as_ref();
    let name = description.and_then(|d| d.hostname.as_deref());
    name.or(node.id.as_deref()).unwrap_or("?")
}

/// The state that a task is in.
pub fn state(task: &Task) -> TaskState {
    let status = task.status.as_ref();
    status.and_then(|s| s.state).unwrap_or(TaskState::NEW)
}

/// Whether the swarm wants this task to run (or to be done): it is not of the past.
pub fn is_current(task: &Task) -> bool {
    matches!(
        task.desired_state,
        Some(TaskState::RUNNING | TaskState::READY | TaskState::COMPLETE)
    )
}

/// The id of a task's container.
pub fn container(task: &Task) -> Option<&str> {
    let status = task.status.as_ref()?.container_status.as_ref()?;
    status.container_id.as_deref()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Docker's own JSON, as short as it gets.
    pub fn running() -> Running {
        let from = serde_json::from_value::<Vec<Service>>;
        let services = from(serde_json::json!([
            {"ID": "s1", "Spec": {"Name": "web", "Mode": {"Replicated": {"Replicas": 3}}}},
            {"ID": "s2", "Spec": {"Name": "agent", "Mode": {"Global": {}}}},
            {"ID": "s3", "Spec": {"Name": "with.dot", "Mode": {"Replicated": {"Replicas": 1}}}},
        ]));
        let nodes = serde_json::json!([
            {"ID": "n0", "Description": {"Hostname": "p-hive0"}, "Status": {"State": "ready"}, "Spec": {"Availability": "active", "Role": "manager"}},
            {"ID": "n1", "Description": {"Hostname": "p-hive1"}, "Status": {"State": "ready"}, "Spec": {"Availability": "active", "Role": "manager"}},
        ]);
        let tasks = serde_json::json!([
            {"ID": "t1", "ServiceID": "s1", "Slot": 1, "NodeID": "n1", "DesiredState": "running",
             "Spec": {"ContainerSpec": {"Image": "nginx:1"}},
             "Status": {"State": "running", "Timestamp": "2026-01-02T03:04:05.123456789Z", "ContainerStatus": {"ContainerID": "c1"}}},
            {"ID": "t2", "ServiceID": "s1", "Slot": 2, "NodeID": "n0", "DesiredState": "shutdown",
             "Spec": {"ContainerSpec": {"Image": "nginx:1"}},
             "Status": {"State": "failed", "Timestamp": "2026-01-02T03:04:00Z", "Err": "task: non-zero exit (3)", "ContainerStatus": {"ContainerID": "c2", "ExitCode": 3}}},
            {"ID": "t3", "ServiceID": "s1", "Slot": 2, "NodeID": "n0", "DesiredState": "ready",
             "Spec": {"ContainerSpec": {"Image": "nginx:1"}},
             "Status": {"State": "ready", "Timestamp": "2026-01-02T03:04:01Z"}},
            {"ID": "t4", "ServiceID": "s1", "Slot": 3, "DesiredState": "running",
             "Spec": {"ContainerSpec": {"Image": "nginx:1"}},
             "Status": {"State": "pending", "Timestamp": "2026-01-02T03:04:01Z", "Err": "no suitable node (scheduling constraints not satisfied on 2 nodes)"}},
            {"ID": "t5", "ServiceID": "s2", "NodeID": "n1", "DesiredState": "running",
             "Spec": {"ContainerSpec": {"Image": "agent"}},
             "Status": {"State": "running", "Timestamp": "2026-01-02T03:00:00Z", "ContainerStatus": {"ContainerID": "c5"}}},
            {"ID": "t6", "ServiceID": "s3", "Slot": 1, "NodeID": "n0", "DesiredState": "running",
             "Spec": {"ContainerSpec": {"Image": "nope:1"}},
             "Status": {"State": "rejected", "Timestamp": "2026-01-02T03:04:04Z", "Err": "No such image: nope:1"}},
        ]);
        Running {
            services: services.unwrap(),
            nodes: serde_json::from_value(nodes).unwrap(),
            tasks: serde_json::from_value(tasks).unwrap(),
        }
    }

    #[test]
    fn a_word_means_a_service_or_one_task_of_it() {
        let running = running();
        let target = |word: &str| {
            let target = running.target(word).unwrap();
            (target.service, target.task)
        };
        assert_eq!(target("web"), ("web".into(), None));
        assert_eq!(target("web.2"), ("web".into(), Some("2".into())));
        assert_eq!(target("with.dot"), ("with.dot".into(), None));
        assert_eq!(target("with.dot.1"), ("with.dot".into(), Some("1".into())));
        let unknown = running.target("wbe").unwrap_err().text();
        assert!(
            unknown.contains("no service `wbe`; it has agent, web, with.dot"),
            "{unknown}"
        );
    }

    #[test]
    fn the_running_task_is_found_and_others_are_told() {
        let running = running();
        let found = |word: &str| {
            running
                .running_task(word)
                .map(|task| task.id.clone().unwrap())
        };
        assert_eq!(found("web").unwrap(), "t1");
        assert_eq!(found("agent.p-hive1").unwrap(), "t5");
        let ready = found("web.2").unwrap_err().text();
        assert!(
            ready.contains("`web.2` does not run now; web.1 does"),
            "{ready}"
        );
        let none = found("with.dot").unwrap_err().text();
        assert!(
            none.contains("no task of `with.dot` runs now") && none.contains("hive ps with.dot")
        );
    }

    #[test]
    fn tasks_have_the_names_that_people_use() {
        let running = running();
        let name = |at: usize| running.task_name(&running.tasks[at]);
        assert_eq!((name(0), name(4)), ("web.1".into(), "agent.p-hive1".into()));
    }
}
