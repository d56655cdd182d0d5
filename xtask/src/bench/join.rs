//! `cargo xtask bench join`: three blank machines, from power-on to one swarm of three managers,
//! beside a script that logs in to the same machines and types the commands, as an ansible play does.
//!
//! All in QEMU with software emulation, one CPU and 1536 MiB each, switched on at the same moment.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::row;
use super::site::Site;
use crate::build::Profile;
use crate::step::{self, Result, read};
use crate::{build, debian};

const HOSTS: [&str; 3] = ["p-hive0", "p-hive1", "p-hive2"];
/// Address of the first host in the sample site.
const FIRST: &str = "192.168.77.4";
/// Nothing takes longer than this without being broken.
const LIMIT: Duration = Duration::from_secs(1800);

/// Measures and prints.
pub fn run() -> Result {
    debian::install(&[debian::TO_RUN])?;
    debian::subordinate_ids()?;
    let site = Site::make("join", build::hive(Profile::Release)?)?;
    step::run(&mut site.hive(&["bake"]))?;
    let result = measure(&site);
    step::run(&mut site.hive(&["run", "--stop"]))?;
    let times = result?;
    println!("\nthree hosts, software emulation, 1 CPU and 1536 MiB each");
    row("hive: power-on to Docker on every host", times.docker);
    row("hive: power-on to one swarm of three managers", times.swarm);
    row(
        "  of which after Docker was up on every host",
        times.swarm.saturating_sub(times.docker),
    );
    row(
        "a script over ssh, the same hosts up and out of the swarm",
        times.script,
    );
    println!("The script is told addresses and order; it decides nothing and survives nothing.");
    Ok(())
}

struct Times {
    docker: Duration,
    swarm: Duration,
    script: Duration,
}

fn measure(site: &Site) -> Result<Times> {
    let since = Instant::now();
    step::run(&mut site.hive(&["run", "--no-wait"]))?;
    for host in HOSTS {
        until(since, || {
            on(site, host, "sudo docker version >/dev/null 2>&1 && echo up")
        })?;
    }
    let docker = since.elapsed();
    step::run(&mut site.hive(&["setup-hosts", "--timeout", "1800"]))?;
    let swarm = since.elapsed();

    // hived would mend what the script does.
    for host in HOSTS.iter().rev() {
        on(
            site,
            host,
            "sudo systemctl stop hived && sudo docker swarm leave --force",
        )?;
    }
    let since = Instant::now();
    on(
        site,
        HOSTS[0],
        &format!("sudo docker swarm init --advertise-addr {FIRST}"),
    )?;
    let token = on(
        site,
        HOSTS[0],
        "sudo docker swarm join-token --quiet manager",
    )?;
    for host in &HOSTS[1..] {
        on(
            site,
            host,
            &format!(
                "sudo docker swarm join --token {} {FIRST}:2377",
                token.trim()
            ),
        )?;
    }
    until(since, || {
        let list = on(
            site,
            HOSTS[0],
            "sudo docker node ls --format '{{.Status}} {{.ManagerStatus}}'",
        )?;
        let good = list
            .lines()
            .filter(|l| matches!(*l, "Ready Leader" | "Ready Reachable"));
        if good.count() == HOSTS.len() {
            Ok(list)
        } else {
            Err(list)
        }
    })?;
    Ok(Times {
        docker,
        swarm,
        script: since.elapsed(),
    })
}

fn on(site: &Site, host: &str, script: &str) -> Result<String> {
    read(&mut site.hive(&["ssh", "-t", host, "--", script]))
}

fn until(since: Instant, mut look: impl FnMut() -> Result<String>) -> Result {
    loop {
        match look() {
            Ok(_) => return Ok(()),
            Err(error) if since.elapsed() > LIMIT => return Err(error),
            Err(_) => sleep(Duration::from_secs(1)),
        }
    }
}
