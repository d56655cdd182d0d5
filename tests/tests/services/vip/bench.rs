//! `cargo xtask bench vip`: how long an address is not answered for, ours beside keepalived's, on the
//! same hosts and for the same failures.

use std::fmt::Write;
use std::time::{Duration, Instant};

use hive_tests::cluster::{Cluster, mac};
use hive_tests::{Site, skipped};

use super::deployed::write_services;
use super::keepalived::{self, RIVALS};
use super::stage::{SERVICE, Stage, VIP};
use super::takeover::takeover;
use crate::failure::Failure;

/// Seconds that a rival is given on a quick computer before it counts as not having moved.
const LIMIT: u64 = 30;

/// One failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Measured {
    /// From the failure to an answer: ours, and the rivals'; `None`: nobody else took it.
    outages: [Option<Duration>; 3],
    /// Ours from the task running.
    running: Duration,
    /// Moments with two answerers, of each.
    doubles: [usize; 3],
}

#[test]
#[ignore = "a benchmark; `cargo xtask bench vip` runs it"]
fn keepalived_beside_ours() {
    if std::env::var_os("HIVE_BENCH").is_none() {
        skipped("a benchmark; `cargo xtask bench vip` runs it");
        return;
    }
    let rounds = std::env::var("HIVE_ROUNDS").ok();
    let rounds: usize = rounds.map_or(1, |n| n.parse().unwrap());
    let cluster = Cluster::running().unwrap_or_else(|| Cluster::start(site()));
    let stage = Stage::new(cluster, &[VIP, RIVALS[0].vip, RIVALS[1].vip]);
    stage.cluster.ok(&["build-networks"]);
    stage.cluster.ok(&["deploy-services"]);
    keepalived::create(&stage);
    let mut rows = Vec::new();
    for failure in Failure::PASSING {
        let measured: Vec<Measured> = (0..rounds).map(|_| measure(&stage, failure)).collect();
        rows.push((failure, measured));
    }
    keepalived::stop(&stage);
    stage.remove(keepalived::SERVICE);
    println!("\n{}", table(&rows));
}

fn site() -> Site {
    let site = Site::new();
    write_services(&site.path(""));
    site.image("packages: [keepalived]");
    site.ok(&["bake"]);
    site
}

fn measure(stage: &Stage, failure: Failure) -> Measured {
    let host = stage.settled(SERVICE, VIP).host;
    keepalived::start(stage, &host);
    for rival in RIVALS {
        let what = format!("{} on {host}", rival.name);
        stage
            .prober
            .wait(&what, stage.cluster.patient(120), |history| {
                let now = Instant::now();
                let holders = history.holders(rival.vip, now - Duration::from_secs(3)..now);
                (holders == [mac(&host)]).then_some(())
            });
    }
    let took = takeover(
        stage,
        failure,
        SERVICE,
        VIP,
        &[SERVICE, keepalived::SERVICE],
    );
    assert_eq!(took.from, host, "the service moved before the failure");
    let moved = RIVALS.map(|rival| {
        let until = Instant::now() + stage.cluster.patient(LIMIT);
        loop {
            let found = stage
                .prober
                .look(|history| history.first_echo(rival.vip, took.failed, |by| by != mac(&host)));
            if found.is_some() || Instant::now() > until {
                return found.map(|at| at - took.failed);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    failure.mend(&stage.cluster, &host);
    // Who comes back may believe that it has its address still.
    std::thread::sleep(Duration::from_secs(15));
    let time = took.failed..Instant::now();
    let vips = [VIP, RIVALS[0].vip, RIVALS[1].vip];
    let doubles = vips.map(|ip| stage.prober.look(|h| h.doubles(ip, time.clone()).len()));
    let measured = Measured {
        outages: [Some(took.outage()), moved[0], moved[1]],
        running: took.ours(),
        doubles,
    };
    println!("{}: {measured:?}", failure.name());
    measured
}

/// The result, with what the rivals were told.
fn table(rows: &[(Failure, Vec<Measured>)]) -> String {
    let mut text = format!(
        "{:<18} {:>10} {:>16} {:>16} {:>16}   moments with two answerers\n{:<18} {:>10} {:>16} {:>16} {:>16}   ours, default, 1 s\n",
        "seconds to the",
        "ours, from",
        "ours, from the",
        "keepalived,",
        "keepalived,",
        "first answer",
        "failure",
        "task running",
        "default timers",
        "1 s"
    );
    for (failure, measured) in rows {
        let of = |index: usize| median(measured.iter().map(|m| m.outages[index]).collect());
        let doubles = |index: usize| measured.iter().map(|m| m.doubles[index]).sum::<usize>();
        writeln!(
            text,
            "{:<18} {:>10} {:>16} {:>16} {:>16}   {}, {}, {}",
            failure.name(),
            of(0),
            median(measured.iter().map(|m| Some(m.running)).collect()),
            of(1),
            of(2),
            doubles(0),
            doubles(1),
            doubles(2)
        )
        .unwrap();
    }
    for rival in RIVALS {
        let told = [rival.timers, rival.script].concat();
        let told = match told.is_empty() {
            true => "no line about time (advert_int is 1 s by default, the script's interval too)"
                .to_owned(),
            false => told.join(", "),
        };
        writeln!(text, "{}: {told}", rival.name).unwrap();
    }
    text + "Both keepalived addresses follow a script that looks for the process of a global service on their host.\n\
            A swarm waits 5 s before it starts a killed task again, and about 15 s before it takes a host for dead.\n\
            A drain counts from the start of the command. Several rounds (HIVE_ROUNDS): the median, and all moments.\n"
}

/// The middle one in seconds; never is longer than anything.
fn median(mut times: Vec<Option<Duration>>) -> String {
    times.sort_by_key(|time| time.unwrap_or(Duration::MAX));
    let middle = times
        .get(times.len().saturating_sub(1) / 2)
        .copied()
        .flatten();
    middle.map_or_else(
        || "—".to_owned(),
        |time| format!("{:.2}", time.as_secs_f64()),
    )
}

#[test]
fn the_table_has_medians_and_all_moments() {
    let seconds = |n| Some(Duration::from_secs(n));
    let one = |ours, rival, doubles| Measured {
        outages: [seconds(ours), rival, None],
        running: Duration::from_millis(1500),
        doubles,
    };
    let rows = [(
        Failure::PowerCut,
        vec![
            one(20, seconds(4), [0, 1, 0]),
            one(30, seconds(3), [0, 2, 0]),
            one(21, None, [0, 0, 0]),
        ],
    )];
    let text = table(&rows);
    let line = text.lines().find(|l| l.starts_with("power cut")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "power", "cut", "21.00", "1.50", "4.00", "—", "0,", "3,", "0"
        ]
    );
}
