//! What the swarm says, as far as it is needed here. It goes over the wire too: a worker is told by a
//! manager's hived.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Services that ask for a virtual IP or a mark, and all nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwarmView {
    /// Services with a label of ours, with the oldest first.
    pub services: Vec<Service>,
    /// All entries of the swarm's list of nodes, sorted by id.
    pub nodes: Vec<Node>,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Docker's id: another one for a service that was deleted and made again under the same name.
    pub id: String,
    /// Name.
    pub name: String,
    /// When it was made, in Docker's words; only for an order that all hosts agree on.
    pub created: String,
    /// Its labels that are ours.
    pub labels: BTreeMap<String, String>,
    /// Whether it is meant to have one task at the most.
    pub single: bool,
    /// Its tasks, with those that are over and still remembered.
    pub tasks: Vec<Task>,
}

/// A task of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Docker's id.
    pub id: String,
    /// The node it was given to.
    pub node: Option<String>,
    /// When it was made, in Docker's words.
    pub created: String,
    /// Whether the swarm wants it to run.
    pub wanted: bool,
    /// How far it is, as its node reported last.
    pub stage: Stage,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nothing runs yet: it is being placed, or its image is fetched.
    Coming,
    /// Its container was started and is not healthy yet: Docker calls a task with a health check
    /// running only after the first good check, and ends it when it becomes unhealthy.
    Starting,
    /// It runs.
    Running,
    /// Its container is no more.
    Ended,
}

/// An entry in the swarm's list of nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Docker's id.
    pub id: String,
    /// Host name: the first label of the hive's name.
    pub host: String,
    /// Version of the entry: a change is refused when the entry was changed in between.
    pub version: u64,
    /// Whether it is a manager by its spec.
    pub manager: bool,
    /// Whether it leads the managers.
    pub leader: bool,
    /// Whether the swarm takes it for dead (`down`).
    pub down: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl SwarmView {
    /// A node by its id.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// A task by its id.
    pub fn task(&self, id: &str) -> Option<&Task> {
        let mut tasks = self.services.iter().flat_map(|service| &service.tasks);
        tasks.find(|task| task.id == id)
    }

    /// Whether both say the same of who runs what where; labels and leader apart.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let node = |node: &Node| (node.id.clone(), node.manager, node.down);
        self.services == other.services
            && self.nodes.iter().map(node).eq(other.nodes.iter().map(node))
    }

    /// Host name of a node, or its id when it is not in the list.
    pub fn host(&self, id: &str) -> String {
        self.node(id).map_or(id, |node| &node.host).to_owned()
    }
}

impl Service {
    /// The one task that a mark follows: the oldest whose container runs, healthy or not yet, and
    /// that is on a living node. Those that run go first.
    pub fn marked<'a>(&'a self, view: &SwarmView) -> Option<&'a Task> {
        self.oldest(Stage::Running, view)
            .or_else(|| self.oldest(Stage::Starting, view))
    }

    /// The one task that a virtual IP follows: the oldest that runs on a living node.
    pub fn followed<'a>(&'a self, view: &SwarmView) -> Option<&'a Task> {
        self.oldest(Stage::Running, view)
    }

    fn oldest<'a>(&'a self, stage: Stage, view: &SwarmView) -> Option<&'a Task> {
        let here = self.tasks.iter().filter(|task| {
            let node = task.node.as_deref().and_then(|id| view.node(id));
            task.wanted && task.stage == stage && node.is_some_and(|node| !node.down)
        });
        here.min_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{node, service, task};
    use super::*;

    #[test]
    fn of_several_tasks_the_oldest_that_runs_is_followed() {
        let mut web = service("web");
        web.tasks = vec![
            task("t3", "n1", Stage::Running),
            task("t2", "n2", Stage::Running),
        ];
        web.tasks.push(task("t1", "n3", Stage::Starting));
        let mut view = SwarmView {
            services: vec![web],
            nodes: vec![node("n1"), node("n2"), node("n3")],
        };
        let followed = |view: &SwarmView| view.services[0].followed(view).map(|t| t.id.clone());
        assert_eq!(followed(&view).as_deref(), Some("t2"));
        view.nodes[1].down = true;
        assert_eq!(followed(&view).as_deref(), Some("t3"));
        view.services[0].tasks[0].wanted = false;
        assert_eq!(followed(&view), None);
        // A mark does not wait for a health check, which may need those that follow the mark.
        let marked = view.services[0].marked(&view).map(|t| t.id.as_str());
        assert_eq!(marked, Some("t1"));
    }
}
