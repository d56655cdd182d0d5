//! Blocks that are counted as different though all copies are up to date and nothing is being filled.

use hive_inventory::volumes::ResourceReport;
use hive_volumes::{Module, Record};

use super::Case;
use super::connections::link;
use super::findings::{Finding, Situation, Step};

/// Two hosts of which one counts blocks as different, or both. An online verify that finds a difference marks it on
/// both; marks of one alone are what a resync left over.
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
    let used_on = |host: &str| case.resource(host).is_some_and(|resource| resource.primary);
    let (keeps, loses) = match (used_on(first.0), used_on(second.0)) {
        (true, _) => (first.0, second.0),
        (_, true) => (second.0, first.0),
        _ if counted(first, second.0) > Some(0) => (second.0, first.0),
        _ => (first.0, second.0),
    };
    // Only with DRBD 9 marks were seen to be left over.
    let module = case.record.map(|record| record.identity.module);
    if both || module == Some(Module::Drbd84) {
        return finding.steps(fill(case, keeps, loses)).advice(format!(
            "`hive volumes verify` marks what differs, so a disk or the memory of one host is to be looked at. This gives {loses} what {keeps} has{}; do it the other way round if you know that the other copy is the right one",
            match used_on(keeps) {
                true => ", which is what its service sees",
                false => "",
            }
        ));
    }
    if !case.is_used() {
        return finding.advice(
            "they were left over when a resync ended, and go with a new connection while a service uses the volume: start it, or wait for it",
        );
    }
    let link = link(case, loses, keeps);
    let anew = ["disconnect", "connect"].map(|verb| Step::on(loses, &["drbdadm", verb, &link]));
    finding.steps(anew.into()).safe().advice(
        "they were left over when a resync ended, and go with a new connection; a host that does not use the volume makes one by itself after half a minute",
    )
}

/// One copy is filled from another. DRBD 9 can do so with the marked blocks only.
fn fill(case: &Case<'_>, keeps: &str, loses: &str) -> Vec<Step> {
    let node_id = |record: &Record| Some(record.state.part(keeps)?.node_id);
    let minor = case.told.get(loses).map(|volume| volume.minor.to_string());
    match (case.record, minor) {
        (Some(record), Some(minor)) if record.identity.module == Module::Drbd9 => {
            let from = format!(
                "--sync-from-peer-node-id={}",
                node_id(record).unwrap_or_default()
            );
            let words = [
                "drbdsetup",
                "invalidate",
                "--reset-bitmap=no",
                &from,
                &minor,
            ];
            vec![Step::on(loses, &words)]
        }
        (Some(_), _) => vec![Step::on(loses, &["drbdadm", "invalidate", case.name])],
        // Which DRBD it is, only the record tells.
        (None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::examine;
    use super::*;
    use crate::mirrored::reports::Reports;
    use crate::site_status::volumes::tests::pair;
    use hive_records::Records;
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

    #[test]
    fn what_one_side_counts_was_left_over_and_the_side_that_does_not_use_it_connects_anew() {
        let records = records("drbd9");
        assert_eq!(examine(&counting(0, 0), Some(&records)), []);
        for (first, second) in [(0, 4096), (4096, 0)] {
            let found = examine(&counting(first, second), Some(&records));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].situation, Situation::Marked);
            assert!(found[0].safe && found[0].what.contains("4096 bytes"));
            assert_eq!(
                commands(&found[0]),
                [
                    "hive ssh -t h1 -- sudo drbdadm disconnect data",
                    "hive ssh -t h1 -- sudo drbdadm connect data"
                ]
            );
        }
    }

    #[test]
    fn what_both_sides_count_does_differ_and_is_for_a_person() {
        let found = examine(&counting(4096, 4096), Some(&records("drbd9")));
        assert!(!found[0].safe);
        let marked = "hive ssh -t h1 -- sudo drbdsetup invalidate --reset-bitmap=no --sync-from-peer-node-id=0 1";
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
