//! Marks: the node label `<name>=true`, on the node on which the service with `HIVE_MARK: <name>` runs.
//! They are kept for all nodes in one place, beside the leader of the swarm's managers, so that a dead host's
//! label goes while it is dead.
//!
//! Beside each label stands another, `hive.mark.<name>=<id of the service>`. It goes with it in one
//! change, so after a crash a mark is known for what it is. A label without it was made by somebody
//! else and is never touched. hived leaves both alone: it knows labels by the names of groups.

use std::collections::{BTreeMap, BTreeSet};

use hive_inventory::follow::MarkReport;

use super::ownership::in_order;
use super::view::{Node, SwarmView};
use super::wish::Wishes;

/// What the label beside a mark begins with.
pub const COMPANION: &str = "hive.mark.";
/// What a mark says.
const TRUE: &str = "true";

/// A change to the labels of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relabel {
    /// Docker's id of the node.
    pub node: String,
    /// Its name, for people.
    pub host: String,
    /// The version of the entry that was decided by.
    pub version: u64,
    /// Labels that are set, or removed.
    pub labels: BTreeMap<String, Option<String>>,
}

/// What is to be changed, how marks are, and complaints as pairs of service and text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Changes, one a node at the most.
    pub changes: Vec<Relabel>,
    /// How they are now.
    pub report: Vec<MarkReport>,
    /// What a person should mend.
    pub complaints: Vec<(String, String)>,
}

/// Compares what is wanted with the labels that nodes have. `groups` are names that hived keeps.
pub fn marks(
    view: &SwarmView,
    wishes: &BTreeMap<String, Wishes>,
    groups: &BTreeSet<String>,
) -> Marks {
    let mut out = Marks::default();
    // By name: the service, and the node of its task.
    let mut wanted: BTreeMap<&str, (&str, Option<&str>)> = BTreeMap::new();
    for service in in_order(view) {
        let Some(name) = wishes.get(&service.id).and_then(|w| w.mark.as_deref()) else {
            continue;
        };
        let mut complain = |text: String| out.complaints.push((service.name.clone(), text));
        if groups.contains(name) {
            complain(format!(
                "HIVE_MARK: {name} is a group of the inventory, whose label every host of it has; take another name"
            ));
            continue;
        }
        if wanted.contains_key(name) {
            complain(format!(
                "HIVE_MARK: the mark {name} belongs to an older service; take another name"
            ));
            continue;
        }
        if !service.single {
            complain(format!(
                "it may have several tasks, and the mark {name} can follow one only: the one that runs longest; set replicas to 1"
            ));
        }
        let node = service.marked(view).and_then(|task| task.node.as_deref());
        wanted.insert(name, (&service.id, node));
        let has = |node: &&Node| node.labels.get(name).map(String::as_str) == Some(TRUE);
        let hosts = view.nodes.iter().filter(has).map(|node| node.host.clone());
        out.report.push(MarkReport {
            name: name.to_owned(),
            service: service.name.clone(),
            hosts: hosts.collect(),
        });
        let foreign = |node: &&Node| {
            node.labels.contains_key(name) && !node.labels.contains_key(&companion(name))
        };
        if let Some(foreign) = view.nodes.iter().find(foreign) {
            out.complaints.push((
                service.name.clone(),
                format!(
                    "HIVE_MARK: {} has a label {name} that hive did not make and does not move; remove it with `docker node update --label-rm {name} {}`",
                    foreign.host, foreign.host
                ),
            ));
        }
    }
    let ours: Vec<(&Node, &str)> = view
        .nodes
        .iter()
        .flat_map(|node| {
            let names = node.labels.keys().filter_map(|l| l.strip_prefix(COMPANION));
            names.map(move |name| (node, name))
        })
        .collect();
    for node in &view.nodes {
        let mut labels = BTreeMap::new();
        for (_, name) in ours.iter().filter(|(of, _)| of.id == node.id) {
            let stays = wanted
                .get(name)
                .is_some_and(|(_, on)| *on == Some(&node.id));
            if !stays {
                labels.insert((*name).to_owned(), None);
                labels.insert(companion(name), None);
            }
        }
        for (name, (service, on)) in &wanted {
            // Nobody else may have it: members would be spread over two nodes.
            let elsewhere = ours.iter().any(|(of, n)| n == name && of.id != node.id);
            let beside = node.labels.get(&companion(name));
            let has = node.labels.get(*name);
            let foreign = has.is_some() && beside.is_none();
            let right = has.map(String::as_str) == Some(TRUE)
                && beside.map(String::as_str) == Some(service);
            if *on == Some(&node.id) && !elsewhere && !foreign && !right {
                labels.insert((*name).to_owned(), Some(TRUE.to_owned()));
                labels.insert(companion(name), Some((*service).to_owned()));
            }
        }
        if !labels.is_empty() {
            out.changes.push(Relabel {
                node: node.id.clone(),
                host: node.host.clone(),
                version: node.version,
                labels,
            });
        }
    }
    out
}

