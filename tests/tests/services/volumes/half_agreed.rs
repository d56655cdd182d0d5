//! W22: two of three hosts die, the one that uses a volume last, and the other comes back first.
//!
//! Blocks were written shortly before the first death, and none after it. DRBD 9.2.19 was seen then to leave the copy
//! that comes back waiting for the one that stayed, which takes both for equal (`volumes/src/seen/half_agreed.rs`).

use std::thread::sleep;
use std::time::Duration;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::skipped;

use super::site::{FILLED, WRITER};
use super::stage::Stage;
use crate::failure::Failure;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W22",
    name: "two hosts die, the volume's last, and the other returns first: its copy is whole, all are the same afterwards",
    how: How::Run(comes_back_first),
}];

/// The volume, which is written to by nobody else.
const VOLUME: &str = FILLED[1].0;
/// Longer than a host needs to notice that another one is silent, and shorter than the file system waits with the next
/// write of its own.
const NOTICED: Duration = Duration::from_secs(10);

fn comes_back_first(stage: &Stage) {
    stage.intact();
    if stage.copies(VOLUME).len() < HOSTS.len() {
        return skipped("two copies have no third to meet again; DRBD 9 keeps three");
    }
    let cluster = &stage.cluster;
    let user = cluster.eventually("the volume to be used", 120, || {
        stage.host_of(HOSTS[0], VOLUME)
    });
    let mut others = HOSTS.into_iter().filter(|host| *host != user);
    let (returns, stays) = (others.next().unwrap(), others.next().unwrap());
    let write = "dd if=/dev/urandom of=/www/written bs=64k count=48 conv=fsync 2>/dev/null; sync";
    cluster.sh(&user, &format!("inside {VOLUME} sh -c '{write}'"));
    Failure::PowerCut.strike(cluster, returns, &[WRITER]);
    sleep(NOTICED);
    Failure::PowerCut.strike(cluster, &user, &[WRITER]);
    sleep(NOTICED);
    cluster.power_on(returns);
    cluster.eventually("the copy that came back to be whole", 600, || {
        let report = stage.status(returns)?.volumes;
        let mut volumes = report.map(|report| report.volumes).unwrap_or_default();
        let volume = volumes.remove(VOLUME).ok_or("not told of yet")?;
        let whole = volume.resource.as_ref().is_some_and(|resource| {
            let peer = resource.peers.get(stays);
            resource.disk == "UpToDate" && peer.is_some_and(|peer| peer.connection == "Connected")
        });
        (whole && volume.settled)
            .then_some(())
            .ok_or_else(|| format!("{volume:?}"))
    });
    let said =
        format!("journalctl -b -u hived -o cat | grep 'volume {VOLUME}:.*filled anew' || true");
    println!(
        "{user} died last, {returns} met {stays}: {:?}",
        cluster.sh(returns, &said)
    );
    Failure::PowerCut.mend(cluster, &user);
    stage.intact();
    stage.same_below_drbd();
}
