//! W8: the host that founded the swarm and carries the writer breaks, and one with blank disks takes its place.

use std::collections::BTreeMap;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::waiting::other;

use super::site::{RECORDS, WRITER};
use super::stage::{Size, Stage};
use crate::failure::Failure;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W8",
    name: "the founder, which carries the writer, is replaced by one with blank disks: containers elsewhere go on, its copy is filled without a command, and it can carry the writer again",
    how: How::Run(replaced),
}];

/// A service on the hosts that stay.
const KEPT: &str = "t-kept";

fn replaced(stage: &Stage) {
    let cluster = &stage.cluster;
    stage.intact();
    // Of a new cluster that is the founder.
    let host = stage.copies(RECORDS)[0];
    carries(stage, host);
    let staying = || HOSTS.into_iter().filter(|other| *other != host);
    let manager = other(host);
    cluster.sh(
        manager,
        &format!("docker service create --detach --name {KEPT} --mode global --constraint node.hostname!={host} --no-resolve-image box:1 >/dev/null"),
    );
    let running = staying().map(|other| {
        let what = format!("{KEPT} on {other}");
        cluster.eventually(&what, 240, || started(stage, other))
    });
    let running: Vec<String> = running.collect();
    let (nodes, labels) = (nodes(stage, manager), labels(stage, manager, host));
    let writers = stage.listener.look(|h| h.writers());

    let failed = Failure::Replacement.strike(cluster, host, &[WRITER]);
    let first = stage.resumed(&writers);
    println!(
        "{}, {host}: {:.2} s from the failure to the first new acknowledged record, {} of {}",
        Failure::Replacement.name(),
        first.heard.saturating_duration_since(failed).as_secs_f64(),
        first.number,
        first.writer
    );
    Failure::Replacement.mend(cluster, host);
    let after = self::nodes(stage, manager);
    assert_ne!(after[host], nodes[host], "the old entry is still there");
    for other in staying() {
        assert_eq!(after[other], nodes[other], "{other} is another node");
    }
    cluster.eventually("the labels that it had", 240, || {
        let now = self::labels(stage, manager, host);
        (now == labels)
            .then_some(())
            .ok_or_else(|| format!("{now}, before {labels}"))
    });
    let now: Vec<String> = staying().map(|o| started(stage, o).unwrap()).collect();
    assert_eq!(now, running, "containers on the other hosts did not go on");
    cluster.sh(manager, &format!("docker service rm {KEPT} >/dev/null"));
    stage.furnish(host);
    stage.intact();
    stage.verified();
    carries(stage, host);
    if stage.size == Size::Full {
        stage.same_below_drbd();
    }
}

/// Which container of the service runs on a host, and since when.
fn started(stage: &Stage, host: &str) -> Result<String, String> {
    let script = format!(
        "docker inspect --format '{{{{.Id}}}} {{{{.State.StartedAt}}}}' $(container {KEPT})"
    );
    stage.cluster.try_sh(host, &script)
}

/// The swarm's ids of the hosts.
fn nodes(stage: &Stage, manager: &str) -> BTreeMap<String, String> {
    let script = "docker node ls --format '{{.Hostname}} {{.ID}}'";
    let told = stage.cluster.sh(manager, script);
    let pairs = told.lines().filter_map(|line| line.split_once(' '));
    let nodes: BTreeMap<String, String> = pairs.map(|(a, b)| (a.into(), b.into())).collect();
    assert_eq!(nodes.len(), HOSTS.len(), "{told}");
    nodes
}

fn labels(stage: &Stage, manager: &str, host: &str) -> String {
    let script = format!("docker node inspect --format '{{{{json .Spec.Labels}}}}' {host}");
    stage.cluster.sh(manager, &script)
}

/// The host is made to carry the writer: all others are drained for a while.
fn carries(stage: &Stage, host: &str) {
    let availability = |to: &str| {
        for other in HOSTS.into_iter().filter(|other| *other != host) {
            let command = format!("docker node update --availability {to} {other} >/dev/null");
            stage.cluster.sh(HOSTS[0], &command);
        }
    };
    availability("drain");
    stage
        .cluster
        .eventually(&format!("the writer to be on {host}"), 240, || {
            let now = stage.host_of(HOSTS[0], WRITER)?;
            (now == host)
                .then_some(())
                .ok_or_else(|| format!("it is on {now}"))
        });
    stage.verified();
    availability("active");
    stage.intact();
}
