//! Tasks as lines: what each is to do, what it does, and what is wrong in words. Pure.

use bollard::models::{NodeState, Service, Task, TaskState};
use serde::Serialize;

use crate::cluster::tasks::{Running, is_current, service_name, state};
use crate::{moment, output};

/// A task.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `web.2`.
    pub task: String,
    /// Docker's id.
    pub id: String,
    /// The service's name.
    pub service: String,
    /// The host, once it has one.
    pub host: Option<String>,
    /// The image.
    pub image: String,
    /// What the swarm wants of it.
    pub desired: String,
    /// What it does.
    pub state: String,
    /// Since when, RFC 3339.
    pub since: Option<String>,
    /// The error in docker's words.
    pub error: Option<String>,
    /// What is wrong, and what to do; for tasks that are to run and don't.
    pub problem: Option<String>,
}

/// The tasks of the services in `running`, problems first, then by name, newest first.
pub fn rows(running: &Running, all: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = running
        .tasks
        .iter()
        .filter(|task| all || is_current(task))
        .filter_map(|task| Some(row(running, running.service_of(task)?, task)))
        .collect();
    let key = |row: &Row| {
        (
            row.problem.is_none(),
            row.service.clone(),
            number(&row.task),
            row.task.clone(),
        )
    };
    rows.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| b.since.cmp(&a.since)));
    rows
}

/// So that `web.10` comes after `web.9`.
fn number(task: &str) -> u64 {
    let last = task.rsplit('.').next();
    last.and_then(|slot| slot.parse().ok()).unwrap_or_default()
}

fn row(running: &Running, service: &Service, task: &Task) -> Row {
    let status = task.status.as_ref();
    let image = task.spec.as_ref().and_then(|s| s.container_spec.as_ref());
    let image = image.and_then(|c| c.image.as_deref()).unwrap_or("-");
    Row {
        task: running.task_name(task),
        id: task.id.clone().unwrap_or_default(),
        service: service_name(service).to_owned(),
        host: running.host(task).map(str::to_owned),
        // The digest is for machines.
        image: image
            .split_once('@')
            .map_or(image, |(name, _)| name)
            .to_owned(),
        desired: task.desired_state.map_or("-".into(), |s| s.to_string()),
        state: state(task).to_string(),
        since: status.and_then(|s| s.timestamp.clone()),
        error: status.and_then(|s| s.err.clone()).filter(|e| !e.is_empty()),
        problem: problem(running, task),
    }
}

/// What is wrong with a task that is to run.
fn problem(running: &Running, task: &Task) -> Option<String> {
    if !is_current(task) {
        return None;
    }
    let host = running.host(task).unwrap_or("no host");
    let node = running.node(task);
    let down = node.and_then(|n| n.status.as_ref()?.state) == Some(NodeState::DOWN);
    if down && state(task) == TaskState::RUNNING {
        return Some(format!(
            "{host} is down, and the swarm does not know whether it still runs"
        ));
    }
    let error = task
        .status
        .as_ref()
        .and_then(|s| s.err.as_deref())
        .unwrap_or_default();
    let own = match state(task) {
        TaskState::RUNNING | TaskState::COMPLETE => return None,
        _ if !error.is_empty() => Some(explained(error, host)),
        TaskState::ORPHANED => Some(format!("{host} was gone for too long")),
        _ => None,
    };
    // A task that is only beginning: why the one before it ended is what a person wants to know.
    own.or_else(|| Some(format!("started again after: {}", before(running, task)?)))
}

/// The error of the last task in the same place.
fn before(running: &Running, task: &Task) -> Option<String> {
    let same = |other: &&Task| {
        let place = match task.slot {
            Some(slot) if slot > 0 => other.slot == Some(slot),
            _ => other.node_id == task.node_id,
        };
        other.service_id == task.service_id && other.id != task.id && !is_current(other) && place
    };
    let ended = running.tasks.iter().filter(same);
    let last = ended.max_by_key(|other| other.status.as_ref().and_then(|s| s.timestamp.clone()))?;
    let error = last
        .status
        .as_ref()?
        .err
        .as_deref()
        .filter(|e| !e.is_empty())?;
    Some(explained(error, running.host(last).unwrap_or("no host")))
}

