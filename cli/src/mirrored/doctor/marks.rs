//! Blocks that are counted as different though all copies are up to date and nothing is being filled.

use hive_inventory::volumes::ResourceReport;
use hive_volumes::{Module, Record};

use super::Case;
use super::findings::{Finding, Situation, Step};

/// Two hosts of which one counts blocks as different, or both. An online verify that finds a difference marks it on
/// both; marks of one alone are what a resync left over. It may leave some on both, too, which hosts that saw it clear
/// before a person looks.
pub(super) fn marked(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (host, resource) in case.resources() {
        let peers = resource.peers.keys().map(String::as_str);
        // Once for the two.
        for peer in peers.filter(|peer| host < *peer) {
            let Some(other) = case.resource(peer) else {
                continue;
            };
            let pair = [(host, resource), (peer, other)];
            if let (Some(first), Some(second)) = (counted(pair[0], peer), counted(pair[1], host))
                && first + second > 0
            {
                findings.push(finding(
                    case,
                    pair,
                    first.max(second),
                    first.min(second) > 0,
                ));
            }
        }
    }
    findings
}

/// What a host counts towards a peer; `None`: it is no wonder, since they are not both whole, connected and at rest.
fn counted((_, resource): (&str, &ResourceReport), peer: &str) -> Option<u64> {
    let seen = resource.peers.get(peer)?;
    let whole = resource.disk == "UpToDate" && seen.disk == "UpToDate";
    (whole && seen.connection == "Connected").then_some(seen.out_of_sync)
}

fn finding(
    case: &Case<'_>,
    [first, second]: [(&str, &ResourceReport); 2],
    bytes: u64,
    both: bool,
) -> Finding {
    let hosts = [first.0, second.0];
    let what = format!(
        "{} and {} are up to date, and {bytes} bytes are marked as different",
        first.0, second.0
    );
    let finding = Finding::of(Situation::Marked, case.name, &hosts, what);
    let Some(record) = case.record else {
        return finding.advice(
            "what they are, only the swarm's record tells, which could not be read: run this again",
        );
    };
    // A host that says nothing may use it, too; its peers see that.
    let used_on = |host: &str| {
        case.resources()
            .any(|(name, seen)| match seen.peers.get(host) {
                Some(peer) => peer.primary,
                None => name == host && seen.primary,
            })
    };
    let (keeps, loses) = match (used_on(first.0), used_on(second.0)) {
        (true, _) => (first.0, second.0),
        (_, true) => (second.0, first.0),
        _ if counted(first, second.0) > Some(0) => (second.0, first.0),
        _ => (first.0, second.0),
    };
    // Only with DRBD 9 marks were seen to be left over.
    if both || record.identity.module == Module::Drbd84 {
        return finding.steps(fill(case, record, keeps, loses)).advice(format!(
            "`hive volumes verify` marks what differs, so a disk or the memory of one host is to be looked at. This gives {loses} what {keeps} has{}; do it the other way round if you know that the other copy is the right one{}",
            match used_on(keeps) {
                true => ", which is what its service sees",
                false => "",
            },
            match record.identity.module {
                Module::Drbd9 => ". If a host came back just now, wait a minute and look again: what a resync left marked goes by itself",
                Module::Drbd84 => "",
            }
        ));
    }
    let mut hosts = record.state.present().map(|(host, _)| host);
    if hosts.any(used_on) {
        let steps = fill(case, record, keeps, loses);
        finding.steps(steps).advice(format!(
            "they were left over when a resync ended; the hosts see to them by themselves after half a minute while all of them are connected. This gives {loses} what {keeps} has. Do not connect the two anew: DRBD would forget what is marked, whether it differs or not"
        ))
    } else {
        finding.advice(
            "they were left over when a resync ended, and go while a service uses the volume, whose data count: start it, or wait for it",
        )
    }
}

/// One copy is filled from another. DRBD 9 can do so with the marked blocks only.
fn fill(case: &Case<'_>, record: &Record, keeps: &str, loses: &str) -> Vec<Step> {
    if record.identity.module == Module::Drbd84 {
        return vec![Step::on(loses, &["drbdadm", "invalidate", case.name])];
    }
    let Some(part) = record.state.part(keeps) else {
        return Vec::new();
    };
    let from = format!("--sync-from-peer-node-id={}", part.node_id);
    let minor = record.identity.id.to_string();
    let words = ["drbdsetup", "invalidate", "--reset-bitmap=no"];
    let words: Vec<&str> = words.into_iter().chain([from.as_str(), &minor]).collect();
    vec![Step::on(loses, &words)]
}

#[cfg(test)]
mod tests {
    use super::super::examine;
    use super::*;
    use crate::mirrored::reports::Reports;
    use crate::site_status::volumes::tests::pair;
    use hive_records::Records;
    use hive_volumes::{Part, PartKind};
    use std::collections::BTreeMap;

