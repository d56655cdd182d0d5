//! Which services are spread unevenly over the hosts that would do. Pure.

use std::collections::BTreeMap;

use bollard::models::{
    Node, NodeSpecAvailabilityEnum, NodeState, Service, ServiceUpdateStatusStateEnum, TaskState,
};
use serde::Serialize;

use crate::cluster::tasks::{Running, is_current, node_name, service_name, state};
use crate::output;

/// What was found of a service.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name.
    pub service: String,
    /// Running tasks on each host (or group of hosts) that would do.
    pub tasks: BTreeMap<String, usize>,
    /// What to do.
    pub verdict: Verdict,
}

/// What to do about a service.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing.
    Even,
    /// Start its tasks anew.
    Uneven,
    /// Nothing, for a reason.
    Left(String),
}

/// Looks at all services; global ones have no choice and are not among the findings.
pub fn findings(running: &Running) -> Vec<Finding> {
    let mut found: Vec<Finding> = running
        .services
        .iter()
        .filter(|service| replicas(service).is_some())
        .map(|service| finding(running, service))
        .collect();
    found.sort_by(|a, b| a.service.cmp(&b.service));
    found
}

fn replicas(service: &Service) -> Option<i64> {
    service
        .spec
        .as_ref()?
        .mode
        .as_ref()?
        .replicated
        .as_ref()?
        .replicas
}

fn finding(running: &Running, service: &Service) -> Finding {
    let left = |why: String| Finding {
        service: service_name(service).to_owned(),
        tasks: BTreeMap::new(),
        verdict: Verdict::Left(why),
    };
    let updating = service.update_status.as_ref().and_then(|u| u.state);
    match updating {
        Some(
            ServiceUpdateStatusStateEnum::UPDATING | ServiceUpdateStatusStateEnum::ROLLBACK_STARTED,
        ) => {
            return left("it is being updated".into());
        }
        Some(
            ServiceUpdateStatusStateEnum::PAUSED | ServiceUpdateStatusStateEnum::ROLLBACK_PAUSED,
        ) => {
            return left("its last update has stopped half way".into());
        }
        _ => {}
    }
    let placement = service
        .spec
        .as_ref()
        .and_then(|s| s.task_template.as_ref()?.placement.as_ref());
    let constraints = placement
        .and_then(|p| p.constraints.as_deref())
        .unwrap_or_default();
    let label = placement.and_then(|p| {
        p.preferences
            .as_ref()?
            .first()?
            .spread
            .as_ref()?
            .spread_descriptor
            .as_deref()
    });
    let mut tasks = BTreeMap::new();
    let mut groups = BTreeMap::new();
    for node in running.nodes.iter().filter(|node| is_open(node)) {
        let mut does = true;
        for constraint in constraints {
            match holds(constraint, node) {
                Some(holds) => does &= holds,
                None => {
                    return left(format!(
                        "its constraint `{constraint}` is none that hive can check"
                    ));
                }
            }
        }
        if does {
            let group = match label {
                Some(label) => value(label, node).unwrap_or_default(),
                None => node_name(node).to_owned(),
            };
            tasks.entry(group.clone()).or_insert(0);
            groups.insert(node.id.as_deref(), group);
        }
    }
    let current = running.of_service(service).filter(|task| is_current(task));
    for task in current.filter(|task| state(task) == TaskState::RUNNING) {
        // One on a host that no longer does is the swarm's to move.
        if let Some(count) = groups
            .get(&task.node_id.as_deref())
            .and_then(|g| tasks.get_mut(g))
        {
            *count += 1;
        }
    }
    let most = tasks.values().max().copied().unwrap_or_default();
    let least = tasks.values().min().copied().unwrap_or_default();
    Finding {
        service: service_name(service).to_owned(),
        tasks,
        verdict: if most > least + 1 {
            Verdict::Uneven
        } else {
            Verdict::Even
        },
    }
}

/// Whether a node takes tasks.
fn is_open(node: &Node) -> bool {
    let ready = node.status.as_ref().and_then(|s| s.state) == Some(NodeState::READY);
    let spec = node.spec.as_ref();
    ready && spec.and_then(|s| s.availability) == Some(NodeSpecAvailabilityEnum::ACTIVE)
}

/// Whether a node fulfils `KEY==VALUE` or `KEY!=VALUE`; `None` if that can't be told.
fn holds(constraint: &str, node: &Node) -> Option<bool> {
    let (key, wanted, equal) = match (constraint.split_once("=="), constraint.split_once("!=")) {
        (Some((key, wanted)), None) => (key, wanted, true),
        (None, Some((key, wanted))) => (key, wanted, false),
        _ => return None,
    };
    let value = value(key.trim(), node)?;
    Some(value.eq_ignore_ascii_case(wanted.trim()) == equal)
}

