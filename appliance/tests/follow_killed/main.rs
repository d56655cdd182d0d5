//! The daemon itself, in a network namespace with the real kernel, before an engine that this test plays:
//! killed at 200 random moments (`HIVE_KILLS` takes another number) while services come, go and change. Whatever it was
//! doing, the next one brings everything to what is wanted, and in the end nothing is left.

// As in every test; clippy sees helpers of integration tests as ordinary code.
#![allow(clippy::unwrap_used)]

mod engine;
#[path = "../follow_simulation/random.rs"]
mod random;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use engine::Engine;
use random::Random;

const KILLS: u64 = 200;

/// Why this test can't run here.
fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".into());
    }
    for words in [
        &["unshare", "-n", "true"][..],
        &["nft", "--version"],
        &["iptables", "--version"],
    ] {
        let ran = Command::new(words[0]).args(&words[1..]).output();
        if !ran.is_ok_and(|output| output.status.success()) {
            return Some(format!("{} does not work here", words.join(" ")));
        }
    }
    None
}

/// A network of its own, which ends with the test.
struct Space(Child);

impl Space {
    fn new() -> Self {
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "-n", "sleep", "infinity"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(500));
        let space = Self(child);
        for words in [
            "ip link set lo up",
            "ip link add eth0 type veth peer name far",
            "ip link set far up",
            "ip address add 10.9.0.1/24 dev eth0",
            "ip link set eth0 up",
            "iptables -N DOCKER-USER",
        ] {
            space.run(words);
        }
        space
    }

    /// `unshare` and what it starts have one process id, since they don't fork.
    fn within(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.0.id().to_string(), "-n"]);
        command
    }

    fn run(&self, words: &str) -> String {
        let output = self.within().args(words.split(' ')).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn addresses(&self) -> BTreeSet<String> {
        let text = self.run("ip -4 -o address show dev eth0");
        let words = text
            .split_whitespace()
            .filter_map(|w| w.strip_suffix("/32"));
        words.map(str::to_owned).collect()
    }

    fn daemon(&self, folder: &Path) -> Child {
        let log = std::fs::OpenOptions::new();
        let log = log
            .clone()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .unwrap();
        self.within()
            .arg(env!("CARGO_BIN_EXE_follow-swarm-service"))
            .arg("--below")
            .arg(folder)
            .stderr(log)
            .spawn()
            .unwrap()
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(what: &str, folder: &Path, there: impl Fn() -> Result<(), String>) {
    let start = Instant::now();
    loop {
        match there() {
            Ok(()) => return eprintln!("{what}: after {:.1} s", start.elapsed().as_secs_f64()),
            Err(lacks) if start.elapsed() > Duration::from_secs(60) => {
                let log = std::fs::read_to_string(folder.join("log")).unwrap();
                let end: Vec<&str> = log.lines().rev().take(40).collect();
                panic!("waited in vain: {what}: {lacks}\n{}", end.join("\n"));
            }
            Err(_) => sleep(Duration::from_millis(100)),
        }
    }
}

#[test]
fn killed_at_200_random_moments_it_always_converges_and_leaves_nothing() {
    if let Some(why) = missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let kills = std::env::var("HIVE_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(KILLS);
    let mut random = Random::new(std::process::id().into());
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("run")).unwrap();
    let space = Space::new();
    let engine = Engine::start(&dir.path().join("run/docker.sock"));
    let right = || {
        let (addresses, held) = (engine.wanted(), space.addresses());
        if addresses != held {
            return Err(format!("{held:?} instead of {addresses:?}"));
        }
        let (labels, has) = (engine.wanted_labels(), engine.labels());
        if labels != has {
            return Err(format!("{has:?} instead of {labels:?}"));
        }
        let rules = space.run("nft list ruleset");
        match addresses.iter().find(|ip| !rules.contains(ip.as_str())) {
            Some(ip) => Err(format!("no rules for {ip}: {rules}")),
            None => Ok(()),
        }
    };
    let mut daemon = space.daemon(dir.path());
    for _ in 0..kills {
        for _ in 0..random.within(0, 3) {
            engine.change(&mut random);
            sleep(Duration::from_millis(random.within(0, 60)));
        }
        sleep(Duration::from_millis(
            random.within(0, 1500) * random.within(0, 1000) / 5000,
        ));
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        daemon = space.daemon(dir.path());
        // Now and then all has to come right before it goes on.
        if random.chance(30) {
            wait("right in between", dir.path(), right);
        }
    }
    engine.make_all_run();
    wait("right at the end", dir.path(), right);
    assert_eq!(engine.faults(), [""; 0], "asked what it is not to ask");
    engine.clear();
    wait("nothing is left", dir.path(), || {
        right()?;
        let rules = space.run("nft list ruleset");
        let chain = space.run("iptables -S DOCKER-USER");
        let left: Vec<&str> = chain
            .lines()
            .filter(|line| line.starts_with("-A"))
            .collect();
        match rules.contains("dnat") || !left.is_empty() {
            true => Err(format!("{rules}\n{chain}")),
            false => Ok(()),
        }
    });
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}
