//! The cluster with someone who hears what is acknowledged on it, and what is asked of both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use hive_inventory::node::NodeStatus;
use hive_inventory::volumes::VolumeReport;
use hive_tests::acknowledged::{Acknowledgement, Listener};
use hive_tests::cluster::{Cluster, HOSTS};
use hive_tests::image::{Image, Images};
use hive_tests::said;
use serde_json::Value;

use super::site::{self, FILE, WRITER};

const IMAGES: [Image; 1] = [Image {
    tag: "records:1",
    version: "records",
}];

/// How often things are done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As often as it takes to be sure.
    Full,
    /// A few times.
    Few,
}

/// What all boxes look at.
#[derive(Debug)]
pub struct Stage {
    pub listener: Listener,
    pub cluster: Cluster,
    pub size: Size,
}

fn images() -> Images {
    let program = Path::new(env!("CARGO_BIN_EXE_record-writer"));
    Images::with_programs(&IMAGES, &[program])
}

impl Stage {
    /// Of hosts that run.
    pub fn new(cluster: Cluster, size: Size) -> Self {
        if std::env::var_os("HIVE_LOADED").is_none() {
            cluster.give(&images(), &HOSTS);
        }
        site::add(&cluster, "");
        let listener = Listener::to(&cluster, WRITER);
        Self {
            listener,
            cluster,
            size,
        }
    }

    /// Gives a host with a new disk what the others have.
    pub fn furnish(&self, host: &str) {
        self.cluster.give_boxes(&[host]);
        self.cluster.give(&images(), &[host]);
    }

    /// How often something is done again: as `HIVE_ROUNDS` says, or else as often as it takes, or a few times.
    pub fn rounds(&self, full: u64, few: u64) -> u64 {
        let given = std::env::var("HIVE_ROUNDS").ok();
        let otherwise = match self.size {
            Size::Full => full,
            Size::Few => few,
        };
        given.map_or(otherwise, |text| text.parse().unwrap())
    }

    /// The only host that a service is to run on, by a manager, once it runs there.
    pub fn host_of(&self, ask: &str, service: &str) -> Result<String, String> {
        let tasks = self.cluster.try_sh(ask, &format!("tasks {service}"))?;
        let words: Vec<&str> = tasks.split_whitespace().collect();
        match (tasks.lines().count(), words.as_slice()) {
            (1, [host, "Running", ..]) => Ok((*host).to_owned()),
            _ => Err(format!(
                "{service} has these tasks: {tasks}; {}",
                self.cluster
                    .try_sh(ask, &format!("docker service ps --no-trunc {service}"))
                    .unwrap_or_default()
            )),
        }
    }

    /// The host of the writer, when it has just acknowledged a record.
    pub fn writing(&self) -> String {
        let since = Instant::now();
        self.cluster.eventually("the writer to write", 240, || {
            let host = self.host_of(HOSTS[0], WRITER)?;
            let last = self.listener.look(|h| h.first_after(since).cloned());
            last.map(|_| host)
                .ok_or("no record is acknowledged any more".into())
        })
    }

    /// Waits for a record that anybody acknowledges from now on.
    pub fn goes_on(&self) -> Instant {
        let since = Instant::now();
        let first = || {
            self.listener
                .look(|h| h.first_after(since).map(|r| r.heard))
        };
        let look = || first().ok_or("no record is acknowledged any more".into());
        self.cluster
            .eventually_or("a record", 300, look, || self.why())
    }

    /// Waits for a record that somebody acknowledges who did not write before.
    pub fn resumed(&self, writers: &BTreeSet<String>) -> Acknowledgement {
        let first = || self.listener.look(|h| h.first_of_others(writers).cloned());
        let look = || first().ok_or("nobody else writes".into());
        self.cluster
            .eventually_or("the next writer's first record", 300, look, || self.why())
    }

    /// What the hosts wait for and what they complain of, for a message.
    fn why(&self) -> String {
        let volumes = self.volumes();
        let tasks = HOSTS.into_iter().find_map(|host| {
            let script = format!("docker service ps --no-trunc {WRITER}");
            self.cluster.try_sh(host, &script).ok()
        });
        format!("{volumes}\n{}", tasks.unwrap_or_default())
    }

