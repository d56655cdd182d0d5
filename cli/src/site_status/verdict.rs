//! Whether a stage is what it is to be: every host ready, all hives in one swarm. Pure.

use std::collections::BTreeSet;

use hive_inventory::node::SwarmRole;
use hive_inventory::seed::Member;
use hive_site::{Host, Stage};

use super::HostStatus;

/// What is missing until a stage is set up, a sentence each; empty when nothing is.
pub fn missing(stage: &Stage, hosts: &[HostStatus]) -> Vec<String> {
    let mut out = Vec::new();
    for host in hosts {
        match &host.status {
            None => out.push(format!(
                "{} does not answer: {}",
                host.host,
                host.error.as_deref().unwrap_or("no reason known")
            )),
            Some(status) if !status.ready && status.waiting_for.is_empty() => {
                out.push(format!("{} has not looked at itself yet", host.host));
            }
            Some(status) if !status.ready => out.push(format!(
                "{} is not ready: {}",
                host.host,
                status.waiting_for.join("; ")
            )),
            Some(_) => out.extend(not_in_swarm(stage, host)),
        }
    }
    if out.is_empty() {
        out.extend(not_one(stage, hosts));
    }
    out
}

fn not_in_swarm(stage: &Stage, host: &HostStatus) -> Option<String> {
    stage.host(&host.host)?.member()?;
    let swarm = host.status.as_ref()?.swarm.as_ref();
    match swarm.map(|swarm| swarm.role) {
        Some(SwarmRole::Manager | SwarmRole::Worker) => None,
        _ => Some(format!("{} is in no swarm", host.host)),
    }
}

/// What is wrong though each host is content.
fn not_one(stage: &Stage, hosts: &[HostStatus]) -> Option<String> {
    let swarms = || {
        hosts
            .iter()
            .filter_map(|h| h.status.as_ref()?.swarm.as_ref())
    };
    let clusters: BTreeSet<_> = swarms()
        .filter_map(|swarm| swarm.known.as_ref())
        .map(|known| known.cluster.as_str())
        .collect();
    if clusters.len() > 1 {
        let list: Vec<&str> = clusters.into_iter().collect();
        return Some(format!(
            "the hosts are in different swarms: {}",
            list.join(", ")
        ));
    }
    let wanted = wanted_managers(stage);
    let counted: Vec<(u32, u32)> = swarms()
        .filter_map(|s| Some((s.managers?, s.managers_reachable?)))
        .collect();
    let unsound = counted.iter().find_map(|(all, reachable)| match () {
        () if reachable < all => Some(format!("{reachable} of {all} managers are in reach")),
        () if *all < wanted => Some(format!(
            "the swarm has {all} of the {wanted} managers that it is to have"
        )),
        () if all % 2 == 0 => Some(format!(
            "the swarm has {all} managers, and an odd number is wanted"
        )),
        () => None,
    });
    // A manager's count may be older than what the hosts say of themselves.
    let are = swarms().filter(|s| s.role == SwarmRole::Manager).count();
    match unsound {
        None if counted.is_empty() && wanted > 0 => {
            Some("no manager has told yet how many managers there are".into())
        }
        None if are < wanted as usize => Some(format!(
            "{are} of the {wanted} hosts that are to be managers are it"
        )),
        unsound => unsound,
    }
}

