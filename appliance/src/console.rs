//! What a person sees: `hived status`, and the lines above the login prompt.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use hive_inventory::node::NodeStatus;

/// getty prints what lies here below `/etc/issue` (agetty(8)).
const ISSUE: &str = "/etc/issue.d/50-hive.issue";
/// getty prints again when the time of this file changes: what `agetty --reload` does.
const RELOAD: &str = "/run/agetty.reload";

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
    if let Some(seconds) = status.ready_after_seconds {
        row("ready", &format!("first after {seconds:.0} s"));
    }
    let notices = status.boot.iter().flat_map(|b| &b.notices);
    let list = |mark: &str, lines: &mut dyn Iterator<Item = &String>| {
        lines.fold(String::new(), |all, line| {
            all + "  " + mark + " " + line + "\n"
        })
    };
    format!(
        "{}\n{out}{}{}",
        headline(status),
        list("waiting:", &mut status.waiting_for.iter()),
        list("notice:", &mut notices.into_iter())
    )
}

/// Host and state in one line.
fn headline(status: &NodeStatus) -> String {
    let state = if status.ready { "ready" } else { "not ready" };
    format!("{}: {state}", status.host)
}

/// The lines above the login prompt. A backslash would be an order to getty, so it is doubled.
fn issue(status: &NodeStatus) -> String {
    let mut lines = headline(status) + "\n";
    for cause in &status.waiting_for {
        lines += &format!("  waiting: {cause}\n");
    }
    lines.replace('\\', "\\\\") + "\n"
}

/// Puts the state above the login prompt and has it printed again.
///
/// # Errors
/// `/etc` or `/run` can't be written.
pub fn show(status: &NodeStatus) -> io::Result<()> {
    let path = Path::new(ISSUE);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, issue(status))?;
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(RELOAD)?
        .set_modified(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_inventory::node::NODE_VERSION;

    fn status() -> NodeStatus {
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
}