    /// The answer of `hive volumes --json`, whatever its exit code.
    pub fn volumes(&self) -> Value {
        let output = self.cluster.hive(&["volumes", "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
        document["volumes"].clone()
    }

    /// The status of a host.
    pub fn status(&self, host: &str) -> Result<NodeStatus, String> {
        let text = self.cluster.try_sh(host, "hived status --json")?;
        serde_json::from_str(&text).map_err(|e| format!("{host}: {e}: {text}"))
    }

    /// What each host tells of a volume; those that tell nothing of it are not in it.
    pub fn reports(&self, volume: &str) -> Result<BTreeMap<&'static str, VolumeReport>, String> {
        let mut all = BTreeMap::new();
        for host in HOSTS {
            let report = self.status(host)?.volumes;
            let mut report = report.ok_or_else(|| format!("{host} tells of no volumes"))?;
            if !report.faults.is_empty() {
                return Err(format!("{host}: {}", report.faults.join("; ")));
            }
            if let Some(volume) = report.volumes.remove(volume) {
                all.insert(host, volume);
            }
        }
        Ok(all)
    }

    /// The same, from hosts that may be too busy for a moment to tell.
    pub fn told(&self, volume: &str) -> BTreeMap<&'static str, VolumeReport> {
        let what = format!("what hosts tell of {volume}");
        self.cluster.eventually(&what, 120, || self.reports(volume))
    }

    /// Hosts with a copy of a volume.
    pub fn copies(&self, volume: &str) -> Vec<&'static str> {
        let reports = self.told(volume).into_iter();
        let copies = reports.filter(|(_, report)| report.part == "copy");
        copies.map(|(host, _)| host).collect()
    }

    /// Whether all hosts are content with their parts; far cheaper to ask than the command.
    fn settled(&self) -> Result<(), String> {
        for host in HOSTS {
            let report = self.status(host)?.volumes;
            let report = report.ok_or_else(|| format!("{host} tells of no volumes"))?;
            let mut volumes = report.volumes.iter();
            let open = volumes.find(|(_, volume)| !volume.settled || volume.trouble.is_some());
            if let Some((name, volume)) = open {
                return Err(format!("{host}: {name}: {volume:?}"));
            }
        }
        Ok(())
    }

    /// Waits until all copies of all volumes are up to date and the same, and nobody complains.
    pub fn intact(&self) {
        self.cluster
            .eventually("all copies to be up to date", 600, || {
                self.settled()?;
                let all = self.volumes();
                let volumes = all["volumes"].as_array().ok_or_else(|| all.to_string())?;
                let empty = |value: &Value| match value {
                    Value::Array(list) => list.is_empty(),
                    Value::Object(map) => map.is_empty(),
                    _ => false,
                };
                let good = volumes.iter().all(|v| {
                    v["copies"].as_u64() >= Some(2)
                        && v["up_to_date"] == v["copies"]
                        && v["out_of_sync"] == 0
                        && v["primary"].as_array().is_some_and(|p| p.len() <= 1)
                        && ["down", "trouble", "untold"].iter().all(|k| empty(&v[k]))
                });
                let heard = empty(&all["silent"]) && empty(&all["faults"]);
                (good && heard && !volumes.is_empty())
                    .then_some(())
                    .ok_or_else(|| all.to_string())
            });
    }

    /// Everything that was acknowledged is in the file, in order, as it was acknowledged.
    pub fn verified(&self) {
        let host = self.writing();
        let (last, contradictions) = self
            .listener
            .look(|h| (h.last().cloned(), h.contradictions().to_vec()));
        assert!(contradictions.is_empty(), "{contradictions:#?}");
        let last = last.unwrap().number;
        let script = format!("inside {WRITER} record-writer verify {FILE} {last}");
        println!("{host}: {}", self.cluster.sh(&host, &script));
        let first = last.saturating_sub(20_000);
        let script = format!("inside {WRITER} record-writer list {FILE} {first}");
        let list = self.cluster.sh(&host, &script);
        let otherwise = self.listener.look(|h| {
            let missing = h.missing_in(&list, first).into_iter();
            let missing = missing.filter(|r| r.number <= last);
            missing.cloned().collect::<Vec<_>>()
        });
        assert!(
            otherwise.is_empty(),
            "acknowledged otherwise than written: {otherwise:#?}"
        );
    }

    /// Brings back what a box that failed may have taken away; what boxes make begins with `t-`.
    pub fn mend(&self) {
        self.cluster.mend();
        site::add(&self.cluster, "");
        let writes = format!("docker service scale -d {WRITER}=1 >/dev/null");
        self.cluster.try_mend(&writes);
        self.forget();
    }

    /// Removes the volumes that boxes made.
    fn forget(&self) {
        let script =
            "docker config ls --format '{{.Name}}' | sed -n 's/^hive[.]volume[.]\\(t-.*\\)/\\1/p'";
        let names = self.cluster.try_sh(HOSTS[0], script).unwrap_or_default();
        for name in names.lines() {
            let remove = ["build-volumes", "-D", "--yes", "-l", name];
            let output = self.cluster.hive(&remove);
            println!("{name} was left: {}", said(&output));
        }
    }
}
