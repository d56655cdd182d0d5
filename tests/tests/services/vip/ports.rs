//! V8: ports of a virtual IP that lead to the container, and its way out.

use std::net::Ipv4Addr;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::{ADDRESSES, HOSTS};
use hive_tests::waiting::other;

use super::stage::Stage;
use crate::failure::Failure;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "V8",
    name: "ports of the virtual IP lead to the container, the next one too, and what it sends out comes from there",
    how: How::Run(both_ways),
}];

const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 93);
const SERVICE: &str = "t-front";

fn both_ways(stage: &Stage) {
    stage.cluster.ok(&["build-networks"]);
    stage.create(
        SERVICE,
        &format!(
            "--network hive_default_network --label HIVE_VIP={VIP} --label HIVE_DNAT_PORTS=80 --label HIVE_ENABLE_VIP_SNAT=true box:1"
        ),
    );
    stage.create(
        "t-who",
        "--mode global --publish mode=host,published=8095,target=80 box:1",
    );
    stage.cluster.sh(HOSTS[0], "within 120 runs t-who 3");
    let host = stage.settled(SERVICE, VIP).host;
    reached(stage, &host);

    // The next container has another address; the rules have to know it.
    Failure::Kill.strike(&stage.cluster, &host, &[SERVICE]);
    stage.cluster.eventually("the next container", 120, || {
        let task = stage.running(HOSTS[0], SERVICE)?;
        stage
            .cluster
            .try_sh(&task.host, &format!("[ -n \"$(container {SERVICE})\" ]"))
    });
    let host = stage.settled(SERVICE, VIP).host;
    reached(stage, &host);
    stage.remove(&format!("{SERVICE} t-who"));
    stage
        .cluster
        .eventually("the rules to go with their service", 120, || {
            let rules = stage
                .cluster
                .try_sh(&host, "nft list ruleset; iptables-save")?;
            let left = rules.contains(&VIP.to_string());
            (!left).then_some(()).ok_or(rules)
        });
}

/// From another host to the container through the virtual IP, and from the container to another host.
fn reached(stage: &Stage, host: &str) {
    let other = other(host);
    let page = stage.cluster.sh(
        other,
        &format!("within 60 says {VIP}/cgi-bin/who version=one; page {VIP}/cgi-bin/who"),
    );
    println!("ports: {other} asks {VIP} on {host}: {page}");
    let index = HOSTS.iter().position(|h| *h == other).unwrap();
    let there = ADDRESSES[index];
    let seen = stage.cluster.sh(
        host,
        &format!(
            "asks() {{ inside {SERVICE} timeout 5 wget -q -O - http://{there}:8095/cgi-bin/who; }}
             comes() {{ asks | grep -qE 'client=(\\[::ffff:)?{VIP}[] ]'; }}
             within 60 comes; asks"
        ),
    );
    println!("ports: {other} sees the container on {host}: {seen}");
}