/// Docker's words, with what they mean where that is not plain.
fn explained(error: &str, host: &str) -> String {
    let lower = error.to_lowercase();
    let meaning = if lower.contains("constraints not satisfied") {
        "no host has what `placement_constraints` asks for"
    } else if lower.contains("insufficient resources") {
        "the reservations are more than any host has free"
    } else if lower.contains("host-mode port already in use") {
        "a port published in mode host is taken on every host that would do"
    } else if lower.contains("max replicas per node") {
        "more replicas than hosts times `max_replicas_per_node`"
    } else if lower.contains("no such image") || lower.contains("not found: manifest") {
        return format!(
            "{error}: the image is not on {host} and could not be pulled there; is its name right, and the registry in reach?"
        );
    } else if lower.contains("invalid mount config") || lower.contains("bind source path") {
        return format!("{error}: make the folder on {host} first");
    } else if lower.contains("unhealthy container") {
        "the health check failed; `hive logs` tells more"
    } else if lower.contains("non-zero exit (137)") {
        "killed: out of memory, or it did not stop in time"
    } else if lower.contains("non-zero exit") {
        "the program ended by itself; `hive logs` tells more"
    } else {
        return error.to_owned();
    };
    format!("{error}: {meaning}")
}

/// Services that have no task at all, a sentence each.
pub fn without_tasks(running: &Running) -> Vec<String> {
    let idle = |service: &&Service| !running.of_service(service).any(is_current);
    let note = |service: &Service| {
        let mode = service.spec.as_ref().and_then(|s| s.mode.as_ref());
        let replicas = mode.and_then(|m| m.replicated.as_ref()?.replicas);
        let why = match replicas {
            Some(0) => "it is scaled to 0 replicas",
            Some(_) => "the swarm has made none yet",
            None => "no host does for this global service; look at its constraints",
        };
        format!("{}: no tasks: {why}", service_name(service))
    };
    running.services.iter().filter(idle).map(note).collect()
}

/// A table, and below it what is wrong.
pub fn text(rows: &[Row], now: u64) -> String {
    let since = |row: &Row| {
        let since = row.since.as_deref().and_then(moment::seconds);
        since.map_or("-".into(), |then| moment::span(now.saturating_sub(then)))
    };
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.task.clone(),
                row.host.clone().unwrap_or_else(|| "-".into()),
                row.image.clone(),
                row.desired.clone(),
                row.state.clone(),
                since(row),
                row.error.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let head = [
        "TASK", "HOST", "IMAGE", "DESIRED", "STATE", "SINCE", "ERROR",
    ];
    let mut text = output::table(&head, &lines);
    let mut problems = rows
        .iter()
        .filter_map(|r| Some((&r.task, r.problem.as_ref()?)))
        .peekable();
    if problems.peek().is_some() {
        text.push('\n');
    }
    for (task, problem) in problems {
        text.push_str(&format!("{task}: {problem}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tasks::tests::running;

    #[test]
    fn problems_come_first_and_are_explained() {
        let rows = rows(&running(), false);
        // 2026-01-02T03:04:10Z
        let text = text(&rows, 1_767_323_050);
        assert_eq!(
            text,
            "\
TASK           HOST     IMAGE    DESIRED  STATE     SINCE  ERROR
web.2          p-hive0  nginx:1  ready    ready     9 s
web.3          -        nginx:1  running  pending   9 s    no suitable node (scheduling constraints not satisfied on 2 nodes)
with.dot.1     p-hive0  nope:1   running  rejected  6 s    No such image: nope:1
agent.p-hive1  p-hive1  agent    running  running   4 min
web.1          p-hive1  nginx:1  running  running   5 s

web.2: started again after: task: non-zero exit (3): the program ended by itself; `hive logs` tells more
web.3: no suitable node (scheduling constraints not satisfied on 2 nodes): no host has what `placement_constraints` asks for
with.dot.1: No such image: nope:1: the image is not on p-hive0 and could not be pulled there; is its name right, and the registry in reach?
"
        );
    }

    #[test]
    fn the_past_is_shown_when_asked_for_and_is_no_problem() {
        let rows = rows(&running(), true);
        let failed = rows.iter().find(|row| row.id == "t2").unwrap();
        assert_eq!((failed.state.as_str(), &failed.problem), ("failed", &None));
    }

    #[test]
    fn a_running_task_on_a_host_that_is_down_is_a_problem() {
        let mut running = running();
        running.nodes[1].status.as_mut().unwrap().state = Some(NodeState::DOWN);
        let rows = rows(&running, false);
        let agent = rows.iter().find(|row| row.service == "agent").unwrap();
        assert!(agent.problem.as_ref().unwrap().contains("p-hive1 is down"));
    }

    #[test]
    fn a_service_without_tasks_is_told() {
        let mut running = running();
        running.tasks.clear();
        assert_eq!(
            without_tasks(&running),
            [
                "web: no tasks: the swarm has made none yet",
                "agent: no tasks: no host does for this global service; look at its constraints",
                "with.dot: no tasks: the swarm has made none yet"
            ]
        );
    }
}