    /// What the hosts of the pair count; the first uses the volume.
    fn counting(first: u64, second: u64) -> Reports {
        let mut reports = pair();
        for (host, peer, bytes) in [("h0", "h1", first), ("h1", "h0", second)] {
            let report = reports.get_mut(host).unwrap().as_mut().unwrap();
            let volume = report.volumes.get_mut("data").unwrap();
            let peers = &mut volume.resource.as_mut().unwrap().peers;
            peers.get_mut(peer).unwrap().out_of_sync = bytes;
        }
        reports
    }

    fn records(module: &str) -> Records {
        let identity = include_str!("../../../../volumes/tests/golden/record-1.json");
        let identity = identity
            .replace("\"db\"", "\"data\"")
            .replace("drbd84", module);
        let state = include_str!("../../../../volumes/tests/golden/state-1.json");
        let record = Record {
            identity: serde_json::from_str(&identity).unwrap(),
            state: serde_json::from_str(&state.replace("p-hive", "h")).unwrap(),
            config: "c1".into(),
            version: 1,
        };
        Records {
            volumes: BTreeMap::from([("data".to_owned(), record)]),
            unreadable: Vec::new(),
        }
    }

    fn commands(finding: &Finding) -> Vec<String> {
        finding.steps.iter().map(Step::command).collect()
    }

    /// With a third host that uses the volume in place of the first.
    fn used_by_a_third(mut reports: Reports) -> Reports {
        for report in reports.values_mut() {
            let volume = report.as_mut().unwrap().volumes.get_mut("data").unwrap();
            let resource = volume.resource.as_mut().unwrap();
            resource.primary = false;
            let mut third = resource.peers.values().next().unwrap().clone();
            third.primary = true;
            third.out_of_sync = 0;
            resource.peers.insert("h2".into(), third);
        }
        reports
    }

    fn with_a_third(mut records: Records) -> Records {
        let record = records.volumes.get_mut("data").unwrap();
        let (node_id, kind) = (2, PartKind::Copy);
        let part = Part { node_id, kind };
        record.state.hosts.insert("h2".into(), part);
        records
    }

    #[test]
    fn what_one_side_counts_was_left_over_and_is_filled_where_it_is_counted() {
        let records = with_a_third(records("drbd9"));
        assert_eq!(
            examine(&used_by_a_third(counting(0, 0)), Some(&records)),
            []
        );
        for (first, second, host, node) in [(0, 4096, "h1", 0), (4096, 0, "h0", 1)] {
            let found = examine(&used_by_a_third(counting(first, second)), Some(&records));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].situation, Situation::Marked);
            assert!(!found[0].safe && found[0].what.contains("4096 bytes"));
            let fill = format!(
                "hive ssh -t {host} -- sudo drbdsetup invalidate --reset-bitmap=no --sync-from-peer-node-id={node} 2"
            );
            assert_eq!(commands(&found[0]), [fill]);
        }
        let found = examine(&used_by_a_third(counting(0, 4096)), None);
        assert!(!found[0].safe && found[0].steps.is_empty(), "no record");
    }

    #[test]
    fn the_host_that_does_not_use_the_volume_gets_what_the_user_has() {
        for marks in [(0, 4096), (4096, 0)] {
            let found = examine(&counting(marks.0, marks.1), Some(&records("drbd9")));
            assert_eq!(found[0].steps[0].host.as_deref(), Some("h1"));
            let advice = found[0].advice.as_ref().unwrap();
            assert!(advice.contains("what h0 has"), "{advice}");
        }
    }

    #[test]
    fn what_both_sides_count_does_differ_and_is_for_a_person() {
        let found = examine(&counting(4096, 4096), Some(&records("drbd9")));
        assert!(!found[0].safe);
        let marked = "hive ssh -t h1 -- sudo drbdsetup invalidate --reset-bitmap=no --sync-from-peer-node-id=0 2";
        assert_eq!(commands(&found[0]), [marked]);
        assert!(
            found[0]
                .advice
                .as_ref()
                .unwrap()
                .contains("its service sees")
        );
        let found = examine(&counting(0, 4096), Some(&records("drbd84")));
        assert!(!found[0].safe);
        let all = "hive ssh -t h1 -- sudo drbdadm invalidate data";
        assert_eq!(commands(&found[0]), [all]);
    }

    #[test]
    fn while_copies_are_filled_marks_are_no_wonder_and_without_a_service_they_wait() {
        let mut reports = counting(0, 4096);
        let edit = |reports: &mut Reports, host: &str, edit: &dyn Fn(&mut ResourceReport)| {
            let report = reports.get_mut(host).unwrap().as_mut().unwrap();
            let volume = report.volumes.get_mut("data").unwrap();
            edit(volume.resource.as_mut().unwrap());
        };
        edit(&mut reports, "h0", &|resource| resource.primary = false);
        let found = examine(&reports, Some(&records("drbd9")));
        assert!(!found[0].safe && found[0].steps.is_empty());
        edit(&mut reports, "h0", &|resource| {
            resource.peers.get_mut("h1").unwrap().connection = "SyncSource".into();
        });
        assert_eq!(examine(&reports, Some(&records("drbd9"))), []);
    }
}
