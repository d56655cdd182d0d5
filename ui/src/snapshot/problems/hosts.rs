//! Hosts that are lost or idle, and managers that are too few.

use std::collections::BTreeSet;

use super::{counted, listed, problem};
use crate::snapshot::{
    About, Availability, Host, HostState, Mode, Phase, Problem, Severity, Snapshot,
};

/// Running tasks from which on an empty host is worth a word.
const WORTH_SPREADING: usize = 4;

pub(super) fn of(snapshot: &Snapshot) -> Vec<Problem> {
    let mut problems: Vec<Problem> = snapshot
        .hosts
        .iter()
        .filter_map(|host| lost(host, snapshot))
        .collect();
    problems.extend(snapshot.hosts.iter().filter_map(cut_off));
    problems.extend(managers(snapshot));
    problems.extend(versions(snapshot));
    problems.extend(idle(snapshot));
    problems
}

/// The host does not answer.
fn lost(host: &Host, snapshot: &Snapshot) -> Option<Problem> {
    let (severity, what) = match host.state {
        HostState::Ready => return None,
        HostState::Down => (Severity::Error, "is down"),
        HostState::Disconnected => (Severity::Warning, "has left the swarm for now"),
        HostState::Unknown => (Severity::Warning, "has not been heard of yet"),
    };
    let mut problem = problem(
        severity,
        About::Host(host.name.clone()),
        format!("{} {what}", host.name),
    );
    problem.since = host.updated_at;
    let ran_here = |id: &str| {
        let here = Some(host.id.as_str());
        let mut tasks = snapshot.tasks.iter();
        tasks.any(|task| task.service_id == id && task.host_id.as_deref() == here)
    };
    let bound: BTreeSet<&str> = snapshot
        .services
        .iter()
        .filter(|service| service.mode == Mode::Replicated && service.running < service.wanted)
        .filter(|service| ran_here(&service.id))
        .map(|service| service.name.as_str())
        .collect();
    if host.state == HostState::Down {
        let moved =
            "The swarm starts its tasks on other hosts; only tasks bound to this host wait for it.";
        problem.reasons.push(moved.to_owned());
        if !bound.is_empty() {
            let names: Vec<&str> = bound.into_iter().collect();
            let names = match names.as_slice() {
                [first, second, third, _, ..] => {
                    format!("{first}, {second}, {third} and {} more", names.len() - 3)
                }
                few => listed(few),
            };
            problem.reasons.push(format!(
                "Of what ran there, these have fewer tasks than wanted: {names}."
            ));
        }
    }
    let address = host
        .address
        .as_deref()
        .map(|address| format!(" ({address})"))
        .unwrap_or_default();
    problem.next.push(format!(
        "Look at the power, network and clock of {}{address}; `hive status` shows what its own daemon says.",
        host.name
    ));
    if host.state == HostState::Down {
        let replaced =
            "If the machine is lost, flash another with the same seed: it takes its place.";
        problem.next.push(replaced.to_owned());
    }
    problem.said.extend(host.message.clone());
    Some(problem)
}

/// The host answers as one that runs tasks, but not as a manager.
fn cut_off(host: &Host) -> Option<Problem> {
    if host.state != HostState::Ready || host.reachable != Some(false) {
        return None;
    }
    let mut problem = problem(
        Severity::Error,
        About::Host(host.name.clone()),
        format!("{} is not reached as a manager", host.name),
    );
    problem
        .reasons
        .push("The leader has no connection to it on port 2377.".to_owned());
    problem.next.push(format!(
        "Check that port 2377/tcp is open between the managers, then `hive ssh -t {} -- journalctl -u docker`.",
        host.name
    ));
    Some(problem)
}

/// How many managers there are, and how many more may fail.
fn managers(snapshot: &Snapshot) -> Option<Problem> {
    let swarm = &snapshot.swarm;
    if swarm.managers == 0 {
        return None;
    }
    let majority = swarm.managers / 2 + 1;
    let reached = format!(
        "{} of {} reachable, {majority} needed",
        swarm.managers_reachable,
        counted(swarm.managers, "manager")
    );
    if swarm.managers_reachable < majority {
        let mut problem = problem(
            Severity::Error,
            About::Swarm,
            "The managers have lost their majority".to_owned(),
        );
        problem.reasons.push(format!("{reached}: nothing can be changed, and what fails is not started again. What runs goes on."));
        problem
            .next
            .push("Bring a manager back. If they are lost for good, `hive status` names the command with which you decide.".to_owned());
        return Some(problem);
    }
    let missing = swarm.managers_reachable < swarm.managers;
    if swarm.may_fail == 0 && (missing || swarm.managers == 2) {
        let mut problem = problem(
            Severity::Warning,
            About::Swarm,
            "No further manager may fail".to_owned(),
        );
        problem.reasons.push(format!("{reached}."));
        problem.next.push(if missing {
            "Bring the missing manager back before you take another one down.".to_owned()
        } else {
            "Make it one or three managers: with two, losing either stops the swarm.".to_owned()
        });
        return Some(problem);
    }
    None
}

/// Engines that differ, as in the middle of an update.
fn versions(snapshot: &Snapshot) -> Option<Problem> {
    let versions: BTreeSet<&str> = snapshot
        .hosts
        .iter()
        .filter_map(|host| host.engine.as_deref())
        .collect();
    if versions.len() < 2 {
        return None;
    }
    let versions: Vec<&str> = versions.into_iter().collect();
    let mut problem = problem(
        Severity::Notice,
        About::Swarm,
        "Hosts have different engines".to_owned(),
    );
    problem
        .reasons
        .push(format!("Docker Engine {}.", listed(&versions)));
    problem
        .next
        .push("Fine during an update; bring the others to the same version after it.".to_owned());
    Some(problem)
}

/// A host that came back: the swarm gives it nothing by itself.
fn idle(snapshot: &Snapshot) -> Option<Problem> {
    let replicated: BTreeSet<&str> = snapshot
        .services
        .iter()
        .filter(|service| service.mode == Mode::Replicated && service.constraints.is_empty())
        .map(|service| service.id.as_str())
        .collect();
    let running: Vec<&str> = snapshot
        .tasks
        .iter()
        .filter(|task| task.current && task.phase == Phase::Running)
        .filter(|task| replicated.contains(task.service_id.as_str()))
        .filter_map(|task| task.host_id.as_deref())
        .collect();
    let idle: Vec<&str> = snapshot
        .hosts
        .iter()
        .filter(|host| host.state == HostState::Ready && host.availability == Availability::Active)
        .filter(|host| !running.contains(&host.id.as_str()))
        .map(|host| host.name.as_str())
        .collect();
    if idle.is_empty() || running.len() < WORTH_SPREADING {
        return None;
    }
    let about = match idle.as_slice() {
        [one] => About::Host((*one).to_owned()),
        _ => About::Swarm,
    };
    let verb = if idle.len() == 1 { "runs" } else { "run" };
    let mut problem = problem(
        Severity::Notice,
        about,
        format!("{} {verb} no replicated task", listed(&idle)),
    );
    problem
        .reasons
        .push("A host that comes back gets nothing until something is started anew.".to_owned());
    problem
        .next
        .push("`hive rebalance` spreads the tasks over all hosts.".to_owned());
    Some(problem)
}
