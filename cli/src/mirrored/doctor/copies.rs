//! Copies that are all old, that failed, or that are not up.

use std::collections::BTreeSet;

use super::Case;
use super::findings::{Finding, Situation, Step};

/// Every copy calls itself old, so none can be used. It happens when hosts went down one after the other
/// and the last one does not come back, or does not know that it was the last.
pub(super) fn all_outdated(case: &Case<'_>) -> Option<Finding> {
    let copies = case.copies();
    let old = |host: &&str| {
        let resource = case.resource(host);
        resource.is_some_and(|r| matches!(r.disk.as_str(), "Outdated" | "Consistent"))
    };
    if case.is_used() || copies.is_empty() || !copies.iter().any(old) {
        return None;
    }
    let (told, silent): (Vec<&str>, Vec<&str>) = copies
        .iter()
        .copied()
        .partition(|host| case.told.contains_key(host));
    if !told.iter().all(old) {
        return None;
    }
    let current = case.record.map(|record| &record.state.lease.current);
    let by_record = told
        .iter()
        .find(|host| current.is_some_and(|current| current.contains(**host)));
    // The record names hosts that have every acknowledged write; one of them must be heard first.
    let awaited = current.is_some_and(|current| !current.is_empty()) && by_record.is_none();
    let first = *by_record.or(told.first())?;
    let what = format!("no copy is up to date: {}", told.join(" and "));
    let finding = Finding::of(Situation::AllOutdated, case.name, &told, what);
    if awaited || !silent.is_empty() {
        let current = current.into_iter().flatten().map(String::as_str);
        let missing = current.chain(silent).filter(|host| !told.contains(host));
        let missing: BTreeSet<&str> = missing.collect();
        let missing: Vec<&str> = missing.into_iter().collect();
        return Some(finding.advice(format!(
            "{} may have newer writes: bring it back first. Only if its disk is lost for good, do what this tells you when it is out of the inventory",
            missing.join(" or ")
        )));
    }
    let mut steps = vec![Step::on(
        first,
        &["drbdadm", "primary", "--force", case.name],
    )];
    for other in told.iter().filter(|other| **other != first) {
        steps.push(Step::on(other, &["drbdadm", "disconnect", case.name]));
        steps.push(Step::on(other, &["drbdadm", "connect", case.name]));
    }
    steps.push(Step::on(first, &["drbdadm", "secondary", case.name]));
    let why = match by_record {
        Some(_) => "which has every acknowledged write by the swarm's record",
        None => "the first; take the host that used it last instead, if you know it",
    };
    Some(finding.steps(steps).advice(format!(
        "stop its service first (`hive deploy-services -D -l SERVICE`). This makes the copy of {first} the good one, {why}"
    )))
}

/// A copy that its disk failed under, or that is not attached.
pub(super) fn failed(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for host in case.copies() {
        let Some(volume) = case.told.get(host).filter(|volume| !volume.removing) else {
            continue;
        };
        let what = match &volume.resource {
            Some(resource) if matches!(resource.disk.as_str(), "Failed" | "Diskless") => {
                format!(
                    "the copy on {host} is {}: its disk failed, or was let go",
                    resource.disk
                )
            }
            // While it is being made it is not up either; then hived says what it is at.
            None if volume.trouble.is_some() => format!("it is not up on {host}"),
            _ => continue,
        };
        let said = volume
            .trouble
            .as_ref()
            .map(|t| format!("hived says: {t}. "));
        findings.push(
            Finding::of(Situation::FailedCopy, case.name, &[host], what)
                .steps(vec![Step::on(host, &["drbdadm", "adjust", case.name])])
                .safe()
                .advice(format!(
                    "{}`hive ssh -t {host} -- sudo dmesg` tells whether the disk is broken; a broken one is replaced, and its host flashed anew",
                    said.unwrap_or_default()
                )),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::examine;
    use super::*;
    use crate::mirrored::reports::Reports;
    use crate::site_status::volumes::tests::pair;
    use hive_inventory::volumes::VolumeReport;

    fn edited(edit: impl Fn(&str, &mut VolumeReport)) -> Reports {
        let mut reports = pair();
        for (host, report) in &mut reports {
            let volume = report.as_mut().unwrap().volumes.get_mut("data").unwrap();
            edit(host, volume);
        }
        reports
    }

    #[test]
    fn copies_that_are_all_old_are_for_a_person() {
        let reports = edited(|_, volume| {
            let resource = volume.resource.as_mut().unwrap();
            resource.primary = false;
            resource.disk = "Outdated".into();
        });
        let found = examine(&reports, None);
        assert_eq!(found[0].situation, Situation::AllOutdated);
        assert!(!found[0].safe);
        let commands: Vec<String> = found[0].steps.iter().map(Step::command).collect();
        assert_eq!(
            commands,
            [
                "hive ssh -t h0 -- sudo drbdadm primary --force data",
                "hive ssh -t h1 -- sudo drbdadm disconnect data",
                "hive ssh -t h1 -- sudo drbdadm connect data",
                "hive ssh -t h0 -- sudo drbdadm secondary data"
            ]
        );
        // One good copy: the others are filled from it.
        let one = edited(|host, volume| {
            let resource = volume.resource.as_mut().unwrap();
            if host == "h1" {
                resource.disk = "Outdated".into();
            }
        });
        assert_eq!(examine(&one, None), []);
    }

    #[test]
    fn a_failed_copy_is_attached_again() {
        let reports = edited(|host, volume| {
            if host == "h1" {
                volume.resource.as_mut().unwrap().disk = "Diskless".into();
            }
        });
        let found = examine(&reports, None);
        assert_eq!(found[0].situation, Situation::FailedCopy);
        assert!(found[0].safe);
        assert_eq!(
            found[0].steps[0].command(),
            "hive ssh -t h1 -- sudo drbdadm adjust data"
        );
    }

    #[test]
    fn one_that_is_not_up_and_in_trouble_is_told_once() {
        let reports = edited(|host, volume| {
            if host == "h1" {
                volume.resource = None;
                volume.trouble = Some("no such module".into());
            }
        });
        let found = examine(&reports, None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].situation, Situation::FailedCopy);
        assert!(found[0].advice.as_ref().unwrap().contains("no such module"));
    }
}
