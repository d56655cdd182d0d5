//! What is wrong with mirrored volumes, of what the hosts report, and the exact next step. Pure.
//!
//! | file | what it recognises |
//! |---|---|
//! | `connections.rs` | hosts that do not see each other, or of which one only thinks so |
//! | `copies.rs` | copies that are all old, that failed, that are not up |
//! | `marks.rs` | blocks that are marked as different though all copies are up to date |
//! | `room.rs` | full pools and volumes |
//! | `words.rs` | what hived says in words: damaged file systems, and all else |
//! | `findings.rs` | what is found, and steps as commands |

mod connections;
mod copies;
pub mod findings;
mod marks;
mod room;
mod words;

use std::collections::BTreeMap;

use hive_inventory::volumes::{ResourceReport, VolumeReport};
use hive_records::Records;
use hive_volumes::Record;

use super::reports::Reports;
use findings::Finding;

/// A volume, as all hosts tell of it.
struct Case<'a> {
    name: &'a str,
    told: BTreeMap<&'a str, &'a VolumeReport>,
    record: Option<&'a Record>,
}

impl<'a> Case<'a> {
    fn resources(&self) -> impl Iterator<Item = (&'a str, &'a ResourceReport)> {
        let told = self.told.iter();
        told.filter_map(|(host, volume)| Some((*host, volume.resource.as_ref()?)))
    }

    fn resource(&self, host: &str) -> Option<&'a ResourceReport> {
        self.told.get(host)?.resource.as_ref()
    }

    /// Hosts that are to keep a copy.
    fn copies(&self) -> Vec<&'a str> {
        match self.record {
            Some(record) => record.state.copies().collect(),
            None => {
                let copies = self.told.iter().filter(|(_, volume)| volume.part == "copy");
                copies.map(|(host, _)| *host).collect()
            }
        }
    }

    fn is_used(&self) -> bool {
        self.resources().any(|(_, resource)| resource.primary)
    }
}

/// All that is wrong, the worst first.
pub fn examine(reports: &Reports, records: Option<&Records>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut cases: BTreeMap<&str, Case<'_>> = BTreeMap::new();
    for (host, report) in reports {
        let Ok(report) = report else { continue };
        for (name, volume) in &report.volumes {
            let case = cases.entry(name).or_insert_with(|| Case {
                name,
                told: BTreeMap::new(),
                record: records.and_then(|records| records.volumes.get(name)),
            });
            case.told.insert(host, volume);
        }
    }
    for case in cases.values() {
        findings.extend(copies::all_outdated(case));
        findings.extend(copies::failed(case));
        findings.extend(connections::stand_alone(case));
        findings.extend(connections::half_connected(case));
        findings.extend(marks::marked(case));
        findings.extend(room::volume(case));
        findings.extend(words::file_system(case));
        let explained: Vec<String> = findings.iter().flat_map(Finding::parts).collect();
        findings.extend(words::others(case, &explained));
    }
    for (host, report) in reports {
        let Ok(report) = report else { continue };
        findings.extend(room::pool(host, report));
        findings.extend(words::faults(host, report));
    }
    findings.sort_by_key(|finding| finding.situation);
    findings
}
