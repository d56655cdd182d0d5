//! What a person sees: `hived status`, and the lines above the login prompt.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::time::SystemTime;

use hive_inventory::node::{NodeStatus, PeerStatus, SwarmRole, SwarmStatus};

use crate::paths::Paths;

/// The status in words.
pub fn text(status: &NodeStatus) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a String can't fail.
        let _ = writeln!(out, "  {name:<8} {value}");
    };
    if let Some(boot) = &status.boot {
        let image = &boot.image;
        row("site", &format!("{}, stage {}", image.site, image.stage));
        row(
            "image",
            &format!(
                "{}, kernel {}, {} on {}",
                image.image_version, image.kernel, boot.slot, boot.disk
            ),
        );
        row("seed", boot.seed_source.as_deref().unwrap_or("none"));
    }
    row(
        "root",
        if status.root_verified {
            "verified, read-only"
        } else {
            "NOT VERIFIED"
        },
    );
    row(
        "docker",
        status.docker.as_deref().unwrap_or("does not answer"),
    );
    row("drbd", status.drbd.as_deref().unwrap_or("not loaded"));
    if let Some(swarm) = &status.swarm {
        row("swarm", &swarm_words(swarm));
    }
    for peer in &status.peers {
        row("peer", &peer_words(peer));
    }
    if let Some(seconds) = status.ready_after_seconds {
        row("ready", &format!("first after {seconds:.0} s"));
    }
    let notices = status.boot.iter().flat_map(|b| &b.notices);
    let notices = notices.chain(&status.notices);
    let list = |mark: &str, lines: &mut dyn Iterator<Item = &String>| {
        lines.fold(String::new(), |all, line| {
            all + "  " + mark + " " + line + "\n"
        })
    };
    format!(
        "{}\n{out}{}{}",
        headline(status),
        list("waiting:", &mut status.waiting_for.iter()),
        list("notice:", &mut { notices })
    )
}

/// Host and state in one line.
fn headline(status: &NodeStatus) -> String {
    let state = if status.ready { "ready" } else { "not ready" };
    format!("{}: {state}", status.host)
}

/// A node's place in the swarm in one line.
fn swarm_words(swarm: &SwarmStatus) -> String {
    let mut words = role_words(swarm.role).to_owned();
    if let (Some(all), Some(reachable)) = (swarm.managers, swarm.managers_reachable) {
        words += &format!(", {reachable} of {all} managers in reach");
    }
    if let Some(known) = &swarm.known {
        words += &format!(", swarm {}", known.cluster);
    }
    words
}

fn role_words(role: SwarmRole) -> &'static str {
    match role {
        SwarmRole::Blank => "in no swarm yet",
        SwarmRole::Founding => "founding the swarm",
        SwarmRole::Joining => "joining the swarm",
        SwarmRole::Worker => "worker",
        SwarmRole::Manager => "manager",
        SwarmRole::Removed => "removed from the swarm",
        SwarmRole::Lost => "manager without a majority",
    }
}

/// Another hive in one line.
fn peer_words(peer: &PeerStatus) -> String {
    let name = peer.host.split('.').next().unwrap_or(&peer.host);
    let mut words = match (&peer.last_heard, peer.role) {
        (_, Some(role)) if peer.heard => format!("{name}: {}", role_words(role)),
        _ if peer.heard => format!("{name}: heard"),
        (Some(since), _) => format!("{name}: silent since {since}"),
        (None, _) => format!("{name}: not heard yet"),
    };
    if let Some(trouble) = &peer.trouble {
        words += &format!(" ({trouble})");
    }
    words
}

/// The lines above the login prompt: what is well is told shortly. A backslash would be an order to
/// getty, so it is doubled.
pub fn issue(status: &NodeStatus) -> String {
    let mut lines = headline(status) + "\n";
    if let Some(swarm) = &status.swarm {
        lines += &format!("  swarm: {}\n", swarm_words(swarm));
    }
    let troubled = |peer: &&PeerStatus| !peer.heard || peer.trouble.is_some();
    for peer in status.peers.iter().filter(troubled) {
        lines += &format!("  peer: {}\n", peer_words(peer));
    }
    for cause in &status.waiting_for {
        lines += &format!("  waiting: {cause}\n");
    }
    for notice in &status.notices {
        lines += &format!("  notice: {notice}\n");
    }
    lines.replace('\\', "\\\\") + "\n"
}

/// Puts lines above the login prompt and has it printed again.
///
/// # Errors
/// `/etc` or `/run` can't be written.
pub fn show(lines: &str, paths: &Paths) -> io::Result<()> {
    if let Some(folder) = paths.issue.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&paths.issue, lines)?;
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&paths.reload)?
        .set_modified(SystemTime::now())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use hive_inventory::node::NODE_VERSION;

    pub(crate) fn status() -> NodeStatus {
        NodeStatus {
            version: NODE_VERSION,
            host: "p-hive0".into(),
            ready: false,
            waiting_for: vec![r"Docker answers \n".into()],
            boot: None,
            root_verified: true,
            docker: None,
            drbd: Some("8.4.11".into()),
            ready_after_seconds: Some(41.5),
            swarm: None,
            peers: Vec::new(),
            notices: Vec::new(),
            follow: None,
            volumes: None,
        }
    }

    #[test]
    fn the_status_reads_like_this() {
        assert_eq!(
            text(&status()),
            "p-hive0: not ready
  root     verified, read-only
  docker   does not answer
  drbd     8.4.11
  ready    first after 42 s
  waiting: Docker answers \\n
"
        );
    }

    #[test]
    fn getty_takes_no_orders_from_a_status() {
        assert_eq!(
            issue(&status()),
            "p-hive0: not ready\n  waiting: Docker answers \\\\n\n\n"
        );
    }

    #[test]
    fn a_hive_tells_its_place_and_of_its_peers() {
        let peer = |host: &str, heard: bool, last_heard: Option<&str>| PeerStatus {
            host: host.into(),
            address: [10, 0, 0, 1].into(),
            heard,
            last_heard: last_heard.map(str::to_owned),
            role: Some(SwarmRole::Worker),
            trouble: None,
        };
        let mut told = status();
        told.swarm = Some(SwarmStatus {
            role: SwarmRole::Manager,
            node: None,
            known: None,
            quorum: Some(true),
            managers: Some(3),
            managers_reachable: Some(2),
        });
        told.peers = vec![
            peer("p-hive1.example", true, Some("2026-11-20T13:04:05Z")),
            peer("p-hive2.example", false, Some("2026-11-20T13:00:00Z")),
            peer("p-hive3.example", false, None),
        ];
        told.peers[2].trouble = Some("does not answer".into());
        told.notices = vec!["a stranger".into()];
        let words = text(&told);
        for line in [
            "  swarm    manager, 2 of 3 managers in reach\n",
            "  peer     p-hive1: worker\n",
            "  notice: a stranger\n",
        ] {
            assert!(words.contains(line), "{words}");
        }
        assert_eq!(
            issue(&told).lines().skip(1).collect::<Vec<_>>(),
            [
                "  swarm: manager, 2 of 3 managers in reach",
                "  peer: p-hive2: silent since 2026-11-20T13:00:00Z",
                "  peer: p-hive3: not heard yet (does not answer)",
                r"  waiting: Docker answers \\n",
                "  notice: a stranger",
                "",
            ]
        );
    }
}
