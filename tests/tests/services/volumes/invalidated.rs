//! W16 to W19: copies that are void and filled anew, by failures and by hand; afterwards all are the same, byte by
//! byte, below DRBD.

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::waiting::other;

use super::site::{RECORDS, WRITER};
use super::stage::Stage;
use super::watch::Watch;
use crate::failure::Failure;

pub const BOXES: &[Item<Stage>] = &[
    Item {
        id: "W16",
        name: "a host that is only written to loses power and returns",
        how: How::Run(returns),
    },
    Item {
        id: "W17",
        name: "two hosts die, the writer's first, and return together",
        how: How::Run(two_deaths),
    },
    Item {
        id: "W18",
        name: "a copy is declared void while nobody writes, and is filled",
        how: How::Run(void_idle),
    },
    Item {
        id: "W19",
        name: "a copy is declared void under the writer, which moves while the copy is filled",
        how: How::Run(void_in_use),
    },
];

fn returns(stage: &Stage) {
    stage.intact();
    let writer = stage.writing();
    let host = another_copy(stage, &writer);
    Failure::PowerCut.strike(&stage.cluster, host, &[WRITER]);
    stage.goes_on();
    Failure::PowerCut.mend(&stage.cluster, host);
    stage.same_below_drbd();
}

/// The one that is left may go on or not: no majority is with it. What it acknowledges has to be there afterwards.
fn two_deaths(stage: &Stage) {
    stage.intact();
    let first = stage.writing();
    let writers = stage.listener.look(|h| h.writers());
    Failure::PowerCut.strike(&stage.cluster, &first, &[WRITER]);
    stage.resumed(&writers);
    let manager = other(&first);
    let lonely = stage
        .cluster
        .eventually("the writer to run", 240, || stage.host_of(manager, WRITER));
    let second = HOSTS.into_iter().find(|h| *h != first && *h != lonely);
    let second = second.unwrap();
    Failure::PowerCut.strike(&stage.cluster, second, &[WRITER]);
    // Long enough for DRBD and the swarm to notice.
    std::thread::sleep(stage.cluster.patient(10));
    let last = stage.listener.look(|h| h.last().map(|r| r.number));
    println!("{first} and {second} are off; {lonely} is left, and the last record is {last:?}");
    stage.cluster.power_on(second);
    Failure::PowerCut.mend(&stage.cluster, &first);
    stage.intact();
    stage.same_below_drbd();
}

fn void_idle(stage: &Stage) {
    stage.intact();
    stage.scale(0);
    stage.unused();
    let watch = Watch::new(stage);
    void(stage, stage.copies(RECORDS)[0]);
    stage.intact();
    was_filled(stage, &watch);
    stage.scale(1);
    stage.same_below_drbd();
}

fn void_in_use(stage: &Stage) {
    stage.intact();
    let writer = stage.writing();
    let watch = Watch::new(stage);
    void(stage, another_copy(stage, &writer));
    let writers = stage.listener.look(|h| h.writers());
    Failure::Drain.strike(&stage.cluster, &writer, &[WRITER]);
    // With two copies the other one has to be filled first.
    stage.resumed(&writers);
    Failure::Drain.mend(&stage.cluster, &writer);
    stage.intact();
    was_filled(stage, &watch);
    stage.same_below_drbd();
}

fn another_copy(stage: &Stage, writer: &str) -> &'static str {
    let mut copies = stage.copies(RECORDS).into_iter();
    copies.find(|host| *host != writer).unwrap()
}

fn void(stage: &Stage, host: &str) {
    let command = format!("drbdadm invalidate {RECORDS}");
    stage.cluster.sh(host, &command);
}

/// Otherwise nothing was tried; it also shows that hosts which saw no resync would have seen one.
fn was_filled(stage: &Stage, watch: &Watch) {
    let minor = stage.minor(RECORDS);
    let seen = watch.seen(RECORDS, minor);
    let resyncs = watch.resyncs(stage, minor);
    println!("resyncs of {resyncs:?} KiB; {seen:?}");
    assert!(!resyncs.is_empty(), "no copy was filled: {seen:?}");
    assert!(
        seen.values().any(|seen| seen.resync),
        "no look saw the copy being filled: {seen:?}"
    );
}
