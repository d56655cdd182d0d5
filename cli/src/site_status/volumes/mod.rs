//! Mirrored volumes of a stage, of what all hives report and what the swarm's records say. Pure.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use hive_inventory::volumes::{FileSystemReport, PoolReport, VolumeReport};
use hive_records::Records;
use serde::Serialize;

use crate::mirrored::reports::Reports;

pub use text::text;

/// From here on a pool or a file system counts as nearly full, in hundredths of a percent.
pub const NEARLY_FULL: u64 = 9000;

/// A mirrored volume of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// `xfs` or `ext4`.
    pub file_system: String,
    /// Minor number of `/dev/drbdN`.
    pub minor: u8,
    /// Hosts on which it is in use; more than one must never be.
    pub primary: Vec<String>,
    /// How many hosts keep a copy.
    pub copies: usize,
    /// How many of the copies are up to date.
    pub up_to_date: usize,
    /// Bytes that differ between the copies, as far as is known.
    pub out_of_sync: u64,
    /// Connections that are not up: who sees whom how.
    pub down: Vec<String>,
    /// The mounted file system.
    pub mounted: Option<FileSystemReport>,
    /// Containers that use it.
    pub users: usize,
    /// It is being removed.
    pub removing: bool,
    /// What hosts do or wait for, by host.
    pub waiting: BTreeMap<String, String>,
    /// What needs a person, by host.
    pub trouble: BTreeMap<String, String>,
    /// Hosts with a part in it that say nothing of it.
    pub untold: Vec<String>,
}

/// All of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Volumes {
    /// By name.
    pub volumes: Vec<Volume>,
    /// The hosts' pools.
    pub pools: BTreeMap<String, PoolReport>,
    /// What is wrong with all volumes, by host.
    pub faults: BTreeMap<String, Vec<String>>,
    /// Records that do not read.
    pub unreadable: Vec<String>,
    /// Hosts that report nothing, and why.
    pub silent: BTreeMap<String, String>,
}

/// Puts together what hosts report. Without records nothing is known of volumes that no host reports.
pub fn volumes(reports: &Reports, records: Option<&Records>) -> Volumes {
    let mut all = Volumes::default();
    let mut names = BTreeSet::new();
    if let Some(records) = records {
        names.extend(records.volumes.keys().cloned());
        all.unreadable.clone_from(&records.unreadable);
    }
    for (host, report) in reports {
        match report {
            Ok(report) => {
                names.extend(report.volumes.keys().cloned());
                if let Some(pool) = &report.pool {
                    all.pools.insert(host.clone(), pool.clone());
                }
                if !report.faults.is_empty() {
                    all.faults.insert(host.clone(), report.faults.clone());
                }
            }
            Err(why) => {
                all.silent.insert(host.clone(), why.clone());
            }
        }
    }
    let volumes = names.into_iter();
    all.volumes = volumes
        .filter_map(|name| volume(name, reports, records))
        .collect();
    all
}

fn volume(name: String, reports: &Reports, records: Option<&Records>) -> Option<Volume> {
    let told: BTreeMap<&str, &VolumeReport> = reports
        .iter()
        .filter_map(|(host, report)| {
            Some((host.as_str(), report.as_ref().ok()?.volumes.get(&name)?))
        })
        .collect();
    let record = records.and_then(|records| records.volumes.get(&name));
    let newest = told.values().max_by_key(|volume| volume.turn);
    let mut volume = match (record, newest) {
        (Some(record), _) => Volume {
            size: record.state.size,
            file_system: record.identity.file_system.name().to_owned(),
            minor: record.identity.id,
            removing: record.state.removal.is_some(),
            ..empty(name)
        },
        (None, Some(newest)) => Volume {
            size: newest.size,
            file_system: newest.file_system.clone(),
            minor: newest.minor,
            removing: newest.removing,
            ..empty(name)
        },
        (None, None) => return None,
    };
    let copies: BTreeSet<String> = match record {
        Some(record) => record.state.copies().map(str::to_owned).collect(),
        None => {
            let copies = told.iter().filter(|(_, volume)| volume.part == "copy");
            copies.map(|(host, _)| (*host).to_owned()).collect()
        }
    };
    volume.copies = copies.len();
    if let Some(record) = record {
        let hosts = record.state.present().map(|(host, _)| host);
        let untold = hosts.filter(|host| !told.contains_key(host));
        volume.untold = untold.map(str::to_owned).collect();
    }
    for (host, report) in &told {
        join(&mut volume, host, report);
    }
    let disk = |host: &String| seen_disk(host, &told);
    volume.up_to_date = copies
        .iter()
        .filter(|host| disk(host) == Some("UpToDate"))
        .count();
    Some(volume)
}

