//! W11: the daemon is killed while volumes are made, grow and are removed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::{Cluster, HOSTS};
use hive_tests::random::Random;
use hive_tests::{hive_program, said};

use super::leftovers::rounds;
use super::site;
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W11",
    name: "hived is killed at any moment of making, growing and removing: it is done all the same, and nothing is left",
    how: How::Run(killed),
}];

const NAME: &str = "t-killed";
/// What is done, in turn.
const DEEDS: [Deed; 3] = [Deed::Make, Deed::Grow, Deed::Remove];
/// What the command is thought to take, before it was seen.
const FIRST_GUESS: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
enum Deed {
    Make,
    Grow,
    Remove,
}

impl Deed {
    const fn megabytes(self) -> u64 {
        match self {
            Self::Make => 50,
            Self::Grow | Self::Remove => 80,
        }
    }

    const fn command(self) -> &'static [&'static str] {
        match self {
            Self::Make | Self::Grow => &["build-volumes"],
            Self::Remove => &["build-volumes", "-D", "--yes", "-l", NAME],
        }
    }
}

fn killed(stage: &Stage) {
    let cluster = &stage.cluster;
    let mut random = Random::told();
    let mut took = DEEDS.map(|_| FIRST_GUESS);
    let mut minor = 0;
    // Whole turns, so that it is gone at the end.
    let rounds = rounds(10).next_multiple_of(DEEDS.len() as u64);
    for (round, (index, deed)) in (1..=rounds).zip(DEEDS.iter().enumerate().cycle()) {
        let attributes = format!("fstype: ext4, size: {}M", deed.megabytes());
        site::add(cluster, &site::one_more(NAME, NAME, &attributes));
        let host = HOSTS[random.below(HOSTS.len() as u64) as usize];
        let moment = random.below(took[index].as_millis() as u64);
        let since = Instant::now();
        let first = interrupted(cluster, deed.command(), host, Duration::from_millis(moment));
        if first {
            took[index] = since.elapsed();
        } else {
            stage.eventually("the command to come to its end", 300, || {
                let output = cluster.hive(deed.command());
                match output.status.success() {
                    true => Ok(()),
                    false => Err(said(&output)),
                }
            });
        }
        match deed {
            Deed::Remove => stage.left_nothing(NAME, minor),
            Deed::Make | Deed::Grow => {
                stage.intact();
                minor = stage.minor(NAME);
                grown_to(stage, deed.megabytes());
            }
        }
        stage.all_on_speaking_terms();
        println!(
            "round {round}, {deed:?}: hived of {host} killed after {:.2} s; the command {}; all done after {:.0} s",
            Duration::from_millis(moment).as_secs_f64(),
            if first {
                "did it at once"
            } else {
                "had to be run again"
            },
            since.elapsed().as_secs_f64()
        );
    }
    site::add(cluster, "");
    stage.intact();
    stage.verified();
}

/// Runs the command, and kills a daemon after a while; whether the command was content.
fn interrupted(cluster: &Cluster, args: &[&str], host: &str, after: Duration) -> bool {
    let command = std::process::Command::new(hive_program())
        .args(args)
        .current_dir(cluster.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    cluster.sh(
        host,
        "kill -9 $(systemctl show -p MainPID --value hived)
         active() { systemctl -q is-active hived && hived status --json >/dev/null; }
         within 60 active",
    );
    let output = command.wait_with_output().unwrap();
    if !output.status.success() {
        println!("{}", said(&output));
    }
    output.status.success()
}

/// All hosts have heard of the size, and the device has it.
fn grown_to(stage: &Stage, megabytes: u64) {
    let bytes = megabytes << 20;
    stage.eventually("all hosts to have that size", 120, || {
        let reports = stage.reports(NAME)?;
        let good =
            reports.len() == HOSTS.len() && reports.values().all(|v| v.settled && v.size == bytes);
        good.then_some(()).ok_or_else(|| format!("{reports:#?}"))
    });
    for (host, report) in stage.reports(NAME).unwrap() {
        if report.part != "none" {
            let script = format!("cat /sys/block/drbd{}/size", report.minor);
            let sectors: u64 = stage.cluster.sh(host, &script).parse().unwrap();
            assert!(sectors * 512 >= bytes, "{host}: {sectors} sectors");
        }
    }
}
