//! The swarm's list of nodes, for those who keep labels on them or ask whether a machine is down.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::{Node as Entry, NodeState};
use bollard::query_parameters::ListNodesOptions;

use super::{Engine, EngineError};

/// Without a leader there is no answer, however long one waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// A node of the swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEntry {
    /// Docker's id.
    pub id: String,
    /// Its host's short name.
    pub host: String,
    /// It leads the managers.
    pub leader: bool,
    /// The swarm calls its machine down.
    pub down: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// All nodes. Only a manager's engine tells.
    ///
    /// # Errors
    /// Docker does not answer, or is no manager with a majority; in words.
    pub async fn nodes(&self) -> Result<Vec<NodeEntry>, String> {
        let listed = async {
            let docker = self.connect()?;
            let listing = docker.list_nodes(None::<ListNodesOptions>);
            self.bounded("listing nodes", PATIENCE, listing).await
        };
        let entries = listed.await.map_err(|e: EngineError| e.to_string())?;
        Ok(entries.into_iter().map(node).collect())
    }
}

fn node(entry: Entry) -> NodeEntry {
    let host = entry
        .description
        .and_then(|description| description.hostname);
    let labels = entry.spec.and_then(|spec| spec.labels).unwrap_or_default();
    NodeEntry {
        id: entry.id.unwrap_or_default(),
        host: host.unwrap_or_default(),
        leader: entry.manager_status.and_then(|status| status.leader) == Some(true),
        down: entry.status.and_then(|status| status.state) == Some(NodeState::DOWN),
        labels: labels.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_docker_is_understood() {
        let entry: Entry = serde_json::from_str(
            r#"{"ID":"n","Spec":{"Labels":{"a":"true"},"Role":"manager"},"Description":{"Hostname":"h0"},
            "Status":{"State":"down"},"ManagerStatus":{"Leader":true}}"#,
        )
        .unwrap();
        let node = node(entry);
        assert_eq!((node.id.as_str(), node.host.as_str()), ("n", "h0"));
        assert!(node.leader && node.down && node.labels["a"] == "true");
    }
}