/// What a host's copy is worth: in its own words, or else in those of one that is connected to it.
fn seen_disk<'a>(host: &str, told: &BTreeMap<&str, &'a VolumeReport>) -> Option<&'a str> {
    if let Some(own) = told.get(host) {
        return own.resource.as_ref().map(|resource| resource.disk.as_str());
    }
    let resources = told.values().filter_map(|report| report.resource.as_ref());
    let peers = resources.filter_map(|resource| resource.peers.get(host));
    let mut connected = peers.filter(|peer| is_up(&peer.connection));
    connected.next().map(|peer| peer.disk.as_str())
}

/// Whether two hosts speak.
pub fn is_up(connection: &str) -> bool {
    !matches!(connection, "StandAlone" | "Trying")
}

fn empty(name: String) -> Volume {
    Volume {
        name,
        size: 0,
        file_system: String::new(),
        minor: 0,
        primary: Vec::new(),
        copies: 0,
        up_to_date: 0,
        out_of_sync: 0,
        down: Vec::new(),
        mounted: None,
        users: 0,
        removing: false,
        waiting: BTreeMap::new(),
        trouble: BTreeMap::new(),
        untold: Vec::new(),
    }
}

fn join(volume: &mut Volume, host: &str, report: &VolumeReport) {
    volume.users += report.users;
    if let Some(what) = &report.trouble {
        volume.trouble.insert(host.to_owned(), what.clone());
    } else if let Some(what) = &report.waiting_for {
        volume.waiting.insert(host.to_owned(), what.clone());
    }
    if report.mounted.is_some() {
        volume.mounted.clone_from(&report.mounted);
    }
    let Some(resource) = &report.resource else {
        return;
    };
    if resource.primary {
        volume.primary.push(host.to_owned());
    }
    for (peer, seen) in &resource.peers {
        // Both sides tell of the same difference.
        volume.out_of_sync = volume.out_of_sync.max(seen.out_of_sync);
        if !is_up(&seen.connection) {
            volume
                .down
                .push(format!("{host} sees {peer}: {}", seen.connection));
        }
    }
}

impl Volumes {
    /// Whether nobody has to look at anything.
    pub fn is_content(&self) -> bool {
        let full = |pool: &PoolReport| {
            u64::from(pool.used) >= NEARLY_FULL || u64::from(pool.notes_used) >= NEARLY_FULL
        };
        self.faults.is_empty()
            && self.unreadable.is_empty()
            && !self.pools.values().any(full)
            && self.volumes.iter().all(Volume::is_content)
    }
}

impl Volume {
    fn is_content(&self) -> bool {
        self.up_to_date == self.copies
            && self.primary.len() <= 1
            && self.out_of_sync == 0
            && self.down.is_empty()
            && self.trouble.is_empty()
            && self.untold.is_empty()
            && self
                .mounted
                .as_ref()
                .is_none_or(|fs| share(fs.used, fs.bytes) < NEARLY_FULL)
    }
}

/// How much of something is used, in hundredths of a percent.
pub fn share(used: u64, bytes: u64) -> u64 {
    match bytes {
        0 => 0,
        bytes => u64::try_from(u128::from(used) * 10_000 / u128::from(bytes)).unwrap_or(u64::MAX),
    }
}

/// Hundredths of a percent in words.
pub fn percent(hundredths: u64) -> String {
    format!("{}.{} %", hundredths / 100, hundredths / 10 % 10)
}

#[cfg(test)]
pub mod tests;
