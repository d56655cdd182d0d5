//! W22 and W23: two of three hosts die, the one that uses a volume last, and come back one after the other.
//!
//! DRBD 9.2.19 was seen to need help each time; what hosts did about it is printed.

use std::thread::sleep;
use std::time::Duration;

use hive_tests::checklist::{How, Item, skip};
use hive_tests::cluster::HOSTS;

use super::site::{FILLED, RECORDS, WRITER};
use super::stage::Stage;
use crate::failure::Failure;

pub const BOXES: &[Item<Stage>] = &[
    Item {
        id: "W22",
        name: "two hosts die, the volume's last, and the other returns first: its copy is whole, all are the same afterwards",
        how: How::Run(other_first),
    },
    Item {
        id: "W23",
        name: "two hosts die, the writer's last, and the writer's returns first: both fill the other, all are the same afterwards",
        how: How::Run(user_first),
    },
];

/// Longer than a host needs to notice that another one is silent, and shorter than the file system waits with the next
/// write of its own.
const NOTICED: Duration = Duration::from_secs(10);

/// Blocks are written shortly before the first death, and none after it: the copy that comes back waits for the one that
/// stayed, which takes both for equal (`volumes/src/seen/half_agreed.rs`).
fn other_first(stage: &Stage) {
    let volume = FILLED[1].0;
    let [user, returns, stays] = ready(stage, volume, volume);
    let cluster = &stage.cluster;
    let write = "dd if=/dev/urandom of=/www/written bs=64k count=48 conv=fsync 2>/dev/null; sync";
    cluster.sh(&user, &format!("inside {volume} sh -c '{write}'"));
    die(stage, &returns, &user);
    cluster.power_on(&returns);
    cluster.eventually("the copy that came back to be whole", 600, || {
        let report = stage.status(&returns)?.volumes;
        let mut volumes = report.map(|report| report.volumes).unwrap_or_default();
        let told = volumes.remove(volume).ok_or("not told of yet")?;
        let whole = told.resource.as_ref().is_some_and(|resource| {
            let peer = resource.peers.get(&stays);
            resource.disk == "UpToDate" && peer.is_some_and(|peer| peer.connection == "Connected")
        });
        (whole && told.settled)
            .then_some(())
            .ok_or_else(|| format!("{told:?}"))
    });
    helped(stage, &returns);
    Failure::PowerCut.mend(cluster, &user);
    stage.intact();
    stage.same_below_drbd();
}

/// The copy that comes back last is filled by two at once (`volumes/src/seen/standstill.rs`).
fn user_first(stage: &Stage) {
    let [user, returns, _] = ready(stage, RECORDS, WRITER);
    let cluster = &stage.cluster;
    die(stage, &returns, &user);
    cluster.power_on(&user);
    stage.goes_on();
    Failure::PowerCut.mend(cluster, &returns);
    stage.intact();
    helped(stage, &returns);
    stage.same_below_drbd();
}

/// The host that uses a volume, and the two others.
fn ready(stage: &Stage, volume: &str, service: &str) -> [String; 3] {
    stage.intact();
    let copies = stage.copies(volume);
    if copies.len() < HOSTS.len() {
        skip("two copies have no third to meet again; DRBD 9 keeps three");
    }
    let what = format!("{service} to run");
    let ask = || stage.host_of(HOSTS[0], service);
    let user = stage.cluster.eventually(&what, 120, ask);
    let mut others = copies.into_iter().filter(|host| *host != user);
    let mut other = || others.next().unwrap().to_owned();
    let (first, second) = (other(), other());
    [user, first, second]
}

fn die(stage: &Stage, first: &str, last: &str) {
    for host in [first, last] {
        Failure::PowerCut.strike(&stage.cluster, host, &[WRITER]);
        sleep(NOTICED);
    }
}

/// Prints what a host did about its copies since it came back.
fn helped(stage: &Stage, host: &str) {
    let script = "journalctl -b -u hived -o cat | grep 'hived: volume .* anew' || true";
    println!("{host}: {:?}", stage.cluster.sh(host, script));
}
