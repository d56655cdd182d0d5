//! Mirrored volumes on three hosts: a service writes numbered records on one of them and is driven about
//! by every kind of failure, while the test itself hears which records were acknowledged.
//!
//! `HIVE_CLUSTER=FOLDER` uses the hosts that run already in that site folder (`HIVE_LOADED=1` when they
//! have the images), `HIVE_BOXES=W3,W12` runs those boxes only, `HIVE_ROUNDS` says how often things are
//! done again and again, `HIVE_DRBD_DEB=FILES` takes DRBD 9 in place of the kernel's 8.4.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod built;
mod copies;
mod cycles;
mod failure;
mod grown;
mod interrupted;
mod leftovers;
mod rebooted;
mod refused;
mod site;
mod stage;
mod survived;

use hive_tests::checklist::Checklist;
use hive_tests::cluster::Cluster;

use stage::Stage;

#[test]
#[ignore = "takes a quarter of an hour"]
fn volumes_follow_their_containers() {
    let stage = stage();
    let mut list = Checklist::new();
    for boxes in [built::BOXES, survived::ALONE, copies::BOXES] {
        list.run(boxes, &stage, Stage::mend);
    }
    list.end();
}

#[test]
#[ignore = "takes hours"]
fn every_box_of_volumes() {
    let stage = stage();
    let mut list = Checklist::new();
    for boxes in [
        built::BOXES,
        survived::ALONE,
        survived::TOGETHER,
        rebooted::BOXES,
        grown::BOXES,
        cycles::BOXES,
        interrupted::BOXES,
        copies::BOXES,
        refused::BOXES,
    ] {
        list.run(boxes, &stage, Stage::mend);
    }
    list.end();
}

fn stage() -> Stage {
    Stage::new(Cluster::running().unwrap_or_else(|| Cluster::start(site::site())))
}
