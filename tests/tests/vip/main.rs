//! Virtual IPs and marks on three hosts: services are moved by every kind of failure, while the test
//! itself, as a member of their network, watches who answers for an address.
//!
//! `HIVE_CLUSTER=FOLDER` uses the hosts that run already in that site folder (`HIVE_LOADED=1`
//! when they have the images), `HIVE_BOXES=V3,V5` runs these boxes only: for working on boxes.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod bench;
mod complaints;
mod daemon;
mod deployed;
mod failure;
mod keepalived;
mod marks;
mod moved;
mod ports;
mod stage;
mod takeover;

use hive_tests::checklist::{Checklist, Item};
use hive_tests::cluster::Cluster;

use stage::Stage;

const SECTIONS: [&[Item<Stage>]; 6] = [
    deployed::BOXES,
    moved::BOXES,
    marks::BOXES,
    complaints::BOXES,
    ports::BOXES,
    daemon::BOXES,
];

#[test]
#[ignore = "takes half an hour"]
fn a_virtual_ip_follows_its_service() {
    let cluster = Cluster::running().unwrap_or_else(|| Cluster::start(deployed::site()));
    let stage = Stage::new(cluster, &[stage::VIP]);
    let mut list = Checklist::new();
    for boxes in SECTIONS {
        list.run(boxes, &stage, Stage::mend);
    }
    list.check("no moment of it all had two answerers", || {
        let doubles = stage.prober.look(|h| stage.all_doubles(h));
        assert!(doubles.is_empty(), "{doubles:?}");
    });
    list.end();
}
