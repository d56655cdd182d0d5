//! W12: the daemon is killed while a volume is made, taken into use, grows, is let go and is removed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::{Cluster, HOSTS};
use hive_tests::random::Random;
use hive_tests::{hive_program, said};

use super::site;
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W12",
    name: "hived is killed at any moment of making, mounting, growing, unmounting and removing: it is done all the same, and nothing is left",
    how: How::Run(killed),
}];

/// Of the service, too.
const NAME: &str = "t-killed";
/// What is done, in turn.
const DEEDS: [Deed; 5] = [
    Deed::Make,
    Deed::Mount,
    Deed::Grow,
    Deed::Unmount,
    Deed::Remove,
];
/// What the command is thought to take, before it was seen.
const FIRST_GUESS: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
enum Deed {
    Make,
    Mount,
    Grow,
    Unmount,
    Remove,
}

impl Deed {
    const fn megabytes(self) -> u64 {
        match self {
            Self::Make | Self::Mount => 50,
            Self::Grow | Self::Unmount | Self::Remove => 80,
        }
    }

    const fn command(self) -> &'static [&'static str] {
        match self {
            Self::Make | Self::Grow => &["build-volumes"],
            Self::Mount => &["deploy-services", "-l", NAME],
            Self::Unmount => &["deploy-services", "-D", "--yes", "-l", NAME],
            Self::Remove => &["build-volumes", "-D", "--yes", "-l", NAME],
        }
    }

    /// Waits until it is done, everywhere.
    fn seen(self, stage: &Stage, minor: u64) {
        match self {
            Self::Make => grown_to(stage, self.megabytes()),
            Self::Mount => {
                let script = format!("inside {NAME} sh -c 'echo kept >/data/mark; sync'");
                stage.cluster.sh(&runs_on(stage), &script);
            }
            Self::Grow => {
                grown_to(stage, self.megabytes());
                let script = format!("same kept \"$(inside {NAME} cat /data/mark)\"");
                stage.cluster.sh(&runs_on(stage), &script);
                // What was cut off half-way may have left what is different on each host.
                stage.same_by_drbd(NAME);
            }
            Self::Unmount => stage
                .cluster
                .eventually("the volume to be let go", 120, || {
                    let reports = stage.reports(NAME)?;
                    let free = reports.values().all(|v| {
                        let primary = v.resource.as_ref().is_some_and(|r| r.primary);
                        v.users == 0 && v.mounted.is_none() && !primary
                    });
                    free.then_some(()).ok_or_else(|| format!("{reports:#?}"))
                }),
            Self::Remove => stage.left_nothing(NAME, minor),
        }
    }
}

fn killed(stage: &Stage) {
    let cluster = &stage.cluster;
    let mut random = Random::told();
    let mut took = DEEDS.map(|_| FIRST_GUESS);
    let mut minor = 0;
    // One on each host, in whole turns, so that it is gone at the end.
    let rounds = stage.rounds(100, 10).div_ceil(HOSTS.len() as u64);
    let rounds = rounds.next_multiple_of(DEEDS.len() as u64);
    for (round, (index, deed)) in (1..=rounds).zip(DEEDS.iter().enumerate().cycle()) {
        let attributes = format!("fstype: ext4, size: {}M", deed.megabytes());
        site::add(cluster, &site::one_more(NAME, NAME, &attributes));
        let within = took[index].as_millis() as u64;
        let moments = HOSTS.map(|_| Duration::from_millis(random.below(within)));
        let since = Instant::now();
        let first = interrupted(cluster, deed.command(), moments);
        if first {
            took[index] = since.elapsed();
        } else {
            stage
                .cluster
                .eventually("the command to come to its end", 300, || {
                    let output = cluster.hive(deed.command());
                    match output.status.success() {
                        true => Ok(()),
                        false => Err(said(&output)),
                    }
                });
        }
        stage.intact();
        if matches!(deed, Deed::Make) {
            minor = stage.minor(NAME);
        }
        deed.seen(stage, minor);
        stage.all_on_speaking_terms();
        println!(
            "round {round}, {deed:?}: hived killed on each host, after {moments:.2?}; the command {}; all done after {:.0} s",
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

/// Runs the command, and kills the daemon of each host after a while; whether the command was content.
fn interrupted(cluster: &Cluster, args: &[&str], moments: [Duration; HOSTS.len()]) -> bool {
    let command = std::process::Command::new(hive_program())
        .args(args)
        .current_dir(cluster.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::scope(|all| {
        for (host, after) in HOSTS.into_iter().zip(moments) {
            all.spawn(move || {
                std::thread::sleep(after);
                cluster.sh(
                    host,
                    "kill -9 $(systemctl show -p MainPID --value hived)
                     active() { systemctl -q is-active hived && hived status --json >/dev/null; }
                     within 60 active",
                );
            });
        }
    });
    let output = command.wait_with_output().unwrap();
    if !output.status.success() {
        println!("{}", said(&output));
    }
    output.status.success()
}

fn runs_on(stage: &Stage) -> String {
    stage
        .cluster
        .eventually("its service to run", 240, || stage.host_of(HOSTS[0], NAME))
}

/// All hosts have heard of the size, and the device has it.
fn grown_to(stage: &Stage, megabytes: u64) {
    let bytes = megabytes << 20;
    stage
        .cluster
        .eventually("all hosts to have that size", 120, || {
            let reports = stage.reports(NAME)?;
            let good = reports.len() == HOSTS.len()
                && reports.values().all(|v| v.settled && v.size == bytes);
            good.then_some(()).ok_or_else(|| format!("{reports:#?}"))
        });
    for (host, report) in stage.told(NAME) {
        if report.part != "none" {
            let script = format!("cat /sys/block/drbd{}/size", report.minor);
            let sectors: u64 = stage.cluster.sh(host, &script).parse().unwrap();
            assert!(sectors * 512 >= bytes, "{host}: {sectors} sectors");
        }
    }
}
