//! The cluster with the prober beside it, and what is asked of both.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use hive_tests::clock::unix;
use hive_tests::cluster::{ADDRESSES, Cluster, HOSTS, host_of};
use hive_tests::prober::history::Double;
use hive_tests::prober::{History, Prober};
use serde_json::Value;

/// The address of the service that boxes move about.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 90);
/// Its name.
pub const SERVICE: &str = "web";

/// What all boxes look at.
#[derive(Debug)]
pub struct Stage {
    pub prober: Prober,
    pub cluster: Cluster,
    started: Instant,
}

/// A task that is wanted, as a manager tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Docker's id.
    pub id: String,
    /// The host that it was given to.
    pub host: String,
    /// `running`, or what it is on its way to that.
    pub state: String,
    /// When it came to that state, by that host's clock, in seconds since 1970.
    pub since: f64,
}

impl Stage {
    /// Beside a cluster that runs; the hosts' own addresses are watched, too.
    pub fn new(cluster: Cluster, watched: &[Ipv4Addr]) -> Self {
        let prober = Prober::start(&cluster.switch(), &[watched, &ADDRESSES].concat());
        Self {
            prober,
            cluster,
            started: Instant::now(),
        }
    }

    /// What the engine of a manager answers at a path of its API, for a filter.
    pub fn engine(&self, host: &str, path: &str, filter: &str) -> Result<Value, String> {
        let script = format!(
            "curl -sS --fail --max-time 20 -G --unix-socket /run/docker.sock --data-urlencode 'filters={filter}' http://docker/{path}"
        );
        let text = self.cluster.try_sh(host, &script)?;
        serde_json::from_str(&text).map_err(|e| format!("{path}: {e}"))
    }

    /// Hosts by Docker's id of them, as a manager knows them.
    pub fn nodes(&self, ask: &str) -> Result<BTreeMap<String, String>, String> {
        let list = self.engine(ask, "nodes", "{}")?;
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let named = |n: &Value| (word(&n["ID"]), word(&n["Description"]["Hostname"]));
        Ok(list.as_array().unwrap().iter().map(named).collect())
    }

    /// All tasks of a service, also those that are over.
    pub fn tasks(&self, ask: &str, service: &str) -> Result<Vec<(Task, String)>, String> {
        let nodes = self.nodes(ask)?;
        let list = self.engine(ask, "tasks", &format!("{{\"service\":[\"{service}\"]}}"))?;
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let task = |t: &Value| {
            let node = word(&t["NodeID"]);
            let task = Task {
                id: word(&t["ID"]),
                host: nodes.get(&node).cloned().unwrap_or_default(),
                state: word(&t["Status"]["State"]),
                since: unix(t["Status"]["Timestamp"].as_str().unwrap()),
            };
            (task, word(&t["DesiredState"]))
        };
        Ok(list.as_array().unwrap().iter().map(task).collect())
    }

    /// The task of a service that runs and is to run.
    pub fn running(&self, ask: &str, service: &str) -> Result<Task, String> {
        let tasks = self.tasks(ask, service)?;
        let mut fitting = tasks
            .iter()
            .filter(|(task, desired)| task.state == "running" && desired == "running");
        match (fitting.next(), fitting.next()) {
            (Some((task, _)), None) => Ok(task.clone()),
            _ => Err(format!("{service} has these tasks: {tasks:?}")),
        }
    }

    /// The task of a service, once its host and nobody else answers at the service's address.
    pub fn settled(&self, service: &str, vip: Ipv4Addr) -> Task {
        self.prober.watch(vip);
        self.cluster
            .eventually(&format!("{service} to be reached at {vip}"), 240, || {
                let task = self.running(HOSTS[0], service)?;
                let seconds = Duration::from_secs(2);
                std::thread::sleep(seconds);
                let now = Instant::now();
                let holders = self.prober.look(|h| h.holders(vip, now - seconds..now));
                let hosts: Vec<Option<&str>> = holders.iter().map(|mac| host_of(*mac)).collect();
                match hosts[..] == [Some(task.host.as_str())] {
                    true => Ok(task),
                    false => Err(format!("{task:?} runs, and {holders:?} answer")),
                }
            })
    }

    /// The answer of `hive vips --json`, whatever its exit code.
    pub fn vips(&self) -> Value {
        let output = self.cluster.hive(&["vips", "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        document["vips"].clone()
    }

    /// Makes a service of these options, image and command.
    pub fn create(&self, name: &str, words: &str) {
        self.cluster
            .sh(HOSTS[0], &format!("create --name {name} {words}"));
    }

    /// Takes services away.
    pub fn remove(&self, names: &str) {
        self.cluster.sh(HOSTS[0], &format!("gone {names}"));
    }

    /// Whatever two hosts had at once since the beginning.
    pub fn all_doubles(&self, history: &History) -> Vec<Double> {
        let mut ips: Vec<Ipv4Addr> = history.answers.iter().map(|a| a.ip).collect();
        ips.sort_unstable();
        ips.dedup();
        let time = self.started..Instant::now();
        let doubles = ips.iter().flat_map(|ip| history.doubles(*ip, time.clone()));
        doubles.collect()
    }
}
