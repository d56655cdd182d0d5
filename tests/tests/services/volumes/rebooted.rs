//! W7 and W11: all hosts are rebooted, one after the other, as one does for an upgrade; and again and again, with
//! power cuts in between.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hive_tests::checklist::{How, Item, skip};
use hive_tests::cluster::HOSTS;

use super::site::{RECORDS, WRITER};
use super::stage::Stage;
use crate::failure::Failure;

pub const ONCE: &[Item<Stage>] = &[Item {
    id: "W7",
    name: "a rolling reboot of all hosts",
    how: How::Run(|stage| {
        rolling(stage);
        stage.same_below_drbd();
    }),
}];

pub const AGAIN: &[Item<Stage>] = &[Item {
    id: "W11",
    name: "rolling reboots and power cuts under the writer, again and again: DRBD finds no byte that differs",
    how: How::Run(again),
}];

/// What a round takes on a quick computer, in seconds, before one was seen.
const ROUND: u64 = 250;

fn rolling(stage: &Stage) {
    let cluster = &stage.cluster;
    stage.intact();
    stage.writing();
    for host in HOSTS {
        let boot = "cat /proc/sys/kernel/random/boot_id";
        let before = cluster.sh(host, boot);
        let since = Instant::now();
        // The connection may end with the host.
        drop(cluster.try_sh(host, "systemctl reboot"));
        stage
            .cluster
            .eventually(&format!("{host} to be back"), 600, || {
                let now = cluster.try_sh(host, boot)?;
                (now != before)
                    .then_some(())
                    .ok_or("it has not gone down".into())
            });
        let up = since.elapsed().as_secs();
        cluster.joined();
        cluster.whole();
        let whole = since.elapsed().as_secs();
        stage.intact();
        let writer = stage.writing();
        println!(
            "{host} rebooted: it was up after {up} s, the swarm whole after {whole} s, its copies after {} s; the writer is on {writer}, and the longest time without a record was {:.2} s",
            since.elapsed().as_secs(),
            stage.listener.look(|h| h.silence(since)).as_secs_f64()
        );
    }
    stage.verified();
}

fn again(stage: &Stage) {
    let mut takes = stage.cluster.patient(ROUND);
    for round in 1..=stage.rounds(20, 2) {
        if !time_for(takes) {
            let why = format!(
                "HIVE_UNTIL is nearer than the {} s of a round",
                takes.as_secs()
            );
            if round == 1 {
                skip(why);
            }
            println!("SKIPPED: rounds from {round} on: {why}");
            break;
        }
        let since = Instant::now();
        rolling(stage);
        stage.same_by_drbd(RECORDS);
        println!("rolling reboot {round}: no byte differs");
        let writer = stage.writing();
        // In turn the one that writes, and one that is written to.
        let other = || stage.copies(RECORDS).into_iter().find(|h| *h != writer);
        let host = match round % 2 {
            1 => writer.clone(),
            _ => other().unwrap().to_owned(),
        };
        power_cut(stage, &host, host == writer);
        stage.same_by_drbd(RECORDS);
        println!("power cut {round}, of {host}: no byte differs");
        takes = since.elapsed();
    }
}

/// Whether what takes this long ends before `HIVE_UNTIL`, in seconds since 1970; without it there is time for all.
fn time_for(takes: Duration) -> bool {
    let until = std::env::var("HIVE_UNTIL").ok();
    until.is_none_or(|text| {
        let until = UNIX_EPOCH + Duration::from_secs(text.parse().unwrap());
        SystemTime::now() + takes <= until
    })
}

fn power_cut(stage: &Stage, host: &str, writes: bool) {
    let writers = stage.listener.look(|h| h.writers());
    let failed = Failure::PowerCut.strike(&stage.cluster, host, &[WRITER]);
    if writes {
        let first = stage.resumed(&writers).heard;
        println!(
            "power cut of {host}: {:.2} s to the first new acknowledged record",
            first.saturating_duration_since(failed).as_secs_f64()
        );
    }
    Failure::PowerCut.mend(&stage.cluster, host);
    stage.intact();
    stage.writing();
    let silence = stage.listener.look(|h| h.silence(failed));
    println!(
        "power cut of {host}: the longest time without a record was {:.2} s",
        silence.as_secs_f64()
    );
    stage.verified();
}
