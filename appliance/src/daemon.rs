//! The loop: look, judge, write down, and once call the boot good. Membership and mirrored volumes run beside
//! it and never wait for it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use hive_inventory::node::NodeStatus;
use hive_inventory::volumes::VolumesReport;
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use crate::assess::{Assessment, Observed, assess};
use crate::decisions::{self, Served};
use crate::member::{self, View};
use crate::paths::Paths;
use crate::peers::{Questions, VOLUMES_PATH};
use crate::{console, durable, esp, notify, observe, volumes};

/// Pause between rounds until the node was ready once: somebody waits for it.
const PAUSE_STARTING: Duration = Duration::from_secs(1);
/// Pause between rounds from then on.
const PAUSE: Duration = Duration::from_secs(5);
/// Pause before another try to call the boot good.
const PAUSE_BLESSING: Duration = Duration::from_secs(60);
/// News of the swarm that come together are told together.
const BUNDLE: Duration = Duration::from_millis(250);
/// A person decides one thing after the other.
const DECISIONS: usize = 4;

/// What the daemon remembers between rounds; all of it is found again after a restart.
#[derive(Default)]
struct Memory {
    ready_since: Option<f64>,
    blessed: bool,
    blessing_fault: Option<(Instant, String)>,
}

/// Runs until the process is ended.
///
/// # Errors
/// systemd's socket can't be reached, or the status or the socket can't be made: nobody would see the
/// daemon work.
pub fn run(paths: Paths) -> io::Result<()> {
    // One thread is enough for a handful of peers; what blocks goes to threads that end again.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work(paths))
}

async fn work(paths: Paths) -> io::Result<()> {
    let seed = observe::seed(&paths.seed);
    let (view, views) = watch::channel(member::first_view(&seed));
    let (status, statuses) = watch::channel(None);
    let (decisions, decided) = mpsc::channel(DECISIONS);
    let known = seed.as_ref().ok().and_then(Option::as_ref);
    let host = volumes::host(known, &paths, views.clone()).unwrap_or_else(|fault| {
        eprintln!("hived: mirrored volumes: {fault}");
        None
    });
    decisions::serve(
        &paths.socket,
        Served {
            decisions,
            status: statuses,
            volumes: host.clone(),
        },
    )?;
    if let Some(host) = &host {
        volumes::plugin::serve(&paths.volume_driver, host.clone())?;
    }
    // Docker waits for this, and the first look asks docker.
    notify::ready()?;
    let (mut questions, mut reports) = (Questions::new(), watch::channel(None).1);
    if let Some(host) = host {
        reports = host.reports();
        questions.insert(VOLUMES_PATH, volumes::answers(host.clone()));
        tokio::spawn(volumes::run(host));
    }
    let member = member::run(seed, paths.clone(), decided, view, questions);
    let membership = tokio::spawn(member);
    tokio::select! {
        ended = rounds(&paths, views, reports, &status) => ended,
        // It never ends by itself.
        ended = membership => ended.map_err(io::Error::other),
    }
}

async fn rounds(
    paths: &Paths,
    mut views: watch::Receiver<View>,
    mut reports: watch::Receiver<Option<VolumesReport>>,
    told: &watch::Sender<Option<NodeStatus>>,
) -> io::Result<()> {
    let mut memory = Memory {
        // The file lies in memory and is therefore of this boot.
        ready_since: read(&paths.status).ok().and_then(|s| s.ready_after_seconds),
        ..Memory::default()
    };
    let mut shown = String::new();
    let mut engine = None;
    loop {
        let for_this = paths.clone();
        let seen = spawn_blocking(move || observe::observe(&for_this, engine)).await?;
        engine = seen.docker.as_ref().ok().cloned();
        let next = Instant::now()
            + match memory.ready_since {
                Some(_) => PAUSE,
                None => PAUSE_STARTING,
            };
        // What was seen stays true until the next look; the swarm's news come in between.
        loop {
            let view = views.borrow_and_update().clone();
            let report = reports.borrow_and_update().clone();
            let mut status = round(&mut memory, &seen, &view).await?;
            let notices = report.iter().flat_map(volumes::report::notices);
            status.notices.extend(notices);
            status.volumes = report;
            if told.borrow().as_ref() != Some(&status) {
                durable::replace(&paths.status, &serde_json::to_vec_pretty(&status)?)?;
                let lines = console::issue(&status);
                if lines != shown {
                    if let Err(e) = console::show(&lines, paths) {
                        eprintln!("hived: showing the state at the console: {e}");
                    }
                    shown = lines;
                }
                told.send_replace(Some(status));
            }
            tokio::select! {
                () = sleep_until(next) => break,
                Ok(()) = views.changed() => sleep(BUNDLE).await,
                Ok(()) = reports.changed() => sleep(BUNDLE).await,
            }
        }
    }
}

async fn round(memory: &mut Memory, seen: &Observed, view: &View) -> io::Result<NodeStatus> {
    let Assessment {
        mut status,
        good_boot,
    } = assess(seen, view, memory.ready_since);
    memory.ready_since = status.ready_after_seconds;
    let due = memory
        .blessing_fault
        .as_ref()
        .is_none_or(|(at, _)| at.elapsed() >= PAUSE_BLESSING);
    if let Some(boot) = &mut status.boot {
        if good_boot && !memory.blessed && due {
            let report = boot.clone();
            match spawn_blocking(move || esp::bless_boot(&report)).await? {
                Ok(_) => {
                    memory.blessed = true;
                    memory.blessing_fault = None;
                }
                Err(e) => memory.blessing_fault = Some((Instant::now(), e.to_string())),
            }
        }
        if let Some((_, fault)) = &memory.blessing_fault {
            boot.notices.push(format!(
                "this boot works but could not be marked good, and the boot loader gives up on it after its last try: {fault}"
            ));
        }
    }
    Ok(status)
}

/// Reads a status that was written before.
///
/// # Errors
/// There is none, or it does not read.
pub fn read(path: &Path) -> io::Result<NodeStatus> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_written_status_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("status.json");
        fs::write(&path, "{\"version\":1,").unwrap();
        assert!(read(&path).is_err());
    }
}
