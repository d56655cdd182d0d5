//! V6: members are where their leader is, by a mark that follows it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::waiting::other;

use super::stage::Stage;
use crate::failure::Failure;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "V6",
    name: "members follow their leader through drain and power cut, and a host that comes back starts none",
    how: How::Run(together),
}];

const LEADER: &str = "t-leader";
const MEMBER: &str = "t-member";
const MARK: &str = "zabbix";

fn together(stage: &Stage) {
    stage.create(
        LEADER,
        &format!("--label HIVE_MARK={MARK} box:1 sleep 100000"),
    );
    stage.create(
        MEMBER,
        &format!("--constraint node.labels.{MARK}==true box:1 sleep 100000"),
    );
    let first = at_one(stage, HOSTS[0], "");

    let since = Instant::now();
    Failure::Drain.strike(&stage.cluster, &first, &[]);
    let second = at_one(stage, other(&first), &first);
    println!(
        "marks: drained {first}: leader, mark and member on {second} after {:.0} s",
        since.elapsed().as_secs_f64()
    );
    Failure::Drain.mend(&stage.cluster, &first);

    let living = other(&second);
    let since = Failure::PowerCut.strike(&stage.cluster, &second, &[]);
    let third = at_one(stage, living, &second);
    println!(
        "marks: power of {second} cut: leader, mark and member on {third} after {:.0} s",
        since.elapsed().as_secs_f64()
    );
    let known = on(stage, living, &second);

    stage.cluster.power_on(&second);
    let mut ready: Option<Instant> = None;
    stage
        .cluster
        .eventually("the host to be back for a while", 900, || {
            let marked = marked(stage, living)?;
            assert_eq!(
                marked,
                BTreeSet::from([third.clone()]),
                "a stale mark is there"
            );
            let nodes = stage.engine(living, "nodes", &format!("{{\"name\":[\"{second}\"]}}"))?;
            if nodes[0]["Status"]["State"] == "ready" {
                let since = ready.get_or_insert_with(Instant::now);
                // Long enough for a task to be placed there and to be started.
                if since.elapsed() > Duration::from_secs(30) {
                    return Ok(());
                }
            }
            Err(format!("{nodes}"))
        });
    stage.cluster.joined();
    let now = on(stage, living, &second);
    assert!(
        now.is_subset(&known),
        "tasks were started on {second}: {now:?}, before {known:?}"
    );
    assert_eq!(at_one(stage, living, &second), third);

    stage.remove(&format!("{MEMBER} {LEADER}"));
    stage
        .cluster
        .eventually("the mark to go with its service", 120, || {
            let marked = marked(stage, living)?;
            marked.is_empty().then_some(()).ok_or(format!("{marked:?}"))
        });
}

/// The host of leader, mark and member, once they are at one, and not on `not`.
fn at_one(stage: &Stage, ask: &str, not: &str) -> String {
    stage
        .cluster
        .eventually("leader, mark and member on one host", 300, || {
            let leader = stage.running(ask, LEADER)?.host;
            let member = stage.running(ask, MEMBER)?.host;
            let marked = marked(stage, ask)?;
            let one = leader == member && marked == BTreeSet::from([leader.clone()]);
            (one && leader != not)
                .then_some(leader.clone())
                .ok_or(format!("{leader}, {member}, marked {marked:?}"))
        })
}

/// Hosts that have the mark.
fn marked(stage: &Stage, ask: &str) -> Result<BTreeSet<String>, String> {
    let list = stage.engine(ask, "nodes", "{}")?;
    let nodes = list.as_array().unwrap().iter();
    let marked = nodes.filter(|node| node["Spec"]["Labels"][MARK] == "true");
    let host =
        |node: &serde_json::Value| node["Description"]["Hostname"].as_str().map(str::to_owned);
    Ok(marked.filter_map(host).collect())
}

/// Ids of members that were ever given to a host.
fn on(stage: &Stage, ask: &str, host: &str) -> BTreeSet<String> {
    let tasks = stage.tasks(ask, MEMBER).unwrap().into_iter();
    let there = tasks.filter(|(task, _)| task.host == host);
    there.map(|(task, _)| task.id).collect()
}
