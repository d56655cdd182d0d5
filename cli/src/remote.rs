//! Hosts over ssh, through the system's own client.

use std::path::Path;

use anyhow::Context;
use hive_inventory::node::{NODE_VERSION, NodeStatus};
use hive_system::Program;

/// ssh with a stage's configuration.
pub fn ssh(config: &Path) -> Program {
    Program::new("ssh")
        .package("openssh-client")
        .arg("-F")
        .arg(config)
}

/// Tells a host's daemon what a person decided; returns what it says to that.
///
/// # Errors
/// There is no connection, or the daemon refuses; its reason is in the error.
pub fn decide(config: &Path, host: &str, words: &[&str]) -> anyhow::Result<String> {
    ssh(config)
        .args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
        .args(["-o", "ConnectTimeout=20", host, "sudo", "-n", "hived"])
        .args(words)
        .text()
        .with_context(|| format!("telling {host} to {}", words.join(" ")))
}

/// Asks a host how it is. A host that does not answer is an error after `timeout` seconds or so.
///
/// # Errors
/// There is no connection, or the host's answer does not read.
pub fn status(config: &Path, host: &str, timeout: u64) -> anyhow::Result<NodeStatus> {
    let text = ssh(config)
        .args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
        .args(["-o", &format!("ConnectTimeout={timeout}")])
        .args([
            "-o",
            "ServerAliveInterval=10",
            "-o",
            "ServerAliveCountMax=6",
        ])
        .args([host, "hived", "status", "--json"])
        .text()
        .with_context(|| format!("asking {host} how it is"))?;
    let status: NodeStatus = serde_json::from_str(&text)
        .with_context(|| format!("reading what {host} says of itself"))?;
    if status.version != NODE_VERSION {
        anyhow::bail!(
            "{host} reports in version {}, this `hive` reads version {NODE_VERSION}; use the release that baked its image",
            status.version
        );
    }
    Ok(status)
}
