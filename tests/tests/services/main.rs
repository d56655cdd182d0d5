//! Services on three hosts: a site deployed, then everything that a swarm can do, on one cluster.
//!
//! `HIVE_CLUSTER=FOLDER` uses the hosts that run already in that site folder (`HIVE_LOADED=1`
//! when they have the images), `HIVE_BOXES=B3,C` runs box B3 and section C only: for working on boxes.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod checklist;
mod deployed;
mod guide;

use hive_tests::checklist::Checklist;
use hive_tests::cluster::Cluster;

#[test]
#[ignore = "not all of its boxes were seen on machines yet"]
fn a_site_is_deployed_and_every_box_of_the_checklist_holds() {
    let cluster = Cluster::running().unwrap_or_else(|| Cluster::start(deployed::site()));
    let mut list = Checklist::new();
    list.run(deployed::STORY, &cluster, |_| {});
    for (_, boxes) in checklist::SECTIONS {
        list.run(boxes, &cluster, checklist::mend);
    }
    list.end();
}