/// What a node has for a key of constraints; a label that it has not is empty.
fn value(key: &str, node: &Node) -> Option<String> {
    let description = node.description.as_ref();
    let spec = node.spec.as_ref();
    if let Some(label) = key.strip_prefix("node.labels.") {
        let labels = spec.and_then(|s| s.labels.as_ref());
        return Some(
            labels
                .and_then(|l| l.get(label).cloned())
                .unwrap_or_default(),
        );
    }
    if let Some(label) = key.strip_prefix("engine.labels.") {
        let labels = description.and_then(|d| d.engine.as_ref()?.labels.as_ref());
        return Some(
            labels
                .and_then(|l| l.get(label).cloned())
                .unwrap_or_default(),
        );
    }
    let platform = description.and_then(|d| d.platform.as_ref());
    match key {
        "node.id" => node.id.clone(),
        "node.hostname" => Some(node_name(node).to_owned()),
        "node.role" => spec?.role.map(|role| role.to_string()),
        "node.platform.os" => platform?.os.clone(),
        "node.platform.arch" => platform?.architecture.clone(),
        _ => None,
    }
}

/// A line for each service.
pub fn text(findings: &[Finding]) -> String {
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|finding| {
            let verdict = match &finding.verdict {
                Verdict::Even => "even".to_owned(),
                Verdict::Uneven => "uneven: its tasks are to be started anew".to_owned(),
                Verdict::Left(why) => format!("left alone: {why}"),
            };
            let tasks: Vec<String> = finding
                .tasks
                .iter()
                .map(|(h, n)| format!("{h}: {n}"))
                .collect();
            let tasks = if tasks.is_empty() {
                "-".to_owned()
            } else {
                tasks.join(", ")
            };
            vec![finding.service.clone(), tasks, verdict]
        })
        .collect();
    output::table(&["SERVICE", "TASKS", ""], &rows)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Nodes a, b, c; a service `s` with these placement rules and so many tasks on each node.
    fn found(placement: Value, counts: [usize; 3], change: impl FnOnce(&mut Running)) -> Finding {
        let node = |(name, zone): (&str, &str)| {
            json!({"ID": name, "Description": {"Hostname": name}, "Status": {"State": "ready"},
                "Spec": {"Availability": "active", "Role": "manager", "Labels": {"zone": zone}}})
        };
        let nodes: Vec<Value> = [("a", "x"), ("b", "x"), ("c", "y")].map(node).into();
        let mut tasks = Vec::new();
        for (node, count) in ["a", "b", "c"].iter().zip(counts) {
            for _ in 0..count {
                tasks.push(
                    json!({"ID": "t", "ServiceID": "s", "Slot": 1, "NodeID": node,
                    "DesiredState": "running", "Status": {"State": "running"}}),
                );
            }
        }
        let service = json!([{"ID": "s", "Spec": {"Name": "s", "Mode": {"Replicated": {"Replicas": 6}},
            "TaskTemplate": {"Placement": placement}}}]);
        let mut running = Running {
            services: serde_json::from_value(service).unwrap(),
            nodes: serde_json::from_value(Value::Array(nodes)).unwrap(),
            tasks: serde_json::from_value(Value::Array(tasks)).unwrap(),
        };
        change(&mut running);
        findings(&running).remove(0)
    }

    #[test]
    fn a_host_that_came_back_makes_services_uneven() {
        assert_eq!(found(json!({}), [3, 3, 0], |_| ()).verdict, Verdict::Uneven);
        assert_eq!(found(json!({}), [2, 2, 2], |_| ()).verdict, Verdict::Even);
        // One task more than elsewhere is as even as it gets.
        assert_eq!(found(json!({}), [1, 1, 0], |_| ()).verdict, Verdict::Even);
    }

    #[test]
    fn hosts_that_take_no_tasks_do_not_count() {
        let drained = found(json!({}), [3, 3, 0], |running| {
            let spec = running.nodes[2].spec.as_mut().unwrap();
            spec.availability = Some(NodeSpecAvailabilityEnum::DRAIN);
        });
        assert_eq!(drained.verdict, Verdict::Even);
        let bound = json!({"Constraints": ["node.labels.zone == x"]});
        assert_eq!(found(bound, [3, 3, 0], |_| ()).verdict, Verdict::Even);
        let not = json!({"Constraints": ["node.hostname!=b"]});
        assert_eq!(found(not, [3, 0, 0], |_| ()).verdict, Verdict::Uneven);
    }

    #[test]
    fn a_preference_spreads_over_its_groups() {
        let zones = json!({"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]});
        let even = found(zones.clone(), [3, 0, 3], |_| ());
        assert_eq!(even.verdict, Verdict::Even);
        assert_eq!(
            even.tasks,
            [("x".to_owned(), 3), ("y".to_owned(), 3)].into()
        );
        assert_eq!(found(zones, [2, 2, 2], |_| ()).verdict, Verdict::Uneven);
    }

    #[test]
    fn what_can_not_be_judged_is_left_alone() {
        let odd = json!({"Constraints": ["node.ip==10.0.0.0/8"]});
        let left = found(odd, [3, 3, 0], |_| ()).verdict;
        assert_eq!(
            left,
            Verdict::Left(
                "its constraint `node.ip==10.0.0.0/8` is none that hive can check".into()
            )
        );
        let updating = found(json!({}), [3, 3, 0], |running| {
            let status = json!({"State": "updating"});
            running.services[0].update_status = serde_json::from_value(status).unwrap();
        });
        assert_eq!(
            updating.verdict,
            Verdict::Left("it is being updated".into())
        );
    }

    #[test]
    fn global_services_are_not_looked_at() {
        let mut running = crate::cluster::tasks::tests::running();
        running.services.retain(|s| service_name(s) == "agent");
        assert!(findings(&running).is_empty());
    }
}