/// How many managers the stage's swarm has once all is done: an odd number, seven at the most.
fn wanted_managers(stage: &Stage) -> u32 {
    let may = |host: &&Host| host.member() == Some(Member::Manager);
    match stage.hosts().iter().filter(may).count() {
        0..=2 => 1,
        3..=4 => 3,
        5..=6 => 5,
        _ => 7,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use hive_inventory::node::{NODE_VERSION, NodeStatus, PeerStatus, SwarmStatus};
    use hive_inventory::seed::KnownSwarm;

    use super::*;
    use crate::site_keys::tests::stage;

    /// A node that is content and in no swarm.
    pub fn status(host: &str) -> NodeStatus {
        NodeStatus {
            version: NODE_VERSION,
            host: host.into(),
            ready: true,
            waiting_for: Vec::new(),
            boot: None,
            root_verified: true,
            docker: Some("26.1.5".into()),
            drbd: None,
            ready_after_seconds: None,
            swarm: None,
            peers: Vec::new(),
            notices: Vec::new(),
            follow: None,
            volumes: None,
        }
    }

    /// One of three managers that heard these peers long ago.
    pub fn manager(host: &str, peers: &[&str]) -> HostStatus {
        let mut status = status(host);
        status.swarm = Some(SwarmStatus {
            role: SwarmRole::Manager,
            node: Some("n".into()),
            known: Some(KnownSwarm {
                epoch: 0,
                cluster: "c".into(),
            }),
            quorum: Some(true),
            managers: Some(3),
            managers_reachable: Some(3),
        });
        let peer = |name: &&str| PeerStatus {
            host: (*name).into(),
            address: [192, 0, 2, 1].into(),
            heard: false,
            last_heard: Some("2026-01-02T03:04:05Z".into()),
            role: None,
            trouble: None,
        };
        status.peers = peers.iter().map(peer).collect();
        HostStatus {
            host: host.into(),
            status: Some(status),
            error: None,
        }
    }

    /// A host that says nothing.
    pub fn silent(host: &str) -> HostStatus {
        HostStatus {
            host: host.into(),
            status: None,
            error: Some("refused".into()),
        }
    }

    fn all() -> Vec<HostStatus> {
        stage()
            .hosts()
            .iter()
            .map(|h| manager(&h.name, &[]))
            .collect()
    }

    fn swarm(host: &mut HostStatus) -> &mut SwarmStatus {
        host.status.as_mut().unwrap().swarm.as_mut().unwrap()
    }

    #[test]
    fn three_managers_in_one_swarm_lack_nothing() {
        assert_eq!(missing(&stage(), &all()), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let told = |change: &dyn Fn(&mut Vec<HostStatus>)| {
            let mut hosts = all();
            change(&mut hosts);
            missing(&stage(), &hosts).join("\n")
        };
        let silence = told(&|hosts| hosts[1] = silent("p-hive1.hive.example"));
        assert!(silence.contains("p-hive1.hive.example does not answer"));
        let two = told(&|hosts| {
            swarm(&mut hosts[2])
                .known
                .as_mut()
                .unwrap()
                .cluster
                .push('x')
        });
        assert!(two.contains("different swarms: c, cx"), "{two}");
        let count = |managers| {
            told(&|hosts| {
                swarm(&mut hosts[0]).managers = Some(managers);
                swarm(&mut hosts[0]).managers_reachable = Some(managers);
            })
        };
        assert!(count(1).contains("1 of the 3 managers"), "{}", count(1));
        assert!(count(4).contains("4 managers"), "{}", count(4));
        let reach = told(&|hosts| swarm(&mut hosts[0]).managers_reachable = Some(2));
        assert!(reach.contains("2 of 3"), "{reach}");
        let untold = told(&|hosts| {
            for host in hosts {
                swarm(host).managers = None;
            }
        });
        assert!(untold.contains("no manager has told"), "{untold}");
        let worker = told(&|hosts| swarm(&mut hosts[1]).role = SwarmRole::Worker);
        assert!(worker.contains("2 of the 3 hosts"), "{worker}");
        let none = told(&|hosts| hosts[0].status.as_mut().unwrap().swarm = None);
        assert!(none.contains("is in no swarm"), "{none}");
        let waits = told(&|hosts| {
            let status = hosts[0].status.as_mut().unwrap();
            status.ready = false;
            status.waiting_for = vec!["for p-hive2".into()];
        });
        assert!(waits.contains("is not ready: for p-hive2"), "{waits}");
    }
}
