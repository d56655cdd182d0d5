//! Node labels `hive.volume.NAME=true` on the hosts that can use a volume, so that services of a volume with two
//! copies can be kept to them. One host sees to it: the one beside the leader of the swarm's managers.

use std::collections::{BTreeMap, BTreeSet};

use hive_membership::Action;
use hive_volumes::record::document::CONFIG_PREFIX;

use super::host::Host;
use crate::swarm::{NodeEntry, Records};

/// What a label says.
const TRUE: &str = "true";

/// A change to the labels of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Relabel {
    node: String,
    host: String,
    labels: BTreeMap<String, Option<String>>,
}

/// Makes the labels as the records want them, if this host is beside the leader.
///
/// # Errors
/// The swarm does not tell of its nodes or refuses a change, in words.
pub(super) async fn keep(host: &Host, records: &Records) -> Result<(), String> {
    let Some((own, true)) = host.access().node() else {
        return Ok(());
    };
    let nodes = host.engine.nodes().await?;
    if !nodes.iter().any(|node| node.leader && node.id == own) {
        return Ok(());
    }
    for Relabel {
        node,
        host: name,
        labels,
    } in changes(records, &nodes)
    {
        eprintln!("<6>hived: labels of {name}: {labels:?}");
        host.engine.act(&Action::Label { node, labels }).await?;
    }
    Ok(())
}

/// The difference between what is wanted and what is there.
fn changes(records: &Records, nodes: &[NodeEntry]) -> Vec<Relabel> {
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for record in records.volumes.values() {
        let label = format!("{CONFIG_PREFIX}{}", record.identity.name);
        for (host, _) in record.state.present() {
            wanted.entry(host).or_default().insert(label.clone());
        }
    }
    // Whose record does not read may be any of them.
    let may_go = records.unreadable.is_empty();
    let none = BTreeSet::new();
    let relabel = |node: &NodeEntry| {
        let wanted = wanted.get(node.host.as_str()).unwrap_or(&none);
        let has = |label: &String| node.labels.get(label).map(String::as_str) == Some(TRUE);
        let come = wanted.iter().filter(|label| !has(label));
        let come = come.map(|label| (label.clone(), Some(TRUE.to_owned())));
        let ours = node.labels.keys().filter(|l| l.starts_with(CONFIG_PREFIX));
        let go = ours.filter(|label| may_go && !wanted.contains(*label));
        let labels: BTreeMap<_, _> = come.chain(go.map(|label| (label.clone(), None))).collect();
        (!labels.is_empty()).then(|| Relabel {
            node: node.id.clone(),
            host: node.host.clone(),
            labels,
        })
    };
    nodes.iter().filter_map(relabel).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn node(host: &str, labels: &[&str]) -> NodeEntry {
        NodeEntry {
            id: format!("id-{host}"),
            host: host.into(),
            leader: false,
            down: false,
            labels: labels
                .iter()
                .map(|label| ((*label).to_owned(), TRUE.to_owned()))
                .collect(),
        }
    }

    fn records() -> Records {
        let all = [sample::pair("db", 2), sample::mesh("web", 1)];
        Records {
            volumes: all
                .map(|record| (record.identity.name.as_str().to_owned(), record))
                .into(),
            unreadable: Vec::new(),
        }
    }

    #[test]
    fn hosts_with_a_part_get_the_label_and_others_lose_it() {
        let nodes = [
            node("h0", &["hives", "hive.volume.db", "hive.volume.web"]),
            node("h1", &["hive.volume.gone"]),
            node("h2", &["hive.volume.db", "hive.mark.x"]),
        ];
        let found = changes(&records(), &nodes);
        assert_eq!(found.len(), 2, "{found:?}");
        let yes = Some(TRUE.to_owned());
        let label = |name: &str| format!("hive.volume.{name}");
        assert_eq!(found[0].node, "id-h1");
        assert_eq!(
            found[0].labels,
            BTreeMap::from([
                (label("db"), yes.clone()),
                (label("gone"), None),
                (label("web"), yes.clone())
            ])
        );
        assert_eq!(
            found[1].labels,
            BTreeMap::from([(label("db"), None), (label("web"), yes)])
        );
    }

    #[test]
    fn a_record_that_does_not_read_keeps_its_labels() {
        let mut records = records();
        records.unreadable.push("x".into());
        let nodes = [node("h2", &["hive.volume.later", "hive.volume.web"])];
        assert_eq!(changes(&records, &nodes), []);
    }

    #[test]
    fn a_label_with_another_value_is_made_right() {
        let mut h0 = node("h0", &["hive.volume.web"]);
        h0.labels.insert("hive.volume.db".into(), "false".into());
        let found = changes(&records(), &[h0]);
        assert_eq!(found[0].labels["hive.volume.db"].as_deref(), Some(TRUE));
        assert_eq!(found[0].labels.len(), 1);
    }
}
