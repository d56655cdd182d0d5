//! W20: the power goes for all hosts at once.

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;

use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W20",
    name: "the power goes for all hosts at once: they are the same swarm afterwards, and have every record",
    how: How::Run(all_at_once),
}];

/// Docker's ids of the hosts.
const NODES: &str = "docker node ls --format '{{.Hostname}} {{.ID}}' | sort";

fn all_at_once(stage: &Stage) {
    let cluster = &stage.cluster;
    stage.intact();
    stage.writing();
    let before = cluster.sh(HOSTS[0], NODES);
    let writers = stage.listener.look(|h| h.writers());
    let machines = HOSTS.map(|host| cluster.vm(host));
    for machine in &machines {
        machine.power_cut().unwrap();
    }
    drop(machines);
    // The last one first.
    for host in HOSTS.iter().rev() {
        cluster.power_on(host);
    }
    cluster.joined();
    cluster.whole();
    assert_eq!(cluster.sh(HOSTS[0], NODES), before, "another swarm");
    for pool in cluster.everywhere("lvs --noheadings -o lv_attr drbdvg/drbdpool") {
        assert!(pool.starts_with("twi-a"), "a pool is not active: {pool}");
    }
    let first = stage.resumed(&writers);
    println!("the first record is {} of {}", first.number, first.writer);
    stage.intact();
    stage.verified();
}
