//! Mirrored volumes on three hosts: a service writes numbered records on one of them and is driven about
//! by every kind of failure, while the test itself hears which records were acknowledged.
//!
//! `HIVE_ROUNDS` says how often things are done again and again, `HIVE_SEED` repeats the random moments of an
//! earlier run, `HIVE_DRBD_DEB=FILES` takes DRBD 9 in place of the kernel's 8.4, and no further round of reboots begins
//! that would not end before `HIVE_UNTIL`, in seconds since 1970.

mod bench;
mod boot_order;
mod built;
mod copies;
mod cycles;
mod grown;
mod interrupted;
mod invalidated;
mod leftovers;
mod one_by_one;
mod pool_notes;
mod power_out;
mod rebooted;
mod refused;
mod replaced;
mod site;
mod stage;
mod status;
mod survived;
mod table;
mod watch;

use hive_tests::checklist::{Checklist, Item};
use hive_tests::cluster::Cluster;

pub use stage::{Size, Stage};

/// What every change has to hold; more than these would take too long on emulated hosts. The host that is replaced
/// loses its power first.
pub const SHORT: [&[Item<Stage>]; 7] = [
    built::BOXES,
    pool_notes::BOXES,
    survived::ALONE,
    survived::TOGETHER,
    replaced::BOXES,
    grown::BOXES,
    rebooted::AGAIN,
];

/// All sections.
pub const ALL: [&[Item<Stage>]; 17] = [
    built::BOXES,
    pool_notes::BOXES,
    survived::ALONE,
    survived::POWERLESS,
    survived::TOGETHER,
    rebooted::ONCE,
    replaced::BOXES,
    grown::BOXES,
    cycles::BOXES,
    rebooted::AGAIN,
    power_out::BOXES,
    interrupted::BOXES,
    refused::BOXES,
    boot_order::BOXES,
    copies::BOXES,
    invalidated::BOXES,
    one_by_one::BOXES,
];

/// Looks at boxes of these sections on a cluster.
pub fn run(list: &mut Checklist, size: Size, sections: &[&[Item<Stage>]], cluster: Cluster) {
    let stage = Stage::new(cluster, size);
    for boxes in sections {
        list.run(boxes, &stage, Stage::mend);
    }
}
