//! Mirrored volumes on three hosts: a service writes numbered records on one of them and is driven about
//! by every kind of failure, while the test itself hears which records were acknowledged.
//!
//! `HIVE_CLUSTER=FOLDER` uses the hosts that run already in that site folder (`HIVE_LOADED=1` when they
//! have the images), `HIVE_BOXES=W3,W15` runs those boxes only, `HIVE_ROUNDS` says how often things are
//! done again and again, `HIVE_SEED` repeats the random moments of an earlier run, `HIVE_DRBD_DEB=FILES` takes
//! DRBD 9 in place of the kernel's 8.4.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod bench;
mod boot_order;
mod built;
mod copies;
mod cycles;
mod failure;
mod grown;
mod interrupted;
mod invalidated;
mod leftovers;
mod rebooted;
mod refused;
mod site;
mod stage;
mod status;
mod survived;
mod table;
mod watch;

use hive_tests::checklist::{Checklist, Item};
use hive_tests::cluster::Cluster;

use stage::{Size, Stage};

#[test]
#[ignore = "takes half an hour"]
fn volumes_follow_their_containers() {
    run(
        Size::Few,
        &[built::BOXES, survived::ALONE, refused::BOXES, copies::BOXES],
    );
}

#[test]
#[ignore = "takes one or two hours"]
fn volumes_again_and_again() {
    run(
        Size::Few,
        &[
            built::BOXES,
            cycles::BOXES,
            rebooted::AGAIN,
            interrupted::BOXES,
            copies::BOXES,
        ],
    );
}

#[test]
#[ignore = "takes most of a day"]
fn every_box_of_volumes() {
    run(
        Size::Full,
        &[
            built::BOXES,
            survived::ALONE,
            survived::TOGETHER,
            rebooted::BOXES,
            grown::BOXES,
            cycles::BOXES,
            rebooted::AGAIN,
            interrupted::BOXES,
            refused::BOXES,
            boot_order::BOXES,
            copies::BOXES,
            invalidated::BOXES,
        ],
    );
}

fn run(size: Size, sections: &[&[Item<Stage>]]) {
    let stage = Stage::new(cluster(), size);
    let mut list = Checklist::new();
    for boxes in sections {
        list.run(boxes, &stage, Stage::mend);
    }
    list.end();
}

fn cluster() -> Cluster {
    Cluster::running().unwrap_or_else(|| Cluster::start(site::site()))
}
