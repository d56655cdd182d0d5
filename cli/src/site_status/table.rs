//! The stage as a table, and below it what is missing and what a person should know.

use hive_inventory::node::{NodeStatus, SwarmRole, SwarmStatus};

use super::{HostStatus, last_heard};
use crate::output;

const HEAD: [&str; 8] = [
    "HOST", "STATE", "SWARM", "AFTER", "ROOT", "SLOT", "DOCKER", "IMAGE",
];

/// The hosts in a table, and below what they wait for.
pub fn text(hosts: &[HostStatus]) -> String {
    let mut notes = String::new();
    let mut rows = Vec::new();
    for host in hosts {
        let Some(status) = &host.status else {
            rows.push(vec![host.host.clone(), "no answer".into()]);
            notes.push_str(&silence(hosts, host));
            continue;
        };
        rows.push(row(&host.host, status));
        for missing in &status.waiting_for {
            notes.push_str(&format!("{}: not ready: {missing}\n", host.host));
        }
        let boot = status.boot.iter().flat_map(|b| &b.notices);
        for notice in boot.chain(&status.notices) {
            notes.push_str(&format!("{}: {notice}\n", host.host));
        }
    }
    let table = output::table(&HEAD, &rows);
    if notes.is_empty() {
        table
    } else {
        format!("{table}\n{notes}")
    }
}

fn silence(hosts: &[HostStatus], host: &HostStatus) -> String {
    let why = host.error.as_deref().unwrap_or("no answer");
    match last_heard(hosts, &host.host) {
        Some(last) => format!(
            "{}: off or out of reach since {} (last heard by {}): {why}\n",
            host.host, last.at, last.by
        ),
        None => format!("{}: {why}\n", host.host),
    }
}

fn row(name: &str, status: &NodeStatus) -> Vec<String> {
    let or = |text: Option<&String>, other: &str| text.map_or(other.to_owned(), Clone::clone);
    let boot = status.boot.as_ref();
    vec![
        name.to_owned(),
        if status.ready { "ready" } else { "not ready" }.to_owned(),
        status.swarm.as_ref().map_or("-".into(), swarm),
        status
            .ready_after_seconds
            .map_or_else(|| "-".into(), |s| format!("{s:.0} s")),
        if status.root_verified {
            "verified"
        } else {
            "NOT VERIFIED"
        }
        .to_owned(),
        or(boot.map(|b| &b.slot), "-"),
        or(status.docker.as_ref(), "no answer"),
        or(boot.map(|b| &b.image.image_version), "-"),
    ]
}

/// `manager 3/3`: how many managers are in reach, of how many.
fn swarm(swarm: &SwarmStatus) -> String {
    let word = word(swarm.role);
    match (swarm.managers_reachable, swarm.managers) {
        (Some(reachable), Some(all)) => format!("{word} {reachable}/{all}"),
        _ => word.to_owned(),
    }
}

/// The role as it is written everywhere.
fn word(role: SwarmRole) -> &'static str {
    match role {
        SwarmRole::Blank => "blank",
        SwarmRole::Founding => "founding",
        SwarmRole::Joining => "joining",
        SwarmRole::Worker => "worker",
        SwarmRole::Manager => "manager",
        SwarmRole::Removed => "removed",
        SwarmRole::Lost => "lost",
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::tests::{manager, silent, status};
    use super::*;

    #[test]
    fn a_table_with_what_is_missing_below() {
        let waiting = NodeStatus {
            ready: false,
            waiting_for: vec!["docker.service: starting".into()],
            docker: None,
            ..status("a")
        };
        let hosts = [
            HostStatus {
                host: "a.example".into(),
                status: Some(waiting),
                error: None,
            },
            silent("b.example"),
        ];
        assert_eq!(
            text(&hosts),
            "HOST       STATE      SWARM  AFTER  ROOT      SLOT  DOCKER     IMAGE\n\
             a.example  not ready  -      -      verified  -     no answer  -\n\
             b.example  no answer\n\n\
             a.example: not ready: docker.service: starting\nb.example: refused\n"
        );
    }

    #[test]
    fn the_living_say_since_when_another_is_silent() {
        let hosts = [manager("a.example", &["b.example"]), silent("b.example")];
        let text = text(&hosts);
        assert!(text.contains("manager 3/3"), "{text}");
        assert!(
            text.contains("since 2026-01-02T03:04:05Z (last heard by a.example)"),
            "{text}"
        );
    }
}
