//! Virtual IPs and marks on three hosts: services are moved by every kind of failure, while the test
//! itself, as a member of their network, watches who answers for an address.

mod bench;
mod complaints;
mod daemon;
mod deployed;
mod keepalived;
mod marks;
mod moved;
mod ports;
mod stage;
mod takeover;

use hive_tests::checklist::{Checklist, Item};
use hive_tests::cluster::Cluster;

pub use stage::Stage;

/// All sections.
pub const ALL: [&[Item<Stage>]; 6] = [
    deployed::BOXES,
    moved::BOXES,
    marks::BOXES,
    complaints::BOXES,
    ports::BOXES,
    daemon::BOXES,
];

/// Looks at boxes of these sections on a cluster, and at the end at all that was heard.
pub fn run(list: &mut Checklist, sections: &[&[Item<Stage>]], cluster: Cluster) {
    let stage = Stage::new(cluster, &[stage::VIP]);
    deployed::write_services(&stage.cluster.path(""));
    for boxes in sections {
        list.run(boxes, &stage, |stage| stage.cluster.mend());
    }
    list.check("no moment of it all had two answerers", || {
        let doubles = stage.prober.look(|h| stage.all_doubles(h));
        assert!(doubles.is_empty(), "{doubles:?}");
    });
}
