//! Hosts that do not see each other, or of which one only thinks so.

use super::Case;
use super::findings::{Finding, Situation, Step};
use crate::site_status::volumes::is_up;

/// A side that gave up. DRBD does when both have writes that the other lacks, or somebody told it to.
pub(super) fn stand_alone(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (host, resource) in case.resources() {
        for (peer, seen) in &resource.peers {
            if seen.connection != "StandAlone" {
                continue;
            }
            let other = case.resource(peer).and_then(|r| r.peers.get(host));
            let both = other.is_some_and(|other| other.connection == "StandAlone");
            match both {
                // Once for the two.
                true if host < peer.as_str() => findings.push(split_brain(case, host, peer)),
                true => {}
                false => findings.push(
                    Finding::of(
                        Situation::StandAlone,
                        case.name,
                        &[host],
                        format!("{host} gave up connecting to {peer}"),
                    )
                    .steps(vec![Step::on(
                        host,
                        &["drbdadm", "connect", &link(case, host, peer)],
                    )])
                    .safe()
                    .advice("DRBD looks at both copies before it connects them, and refuses again if they went different ways"),
                ),
            }
        }
    }
    findings
}

/// Both gave up.
fn split_brain(case: &Case<'_>, host: &str, peer: &str) -> Finding {
    let what = format!(
        "{host} and {peer} gave up connecting: each has writes that the other lacks (split brain)"
    );
    let finding = Finding::of(Situation::SplitBrain, case.name, &[host, peer], what);
    let Some(keeps) = keeper(case, host, peer) else {
        let mut both = discard(case, host, peer);
        both.extend(discard(case, peer, host));
        return finding.steps(both).advice(format!(
            "nobody can tell from here whose writes to keep. The first two commands keep those of {host}, the last two those of {peer}: do one pair only; what the other side alone has is lost"
        ));
    };
    let loses = if keeps == host { peer } else { host };
    finding.steps(discard(case, keeps, loses)).advice(format!(
        "the writes of {keeps} are those that count; what {loses} alone has is lost by this"
    ))
}

fn discard(case: &Case<'_>, keeps: &str, loses: &str) -> Vec<Step> {
    let (lost, kept) = (link(case, loses, keeps), link(case, keeps, loses));
    vec![
        Step::on(
            loses,
            &["drbdadm", "--", "--discard-my-data", "connect", &lost],
        ),
        Step::on(keeps, &["drbdadm", "connect", &kept]),
    ]
}

/// How `drbdadm` on a host calls its connection to a peer. In a mesh the resource's name is all connections of it:
/// connecting them fails for those that stand, and disconnecting them would take the host's quorum.
pub(super) fn link(case: &Case<'_>, host: &str, peer: &str) -> String {
    match case.resource(host) {
        Some(resource) if resource.peers.len() > 1 => format!("{}:{peer}", case.name),
        _ => case.name.to_owned(),
    }
}

/// Whose writes count: by the swarm's record, or else where it is in use.
fn keeper<'h>(case: &Case<'_>, host: &'h str, peer: &'h str) -> Option<&'h str> {
    let one_of = |is: &dyn Fn(&str) -> bool| match (is(host), is(peer)) {
        (true, false) => Some(host),
        (false, true) => Some(peer),
        _ => None,
    };
    let current = case.record.map(|record| &record.state.lease.current);
    let by_record = current.and_then(|current| one_of(&|host| current.contains(host)));
    let is_used = |host: &str| case.resource(host).is_some_and(|r| r.primary);
    let with_majority = |host: &str| case.resource(host).is_some_and(|r| r.quorum);
    by_record
        .or_else(|| one_of(&is_used))
        .or_else(|| one_of(&with_majority))
}