fn companion(name: &str) -> String {
    format!("{COMPANION}{name}")
}

#[cfg(test)]
mod tests {
    use super::super::sample::{running, view};
    use super::super::view::Stage;
    use super::super::wish;
    use super::*;

    fn look(view: &SwarmView) -> Marks {
        let services = view.services.iter();
        let wishes = services.map(|s| (s.id.clone(), wish::wishes(&s.labels)));
        marks(
            view,
            &wishes.collect(),
            &BTreeSet::from(["hives".to_owned()]),
        )
    }

    /// Carries out all changes.
    fn settle(view: &mut SwarmView) -> Vec<String> {
        let changes = look(view).changes;
        for change in &changes {
            let node = view.nodes.iter_mut().find(|n| n.id == change.node).unwrap();
            for (label, value) in &change.labels {
                match value {
                    Some(value) => node.labels.insert(label.clone(), value.clone()),
                    None => node.labels.remove(label),
                };
            }
        }
        let marked = view
            .nodes
            .iter()
            .filter(|n| n.labels.get("zabbix").is_some_and(|v| v == "true"));
        marked.map(|n| n.id.clone()).collect()
    }

    fn zabbix(on: &str) -> SwarmView {
        view(vec![running("zabbix", on, &[("HIVE_MARK", "zabbix")])])
    }

    #[test]
    fn a_mark_follows_and_is_never_on_two_nodes() {
        let mut view = zabbix("1");
        assert_eq!(settle(&mut view), ["1"]);
        assert_eq!(look(&view).changes, []);
        view.services[0].tasks[0].node = Some("2".into());
        assert_eq!(settle(&mut view), [""; 0], "first it goes, then it comes");
        assert_eq!(settle(&mut view), ["2"]);
        assert!(view.nodes[0].labels.is_empty());
    }

    #[test]
    fn marks_of_dead_nodes_removed_services_and_changed_labels_go() {
        let mut view = zabbix("1");
        settle(&mut view);
        view.nodes[0].down = true;
        assert_eq!(settle(&mut view), [""; 0]);
        view.nodes[0].down = false;
        settle(&mut view);
        view.services[0]
            .labels
            .insert("HIVE_MARK".into(), "other".into());
        settle(&mut view);
        assert_eq!(
            view.nodes[0].labels.get("other").map(String::as_str),
            Some("true")
        );
        assert!(!view.nodes[0].labels.contains_key("zabbix"));
        view.services.clear();
        settle(&mut view);
        assert!(view.nodes.iter().all(|node| node.labels.is_empty()));
    }

    #[test]
    fn a_mark_goes_when_the_task_ends_and_comes_back_for_a_service_made_again() {
        let mut view = zabbix("1");
        settle(&mut view);
        view.services[0].id = "again".into();
        assert_eq!(settle(&mut view), ["1"]);
        assert_eq!(view.nodes[0].labels["hive.mark.zabbix"], "again");
        view.services[0].tasks[0].stage = Stage::Ended;
        assert_eq!(settle(&mut view), [""; 0]);
    }

    #[test]
    fn labels_of_others_are_left_alone_and_told() {
        let mut view = zabbix("1");
        view.nodes[1].labels.insert("zabbix".into(), "true".into());
        view.nodes[2].labels.insert("ssd".into(), "1".into());
        assert_eq!(settle(&mut view), ["1", "2"]);
        let complaints = look(&view).complaints;
        assert!(complaints[0].1.contains("h2"), "{complaints:?}");
        view.nodes[0].labels.clear();
        view.nodes[0].labels.insert("zabbix".into(), "false".into());
        assert_eq!(look(&view).changes, []);
        assert_eq!(view.nodes[2].labels.len(), 1);
    }

    #[test]
    fn a_group_and_a_name_that_is_taken_are_refused() {
        let mut view = view(vec![
            running("a", "1", &[("HIVE_MARK", "zabbix")]),
            running("b", "2", &[("HIVE_MARK", "zabbix")]),
            running("c", "3", &[("HIVE_MARK", "hives")]),
        ]);
        assert_eq!(settle(&mut view), ["1"]);
        let complaints = look(&view).complaints;
        assert!(
            complaints
                .iter()
                .any(|(s, t)| s == "b" && t.contains("older service"))
        );
        assert!(
            complaints
                .iter()
                .any(|(s, t)| s == "c" && t.contains("group"))
        );
    }
}
