//! What the stories of several hosts share: waiting for the swarm, and looking at it from a host.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hive_inventory::node::NodeStatus;
use hive_qemu::Patience;
use serde_json::Value;

use crate::{Host, Site};

/// How long three emulated hosts may take to boot and to become a swarm, before patience is applied.
const JOINING: Duration = Duration::from_secs(600);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(3);

/// A line of `docker node ls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Docker's id.
    pub id: String,
    /// The host's first label.
    pub host: String,
    /// `Ready` or `Down`.
    pub state: String,
    /// `Leader`, `Reachable`, `Unreachable`, or empty for a worker.
    pub manager: String,
}

/// How long to wait for three hosts at once on this computer.
pub fn patience() -> Duration {
    Patience::measured().unwrap().shared_by(3).scale(JOINING)
}

/// Waits until `look` finds something; the text says what for when it does not.
///
/// # Panics
/// It does not in time.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let (since, limit) = (Instant::now(), patience());
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) if since.elapsed() > limit => {
                panic!("waited {:.0} s for {what}: {why}", limit.as_secs_f64())
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

impl Site {
    /// Waits until `hive setup-hosts` is content.
    pub fn joined(&self) {
        let seconds = patience().as_secs().to_string();
        self.ok(&["setup-hosts", "--timeout", &seconds]);
    }

    /// The status of every host, with `hive status --json`, whatever its exit code.
    pub fn statuses(&self) -> BTreeMap<String, Value> {
        let output = self.hive(&["status", "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let hosts = document["hosts"].as_array().unwrap();
        let named = |h: &Value| (h["host"].as_str().unwrap().to_owned(), h.clone());
        hosts.iter().map(named).collect()
    }
}

impl Host<'_> {
    /// The swarm's entries; it has to be a manager, and the managers have to have a leader.
    pub fn nodes(&self) -> Vec<Entry> {
        self.try_nodes().unwrap()
    }

    /// The swarm's entries, sorted by host, then id, or why there are none to be had.
    pub fn try_nodes(&self) -> Result<Vec<Entry>, String> {
        let text = self.try_sh(
            "docker node ls --format \"{{.ID}} {{.Hostname}} {{.Status}} {{.ManagerStatus}}\"",
        )?;
        let mut entries: Vec<Entry> = text
            .lines()
            .map(|line| {
                let mut words = line.split_whitespace();
                let mut word = || words.next().unwrap_or_default().to_owned();
                Entry {
                    id: word(),
                    host: word(),
                    state: word(),
                    manager: word(),
                }
            })
            .collect();
        entries.sort_by(|a, b| (&a.host, &a.id).cmp(&(&b.host, &b.id)));
        Ok(entries)
    }

    /// The labels of an entry.
    pub fn labels(&self, node: &str) -> BTreeMap<String, String> {
        let text = self.sh(&format!(
            "docker node inspect --format \"{{{{json .Spec.Labels}}}}\" {node}"
        ));
        serde_json::from_str(&text).unwrap()
    }

    /// Its status, if it answers.
    pub fn asked(&self) -> Result<NodeStatus, String> {
        self.try_sh("hived status --json")
            .and_then(|text| serde_json::from_str(&text).map_err(|e| e.to_string()))
    }

    /// Waits until one of the things it waits for contains `text`.
    pub fn waits_for(&self, text: &str) {
        eventually(&format!("{} to say `{text}`", self.name()), || {
            let status = self.asked()?;
            let said = status.waiting_for.join("; ");
            said.contains(text).then_some(()).ok_or(said)
        });
    }

    /// Waits until it answers at all, with Docker running.
    pub fn up(&self) {
        eventually(&format!("{} to be up", self.name()), || {
            let status = self.asked()?;
            status.docker.map(drop).ok_or("docker is not up".into())
        });
    }
}