/// One side thinks it is connected, the other does not.
pub(super) fn half_connected(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (host, resource) in case.resources() {
        for (peer, seen) in resource.peers.iter().filter(|(_, p)| is_up(&p.connection)) {
            let other = case.resource(peer).map(|r| r.peers.get(host));
            // StandAlone on the other side is a finding of its own.
            let lost = matches!(other, Some(Some(other)) if other.connection == "Trying");
            if !lost {
                continue;
            }
            let what = format!(
                "{host} calls itself connected to {peer} ({}), and {peer} does not see {host}",
                seen.connection
            );
            findings.push(
                Finding::of(
                    Situation::HalfConnected,
                    case.name,
                    &[host, peer.as_str()],
                    what,
                )
                .steps(vec![
                    Step::on(host, &["drbdadm", "disconnect", &link(case, host, peer)]),
                    Step::on(host, &["drbdadm", "connect", &link(case, host, peer)]),
                ])
                .safe(),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::examine;
    use super::*;
    use crate::mirrored::reports::Reports;
    use crate::site_status::volumes::tests::pair;

    /// The pair, with what each sees of the other.
    fn seeing(first: &str, second: &str) -> Reports {
        let mut reports = pair();
        for (host, peer, word) in [("h0", "h1", first), ("h1", "h0", second)] {
            let report = reports.get_mut(host).unwrap().as_mut().unwrap();
            let volume = report.volumes.get_mut("data").unwrap();
            let peers = &mut volume.resource.as_mut().unwrap().peers;
            peers.get_mut(peer).unwrap().connection = word.into();
        }
        reports
    }

    fn commands(finding: &Finding) -> Vec<String> {
        finding.steps.iter().map(Step::command).collect()
    }

    #[test]
    fn a_half_connection_is_made_anew_on_the_side_that_looks_healthy() {
        let found = examine(&seeing("Connected", "Trying"), None);
        assert_eq!(found[0].situation, Situation::HalfConnected);
        assert!(found[0].safe);
        assert_eq!(
            commands(&found[0]),
            [
                "hive ssh -t h0 -- sudo drbdadm disconnect data",
                "hive ssh -t h0 -- sudo drbdadm connect data"
            ]
        );
        assert_eq!(examine(&seeing("Connected", "Connected"), None), []);
    }

    #[test]
    fn a_side_that_gave_up_alone_is_connected_again() {
        let found = examine(&seeing("Trying", "StandAlone"), None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].situation, Situation::StandAlone);
        assert!(found[0].safe);
        assert_eq!(
            commands(&found[0]),
            ["hive ssh -t h1 -- sudo drbdadm connect data"]
        );
    }

    #[test]
    fn in_a_mesh_the_other_connections_are_left_alone() {
        let mut reports = seeing("Connected", "Trying");
        let report = reports.get_mut("h0").unwrap().as_mut().unwrap();
        let volume = report.volumes.get_mut("data").unwrap();
        let peers = &mut volume.resource.as_mut().unwrap().peers;
        let healthy = peers["h1"].clone();
        peers.insert("h2".into(), healthy);
        let found = examine(&reports, None);
        let half = found
            .iter()
            .find(|f| f.situation == Situation::HalfConnected);
        assert_eq!(
            commands(half.unwrap()),
            [
                "hive ssh -t h0 -- sudo drbdadm disconnect data:h1",
                "hive ssh -t h0 -- sudo drbdadm connect data:h1"
            ]
        );
    }

    #[test]
    fn a_split_brain_is_for_a_person_and_keeps_the_side_in_use() {
        let mut reports = seeing("StandAlone", "StandAlone");
        let found = examine(&reports, None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].situation, Situation::SplitBrain);
        assert!(!found[0].safe);
        assert_eq!(
            commands(&found[0]),
            [
                "hive ssh -t h1 -- sudo drbdadm -- --discard-my-data connect data",
                "hive ssh -t h0 -- sudo drbdadm connect data"
            ]
        );
        // Nowhere in use: nobody can tell.
        let first = reports.get_mut("h0").unwrap().as_mut().unwrap();
        let volume = first.volumes.get_mut("data").unwrap();
        volume.resource.as_mut().unwrap().primary = false;
        let found = examine(&reports, None);
        assert_eq!(found[0].steps.len(), 4);
        assert!(found[0].advice.as_ref().unwrap().contains("one pair only"));
    }
}
