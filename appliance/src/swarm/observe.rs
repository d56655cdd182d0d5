//! What Docker says of the swarm.

use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{
    LocalNodeState, Node as Entry, NodeSpecRoleEnum, NodeState, Reachability, SwarmInfo,
};
use bollard::query_parameters::ListNodesOptions;
use hive_membership::{Local, Node, Quorum};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::standing::{Standing, takes_part};
use super::{Engine, EngineError};
use crate::peers::certificate;

/// A manager without a majority is not asked for longer about what the managers agree on.
const AGREED: Duration = Duration::from_secs(5);

/// Where Docker keeps the node's certificate, below its folder.
const NODE_CERTIFICATE: &str = "swarm/certificates/swarm-node.crt";

impl Engine {
    /// Looks once. What can't be told is part of the answer, never an error.
    pub async fn observe(&self) -> Local {
        match self.look().await {
            Ok(local) => local,
            // Docker's own words are part of the node's status already.
            Err(_) => Local::Unknown,
        }
    }

    async fn look(&self) -> Result<Local, EngineError> {
        let docker = self.connect()?;
        let Standing { swarm, root } = self.standing(&docker).await?;
        let node = swarm.node_id.clone().unwrap_or_default();
        Ok(match swarm.local_node_state {
            _ if takes_part(&swarm) && swarm.control_available == Some(true) => {
                let quorum = self.quorum(&docker, &node).await;
                Local::Manager {
                    cluster: self.cluster(swarm, root.as_deref()),
                    quorum: quorum.ok(),
                    node,
                }
            }
            _ if takes_part(&swarm) => Local::Worker { node },
            Some(LocalNodeState::INACTIVE) => Local::Inactive,
            // A manager that was started without a majority stays so for ever, and says that it can
            // be asked.
            Some(LocalNodeState::PENDING)
                if swarm.control_available == Some(true) && !node.is_empty() =>
            {
                Local::Manager {
                    cluster: self.cluster(swarm, root.as_deref()),
                    quorum: None,
                    node,
                }
            }
            Some(LocalNodeState::PENDING) => Local::Pending,
            Some(state @ (LocalNodeState::ERROR | LocalNodeState::LOCKED)) => Local::Broken {
                why: match swarm.error.filter(|words| !words.is_empty()) {
                    Some(words) => words,
                    None => format!("the engine's swarm state is {state}"),
                },
            },
            Some(LocalNodeState::ACTIVE | LocalNodeState::EMPTY) | None => Local::Unknown,
        })
    }

    /// The swarm's id now, or as it was told before the majority was lost. An engine that was started
    /// since then does not know it; the node's certificate, which the swarm signed, does.
    fn cluster(&self, swarm: SwarmInfo, root: Option<&str>) -> Option<String> {
        let told = swarm.cluster.and_then(|cluster| cluster.id);
        let mut known = self.cluster.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(told) = told.filter(|id| !id.is_empty()) {
            *known = Some(told);
        } else if known.is_none() {
            *known = root.and_then(|root| certified(&Path::new(root).join(NODE_CERTIFICATE)));
        }
        known.clone()
    }

    async fn quorum(&self, docker: &Docker, own: &str) -> Result<Quorum, EngineError> {
        let listing = docker.list_nodes(None::<ListNodesOptions>);
        let entries = self.bounded("listing nodes", AGREED, listing).await?;
        let swarm = docker.inspect_swarm();
        let swarm = self.bounded("telling of the swarm", AGREED, swarm).await?;
        let token = swarm.join_tokens.and_then(|tokens| tokens.worker);
        let leader = entries.iter().any(|entry| {
            entry.id.as_deref() == Some(own)
                && entry
                    .manager_status
                    .as_ref()
                    .is_some_and(|status| status.leader == Some(true))
        });
        let mut nodes: Vec<Node> = entries.into_iter().map(node).collect();
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Quorum {
            leader,
            worker_token: token.ok_or(EngineError::Answer {
                doing: "telling of the swarm",
                what: "it has no token for workers".into(),
            })?,
            nodes,
        })
    }
}

/// The swarm's id in a node's certificate: its owner's organization.
fn certified(path: &Path) -> Option<String> {
    let certificate = CertificateDer::from_pem_file(path).ok()?;
    let id = certificate::facts(&certificate)?.organization;
    (!id.is_empty()).then_some(id)
}

/// Docker's entry in our words.
fn node(entry: Entry) -> Node {
    let spec = entry.spec.unwrap_or_default();
    let manager = entry.manager_status.unwrap_or_default();
    Node {
        id: entry.id.unwrap_or_default(),
        host: entry
            .description
            .and_then(|description| description.hostname)
            .unwrap_or_default(),
        manager: spec.role == Some(NodeSpecRoleEnum::MANAGER),
        reachable: manager.reachability == Some(Reachability::REACHABLE),
        ready: entry.status.and_then(|status| status.state) == Some(NodeState::READY),
        labels: spec.labels.unwrap_or_default().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_docker_20_10_is_understood() {
        let entry: Entry = serde_json::from_str(
            r#"{"ID":"abc","Version":{"Index":9},"CreatedAt":"2026-11-20T12:00:00.123456789Z",
            "UpdatedAt":"2026-11-20T12:00:01.5Z","Spec":{"Labels":{"hives":"true"},"Role":"manager",
            "Availability":"active"},"Description":{"Hostname":"p-hive0","Platform":{"Architecture":"x86_64",
            "OS":"linux"},"Resources":{"NanoCPUs":2000000000,"MemoryBytes":1},"Engine":{"EngineVersion":"20.10.24",
            "Plugins":[{"Type":"Log","Name":"gelf"}]},"TLSInfo":{"TrustRoot":"x","CertIssuerSubject":"y",
            "CertIssuerPublicKey":"z"}},"Status":{"State":"ready","Addr":"10.0.0.1"},
            "ManagerStatus":{"Leader":true,"Reachability":"reachable","Addr":"10.0.0.1:2377"}}"#,
        )
        .unwrap();
        let node = node(entry);
        assert_eq!((node.id.as_str(), node.host.as_str()), ("abc", "p-hive0"));
        assert!(node.manager && node.reachable && node.ready);
        assert_eq!(node.labels.get("hives").map(String::as_str), Some("true"));
    }

    #[test]
    fn a_worker_that_is_down_is_neither_manager_nor_ready() {
        let entry: Entry = serde_json::from_str(
            r#"{"ID":"w","Spec":{"Role":"worker","Availability":"active"},"Description":{},
            "Status":{"State":"down","Message":"heartbeat failure","Addr":"10.0.0.2"}}"#,
        )
        .unwrap();
        let node = node(entry);
        assert!(!node.manager && !node.reachable && !node.ready && node.labels.is_empty());
    }
}
