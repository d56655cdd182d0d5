//! Hosts over ssh, through the system's own client.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
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
    let text = on_host(config, host, timeout, &STATUS)
        .text()
        .with_context(|| format!("asking {host} how it is"))?;
    read_status(host, &text)
}

/// The same without a thread; given up together with whoever asks.
///
/// # Errors
/// As [`status`].
pub async fn status_soon(config: &Path, host: &str, timeout: u64) -> anyhow::Result<NodeStatus> {
    let text = told(on_host(config, host, timeout, &STATUS)).await?;
    read_status(host, &text)
}

/// What a host says of itself.
const STATUS: [&str; 3] = ["hived", "status", "--json"];

/// A program on a host. A host that does not take the connection within `timeout` seconds is an error.
pub fn on_host(config: &Path, host: &str, timeout: u64, words: &[&str]) -> Program {
    ssh(config)
        .args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
        .args(["-o", &format!("ConnectTimeout={timeout}")])
        .args([
            "-o",
            "ServerAliveInterval=10",
            "-o",
            "ServerAliveCountMax=6",
        ])
        .arg(host)
        .args(words)
}

/// A program that is kept and listened to: with pipes, and out of reach of Ctrl-C at the terminal, which is for
/// this command. It sees the end of its input when this process ends, however it does.
pub fn kept(program: &Program) -> Command {
    let mut command = program.command();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

/// What a program says, while other work goes on. It ends together with whoever waits for it.
///
/// # Errors
/// It can't be started, or fails; the error has the last line of what it said.
pub async fn told(program: Program) -> anyhow::Result<String> {
    let mut command = program.command();
    // Ctrl-C at the terminal is for this command.
    command.stdin(Stdio::null()).process_group(0);
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| program.start_error(e))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    match said.trim().lines().next_back() {
        Some(line) => bail!("{line}"),
        None => bail!("`{program}` ended with {}", output.status),
    }
}

/// Reads what a host says of itself.
///
/// # Errors
/// It does not read, or is of another release.
pub fn read_status(host: &str, text: &str) -> anyhow::Result<NodeStatus> {
    let status: NodeStatus = serde_json::from_str(text)
        .with_context(|| format!("reading what {host} says of itself"))?;
    if status.version != NODE_VERSION {
        bail!(
            "{host} reports in version {}, this `hive` reads version {NODE_VERSION}; use the release that baked its image",
            status.version
        );
    }
    Ok(status)
}
