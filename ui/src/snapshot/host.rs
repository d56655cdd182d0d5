//! Hosts and the swarm that they make.

use bollard::models::{
    Node, NodeSpecAvailabilityEnum, NodeSpecRoleEnum, NodeState, Reachability, SystemInfo,
};

use super::{Availability, Host, HostState, Role, Swarm, instant};

/// A host as the swarm tells it.
pub(super) fn of(node: &Node) -> Host {
    let spec = node.spec.clone().unwrap_or_default();
    let description = node.description.clone().unwrap_or_default();
    let status = node.status.clone().unwrap_or_default();
    let resources = description.resources.unwrap_or_default();
    let engine = description.engine.unwrap_or_default();
    let id = node.id.clone().unwrap_or_default();
    let short: String = id.chars().take(12).collect();
    let platform = description.platform.unwrap_or_default();
    let parts: Vec<String> = [platform.os, platform.architecture]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    Host {
        name: filled(description.hostname).unwrap_or(short),
        id,
        role: match spec.role {
            Some(NodeSpecRoleEnum::MANAGER) => Role::Manager,
            _ => Role::Worker,
        },
        leader: node
            .manager_status
            .as_ref()
            .is_some_and(|manager| manager.leader == Some(true)),
        reachable: node
            .manager_status
            .as_ref()
            .map(|manager| manager.reachability == Some(Reachability::REACHABLE)),
        state: match status.state {
            Some(NodeState::READY) => HostState::Ready,
            Some(NodeState::DOWN) => HostState::Down,
            Some(NodeState::DISCONNECTED) => HostState::Disconnected,
            Some(NodeState::UNKNOWN) | None => HostState::Unknown,
        },
        message: filled(status.message),
        updated_at: node.updated_at.as_deref().and_then(instant::parse),
        availability: match spec.availability {
            Some(NodeSpecAvailabilityEnum::PAUSE) => Availability::Pause,
            Some(NodeSpecAvailabilityEnum::DRAIN) => Availability::Drain,
            _ => Availability::Active,
        },
        address: address(node),
        engine: filled(engine.engine_version),
        platform: (!parts.is_empty()).then(|| parts.join("/")),
        cpus: resources.nano_cpus.map(cpus),
        memory: resources.memory_bytes,
        labels: spec.labels.unwrap_or_default().into_iter().collect(),
        engine_labels: engine.labels.unwrap_or_default().into_iter().collect(),
    }
}

/// The swarm as a whole.
pub(super) fn swarm(engine: &SystemInfo, hosts: &[Host]) -> Swarm {
    let managers: Vec<&Host> = hosts
        .iter()
        .filter(|host| host.role == Role::Manager)
        .collect();
    let reachable = managers
        .iter()
        .filter(|host| host.reachable == Some(true))
        .count();
    let majority = managers.len() / 2 + 1;
    Swarm {
        id: engine
            .swarm
            .as_ref()
            .and_then(|swarm| filled(swarm.cluster.as_ref()?.id.clone())),
        managers: managers.len(),
        managers_reachable: reachable,
        may_fail: reachable.saturating_sub(majority),
        leader: managers
            .iter()
            .find(|host| host.leader)
            .map(|host| host.name.clone()),
    }
}

/// A manager that is its own leader says 0.0.0.0 of itself at times; the address of its Raft is better then.
fn address(node: &Node) -> Option<String> {
    let seen = filled(node.status.clone().unwrap_or_default().addr);
    match seen.as_deref() {
        None | Some("0.0.0.0" | "127.0.0.1") => {
            let raft = filled(node.manager_status.clone()?.addr)?;
            let (address, _port) = raft.rsplit_once(':')?;
            Some(address.trim_matches(['[', ']']).to_owned())
        }
        Some(_) => seen,
    }
}

/// Whole processors of billionths.
pub(super) fn cpus(billionths: i64) -> f64 {
    billionths as f64 / 1e9
}

/// Empty texts mean that there is none.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
