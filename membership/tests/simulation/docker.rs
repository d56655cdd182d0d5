//! A model of Docker Swarm: lists of nodes, Raft membership, what each engine says of itself.

use std::collections::BTreeMap;

use hive_membership::{Local, Node, Quorum};

/// What a disk has of Docker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Engine {
    #[default]
    Inactive,
    /// In a group; `manager`: by its own certificate.
    In {
        group: usize,
        node: String,
        manager: bool,
    },
    /// It was taken out of the list.
    Broken,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub host: usize,
    /// By its spec.
    pub manager: bool,
    /// In the Raft group.
    pub member: bool,
    /// As the leader sees it, which lags.
    pub ready: bool,
    pub labels: BTreeMap<String, String>,
}

/// Managers that agree with one another. `force-new-cluster` makes a new one of the same cluster.
#[derive(Debug, Clone)]
pub struct Group {
    pub cluster: String,
    pub entries: BTreeMap<String, Entry>,
    pub leader: Option<String>,
}

impl Group {
    pub fn members(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.entries.iter().filter(|(_, entry)| entry.member)
    }
}

pub fn short(host: usize) -> String {
    format!("h{host}")
}

/// What the engine of `host` says. `reaches` tells which hosts' engines it talks to.
pub fn local(
    groups: &[Group],
    engine: &Engine,
    asked_before: bool,
    live: impl Fn(usize, &str) -> bool,
) -> Local {
    match engine {
        Engine::Inactive => Local::Inactive,
        Engine::Broken => Local::Broken {
            why: "removed".to_owned(),
        },
        Engine::In {
            node,
            manager: false,
            ..
        } => Local::Worker { node: node.clone() },
        Engine::In {
            group,
            node,
            manager: true,
        } => {
            let group = &groups[*group];
            let leader = group
                .leader
                .as_ref()
                .filter(|leader| live(group.entries[*leader].host, leader));
            let member = group.entries.get(node).is_some_and(|entry| entry.member);
            let quorum = leader.filter(|_| member).map(|leader| Quorum {
                leader: leader == node,
                worker_token: format!("token of {}", group.cluster),
                nodes: group
                    .entries
                    .iter()
                    .map(|(id, entry)| Node {
                        id: id.clone(),
                        host: short(entry.host),
                        manager: entry.manager,
                        reachable: entry.member && entry.ready,
                        ready: entry.ready,
                        labels: entry.labels.clone(),
                    })
                    .collect(),
            });
            Local::Manager {
                node: node.clone(),
                cluster: (asked_before || quorum.is_some()).then(|| group.cluster.clone()),
                quorum,
            }
        }
    }
}
