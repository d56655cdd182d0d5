//! A swarm made up in a test: what an engine would tell of it, as the engine's own JSON.

#![allow(dead_code, clippy::unwrap_used)] // Each test uses a part.

mod big;

use hive_ui::snapshot::{Lists, Snapshot};
use serde_json::{Value, json};

/// Milliseconds in a minute.
pub const MINUTE: i64 = 60_000;

/// A swarm.
#[derive(Clone)]
pub struct Swarm {
    pub now: i64,
    pub nodes: Vec<Value>,
    pub services: Vec<Value>,
    pub tasks: Vec<Value>,
    pub networks: Vec<Value>,
}

impl Swarm {
    /// One of managers `h1`, `h2`, …; the first leads.
    pub fn new(hosts: usize) -> Self {
        let now = hive_ui::watch::now();
        let mut swarm = Self {
            now,
            nodes: Vec::new(),
            services: Vec::new(),
            tasks: Vec::new(),
            networks: Vec::new(),
        };
        for number in 1..=hosts {
            swarm.host(&format!("h{number}"), "manager");
        }
        swarm.nodes[0]["ManagerStatus"]["Leader"] = json!(true);
        swarm.network("ingress", json!({"Ingress": true}));
        swarm
    }

    /// The time so many minutes ago as engines write it.
    pub fn ago(&self, minutes: i64) -> String {
        written(self.now - minutes * MINUTE)
    }

    /// Adds a host.
    pub fn host(&mut self, name: &str, role: &str) -> &mut Value {
        let number = self.nodes.len() + 1;
        let mut node = json!({
            "ID": format!("node-{name}"),
            "CreatedAt": self.ago(60 * 24 * 30),
            "UpdatedAt": self.ago(60 * 24),
            "Spec": {"Role": role, "Availability": "active", "Labels": {}},
            "Description": {
                "Hostname": name,
                "Platform": {"Architecture": "x86_64", "OS": "linux"},
                "Resources": {"NanoCPUs": 4_000_000_000_i64, "MemoryBytes": 8_232_370_176_i64},
                "Engine": {"EngineVersion": "26.1.5"},
            },
            "Status": {"State": "ready", "Addr": format!("10.0.3.{number}")},
        });
        if role == "manager" {
            node["ManagerStatus"] =
                json!({"Reachability": "reachable", "Addr": format!("10.0.3.{number}:2377")});
        }
        self.nodes.push(node);
        self.nodes.last_mut().unwrap()
    }

    /// The host as told.
    pub fn node(&mut self, name: &str) -> &mut Value {
        let found = self
            .nodes
            .iter_mut()
            .find(|node| node["Description"]["Hostname"] == name);
        found.unwrap()
    }

    /// A host goes down, so many minutes ago.
    pub fn down(&mut self, name: &str, minutes: i64) {
        let ago = self.ago(minutes);
        let node = self.node(name);
        node["UpdatedAt"] = json!(ago);
        node["Status"]["State"] = json!("down");
        node["Status"]["Message"] = json!("heartbeat failure");
        if node.get("ManagerStatus").is_some() {
            node["ManagerStatus"]["Reachability"] = json!("unreachable");
        }
    }

    /// Adds a network.
    pub fn network(&mut self, name: &str, more: Value) {
        let number = self.networks.len();
        let mut network = json!({
            "Id": format!("network-{name}"), "Name": name, "Driver": "overlay", "Scope": "swarm",
            "IPAM": {"Config": [{"Subnet": format!("10.0.{number}.0/24")}]},
        });
        merge(&mut network, more);
        self.networks.push(network);
    }

    /// Adds a service with so many replicas and no tasks yet.
    pub fn service(&mut self, name: &str, replicas: u64, spec: Value) -> &mut Value {
        let mut whole = json!({
            "Name": name,
            "Labels": {},
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {
                "ContainerSpec": {"Image": format!("registry.example:5000/image_{name}:latest@sha256:{:064x}", 7)},
                "RestartPolicy": {"Condition": "any"},
            },
        });
        merge(&mut whole, spec);
        let ports = whole["EndpointSpec"]["Ports"].clone();
        self.services.push(json!({
            "ID": format!("service-{name}"),
            "CreatedAt": self.ago(60 * 24 * 7),
            "UpdatedAt": self.ago(60 * 5),
            "Spec": whole,
            "Endpoint": {"Ports": ports},
        }));
        self.services.last_mut().unwrap()
    }

    /// The service as told.
    pub fn told(&mut self, name: &str) -> &mut Value {
        let found = self
            .services
            .iter_mut()
            .find(|service| service["Spec"]["Name"] == name);
        found.unwrap()
    }

    /// Adds a task that is in this state since so many minutes.
    pub fn task(
        &mut self,
        service: &str,
        slot: u64,
        host: &str,
        state: &str,
        minutes: i64,
    ) -> &mut Value {
        let ended = matches!(
            state,
            "failed" | "rejected" | "complete" | "shutdown" | "orphaned"
        );
        let number = self.tasks.len();
        self.tasks.push(json!({
            "ID": format!("task-{service}-{slot}-{number}"),
            "CreatedAt": self.ago(minutes), "UpdatedAt": self.ago(minutes),
            "ServiceID": format!("service-{service}"),
            "Slot": slot,
            "NodeID": if host.is_empty() { String::new() } else { format!("node-{host}") },
            "Spec": {"ContainerSpec": {"Image": format!("registry.example:5000/image_{service}:latest@sha256:{:064x}", 7)}},
            "Status": {"Timestamp": self.ago(minutes), "State": state, "Message": state},
            "DesiredState": if ended { "shutdown" } else { "running" },
        }));
        self.tasks.last_mut().unwrap()
    }

    /// Adds a task that failed so many minutes ago with these words.
    pub fn failed(&mut self, service: &str, slot: u64, host: &str, minutes: i64, said: &str) {
        let state = if said.contains("non-zero exit") {
            "failed"
        } else {
            "rejected"
        };
        self.task(service, slot, host, state, minutes)["Status"]["Err"] = json!(said);
    }

    /// Adds a service whose tasks all run, one host after the other.
    pub fn running(&mut self, name: &str, replicas: u64, spec: Value) {
        self.service(name, replicas, spec);
        let hosts: Vec<String> = self
            .nodes
            .iter()
            .map(|node| node["Description"]["Hostname"].as_str().unwrap().to_owned())
            .collect();
        for slot in 1..=replicas {
            let host = &hosts[(slot as usize + self.services.len()) % hosts.len()];
            self.task(name, slot, host, "running", 60 * 5);
        }
    }

    /// What the engine of `h1` tells.
    pub fn lists(&self) -> Lists {
        let read = |what: &[Value]| Value::Array(what.to_vec());
        Lists {
            taken_at: self.now,
            engine: serde_json::from_value(
                json!({"Name": "h1", "Swarm": {"Cluster": {"ID": "cluster-1"}}}),
            )
            .unwrap(),
            nodes: serde_json::from_value(read(&self.nodes)).unwrap(),
            services: serde_json::from_value(read(&self.services)).unwrap(),
            tasks: serde_json::from_value(read(&self.tasks)).unwrap(),
            networks: serde_json::from_value(read(&self.networks)).unwrap(),
        }
    }

    /// What the page gets.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.lists())
    }
}

/// Lays one tree over another.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

/// A time in RFC 3339.
fn written(instant: i64) -> String {
    let seconds = instant.div_euclid(1000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years that begin in March, counted in eras of 400.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let thousandths = instant.rem_euclid(1000);
    format!("{year}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{thousandths:03}000000Z")
}
