//! `hive status`: how the hosts are, as they say themselves.

use std::process::ExitCode;

use hive_inventory::node::NodeStatus;
use serde::Serialize;

use crate::args::Global;
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result};
use crate::site_folder::SiteFolder;
use crate::{output, remote, ssh_files};

/// Seconds to wait for a host's answer.
const CONNECT: u64 = 15;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "The exit code is 1 when a host is not ready or does not answer.")]
pub struct Status {
    /// Print the status as JSON
    #[arg(long)]
    json: bool,
}

/// What is known of one host.
#[derive(Debug, Serialize)]
pub struct HostStatus {
    /// Full name.
    pub host: String,
    /// What it says of itself.
    pub status: Option<NodeStatus>,
    /// Why it says nothing.
    pub error: Option<String>,
}

impl Status {
    /// Asks all hosts at once.
    ///
    /// # Errors
    /// No host of the stage was ever started.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = ContextFolder::of(&folder.root, stage.name);
        let names = ssh_files::hosts(&context)?;
        if names.is_empty() {
            let none = anyhow::anyhow!(
                "no host of stage {} was started on this machine yet",
                stage.name
            );
            return Err(CommandError::from(none).hint("`hive run` boots them here"));
        }
        let config = ssh_files::config_file(&context);
        let ask = |name: &String| match remote::status(&config, name, CONNECT) {
            Ok(status) => HostStatus {
                host: name.clone(),
                status: Some(status),
                error: None,
            },
            Err(error) => HostStatus {
                host: name.clone(),
                status: None,
                error: Some(format!("{error:#}")),
            },
        };
        let hosts: Vec<HostStatus> = std::thread::scope(|scope| {
            let asked: Vec<_> = names.iter().map(|name| scope.spawn(|| ask(name))).collect();
            asked.into_iter().filter_map(|a| a.join().ok()).collect()
        });
        if self.json {
            output::json("hosts", &hosts)?;
        } else {
            output::data(&text(&hosts))?;
        }
        let good = hosts.len() == names.len()
            && hosts
                .iter()
                .all(|h| h.status.as_ref().is_some_and(|s| s.ready));
        Ok(ExitCode::from(u8::from(!good)))
    }
}

/// The hosts in a table, and below what they wait for.
pub fn text(hosts: &[HostStatus]) -> String {
    let mut notes = String::new();
    let mut rows = Vec::new();
    for host in hosts {
        let Some(status) = &host.status else {
            rows.push(vec![host.host.clone(), "no answer".into()]);
            notes.push_str(&format!(
                "{}: {}\n",
                host.host,
                host.error.as_deref().unwrap_or("no answer")
            ));
            continue;
        };
        rows.push(row(&host.host, status));
        for missing in &status.waiting_for {
            notes.push_str(&format!("{}: not ready: {missing}\n", host.host));
        }
        for notice in status.boot.iter().flat_map(|b| &b.notices) {
            notes.push_str(&format!("{}: {notice}\n", host.host));
        }
    }
    let table = output::table(
        &["HOST", "STATE", "AFTER", "ROOT", "DOCKER", "DRBD", "IMAGE"],
        &rows,
    );
    if notes.is_empty() {
        table
    } else {
        format!("{table}\n{notes}")
    }
}

fn row(name: &str, status: &NodeStatus) -> Vec<String> {
    let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
    let image = status.boot.as_ref().map(|b| b.image.image_version.clone());
    vec![
        name.to_owned(),
        if status.ready { "ready" } else { "not ready" }.to_owned(),
        status
            .ready_after_seconds
            .map_or_else(|| "-".into(), |s| format!("{s:.0} s")),
        if status.root_verified {
            "verified"
        } else {
            "NOT VERIFIED"
        }
        .to_owned(),
        or(&status.docker, "no answer"),
        or(&status.drbd, "not loaded"),
        or(&image, "-"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_what_is_missing_below() {
        let status = NodeStatus {
            version: 1,
            host: "p-hive0".into(),
            ready: false,
            waiting_for: vec!["docker.service: starting".into()],
            boot: None,
            root_verified: true,
            docker: None,
            drbd: Some("8.4.11".into()),
            ready_after_seconds: None,
            swarm: None,
            peers: Vec::new(),
            notices: Vec::new(),
        };
        let hosts = [
            HostStatus {
                host: "a.example".into(),
                status: Some(status),
                error: None,
            },
            HostStatus {
                host: "b.example".into(),
                status: None,
                error: Some("refused".into()),
            },
        ];
        assert_eq!(
            text(&hosts),
            "HOST       STATE      AFTER  ROOT      DOCKER     DRBD    IMAGE\n\
             a.example  not ready  -      verified  no answer  8.4.11  -\n\
             b.example  no answer\n\n\
             a.example: not ready: docker.service: starting\nb.example: refused\n"
        );
    }
}
