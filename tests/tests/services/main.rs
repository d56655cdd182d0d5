//! Three hosts, switched on in any order, and services on them: a site deployed, everything that a swarm can do,
//! virtual IPs and mirrored volumes that follow services; all on one cluster.
//!
//! `HIVE_CLUSTER=FOLDER` uses the hosts that run already in that site folder (`HIVE_LOADED=1`
//! when they have the images), `HIVE_BOXES=B3,C` runs box B3 and section C only: for working on boxes.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod checklist;
mod deployed;
mod failure;
mod guide;
mod powered_on;
mod vip;
mod volumes;

use hive_tests::checklist::Checklist;
use hive_tests::cluster::Cluster;

#[test]
fn hosts_in_any_order_become_one_swarm_and_volumes_follow_their_services() {
    let mut list = Checklist::new();
    let cluster = Cluster::running().unwrap_or_else(|| {
        let site = deployed::site();
        if !list.wants("P1") {
            return Cluster::start(site);
        }
        list.run(powered_on::BOXES, &site, |_| {});
        Cluster::of(site)
    });
    volumes::run(&mut list, volumes::Size::Few, &volumes::SHORT, cluster);
    list.end();
}

#[test]
#[ignore = "takes half an hour"]
fn every_box_of_virtual_ips_holds() {
    let mut list = Checklist::new();
    vip::run(&mut list, &vip::ALL, cluster());
    list.end();
}

#[test]
#[ignore = "takes most of a day"]
fn every_box_of_volumes_holds() {
    let mut list = Checklist::new();
    volumes::run(&mut list, volumes::Size::Full, &volumes::ALL, cluster());
    list.end();
}

#[test]
#[ignore = "takes most of an hour"]
fn every_box_of_the_checklist_holds() {
    let cluster = cluster();
    let mut list = Checklist::new();
    list.run(deployed::FIRST, &cluster, |_| {});
    list.run(deployed::LATER, &cluster, |_| {});
    list.run(deployed::LAST, &cluster, |_| {});
    for (_, boxes) in checklist::SECTIONS {
        list.run(boxes, &cluster, checklist::mend);
    }
    list.end();
}

fn cluster() -> Cluster {
    Cluster::running().unwrap_or_else(|| Cluster::start(deployed::site()))
}
