//! `hived volumes up` and `hived volumes down`: resources come up before Docker starts, from the records that were
//! kept, and go down after Docker has stopped and before the network does (hive-volumes.service).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hive_system::drbd;
use hive_volumes::Record;
use hive_volumes::upkeep::{Seen, Step, is_attached};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::act::DRBD;
use super::bench::Bench;
use super::host::Host;
use super::{look, mounts};
use crate::member::View;
use crate::member::site::{Place, place};
use crate::observe;
use crate::paths::Paths;

/// Docker waits so long at the most for what does not come up; its containers wait longer for their volumes.
const UP: Duration = Duration::from_secs(60);
/// The network stays so long at the most for what does not go down.
const DOWN: Duration = Duration::from_secs(60);
/// Pause between tries: the disk may appear a moment later, a process may still be ending.
const PAUSE: Duration = Duration::from_secs(1);

/// Brings the resources of this host up. What does not come up in time is told and left to hived.
///
/// # Errors
/// The seed can't be used, in words.
pub fn up(paths: &Paths) -> Result<(), String> {
    let seed = observe::seed(&paths.seed)?;
    let Place::Hive(hive) = place(seed.as_ref()) else {
        return Ok(());
    };
    let disk = seed.and_then(|seed| seed.disks.mirrored);
    on_runtime(async {
        let marker = marker(paths);
        if let Err(e) = fs::remove_file(&marker)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            return Err(format!("removing {}: {e}", marker.display()));
        }
        let (_told, view) = watch::channel(View::default());
        let host = Host::new(paths.clone(), &hive, disk, view)?;
        let start = Instant::now();
        let mut told = BTreeSet::new();
        loop {
            let tried = match look::module_fault() {
                Some(fault) if !host.latest().records.volumes.is_empty() => {
                    BTreeMap::from([("DRBD".to_owned(), Err(fault))])
                }
                _ => host.bring_up().await,
            };
            if tried.values().all(Result::is_ok) {
                return Ok(());
            }
            for (name, why) in tried.into_iter().filter_map(|(n, d)| Some((n, d.err()?))) {
                let words = format!("<4>hived: {name} is not up, and is tried again: {why}");
                if !told.contains(&words) {
                    eprintln!("{words}");
                    told.insert(words);
                }
            }
            if start.elapsed() >= UP {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    })
}

/// Unmounts all volumes, lets go of them and takes their resources down. hived does nothing to them from now on.
///
/// With DRBD 8.4 the lease stays this host's: Raft may be gone already. It is released after the next boot, or
/// taken by whoever finds this host connected and idle, or called down by the swarm.
///
/// # Errors
/// Something stays up, in words.
pub fn down(paths: &Paths) -> Result<(), String> {
    let marker = marker(paths);
    crate::durable::replace(&marker, b"").map_err(|e| e.to_string())?;
    on_runtime(async {
        let bench = Bench::default();
        let mut all = JoinSet::new();
        for name in resources(&paths.resources)? {
            let (bench, at) = (bench.clone(), paths.volumes_mounted.join(&name));
            all.spawn(async move {
                let gone = timeout(DOWN, take_down(&bench, &name, &at)).await;
                let gone = gone.unwrap_or_else(|_| {
                    Err(format!("it did not go down within {} s", DOWN.as_secs()))
                });
                gone.map_err(|why| format!("volume {name}: {why}"))
            });
        }
        let faults: Vec<String> = all
            .join_all()
            .await
            .into_iter()
            .filter_map(Result::err)
            .collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(faults.join("; ")),
        }
    })
}

async fn take_down(bench: &Bench, name: &str, at: &Path) -> Result<(), String> {
    let start = Instant::now();
    loop {
        match once(bench, name, at).await {
            Err(why) if start.elapsed() >= DOWN / 2 => return Err(why),
            Err(_) => sleep(PAUSE).await,
            done => return done,
        }
    }
}

async fn once(bench: &Bench, name: &str, at: &Path) -> Result<(), String> {
    let (work, at) = (format!("unmounting {}", at.display()), at.to_owned());
    let unmount = move || mounts::unmount(&at);
    bench.work(work, DRBD, unmount).await?;
    // A primary is not taken down, and both are well with what is down already.
    bench.run(drbd::secondary(name), DRBD).await?;
    bench.run(drbd::down(name), DRBD).await.map(drop)
}

/// Names of the volumes with a file in DRBD's folder.
fn resources(folder: &Path) -> Result<Vec<String>, String> {
    let words = |e: std::io::Error| format!("reading {}: {e}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(words)? {
        let file = entry.map_err(words)?.file_name();
        let file = file.to_string_lossy();
        names.extend(file.strip_suffix(".res").map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// While it is there, hived leaves volumes alone.
fn marker(paths: &Paths) -> PathBuf {
    paths.volumes_now.join("down")
}

fn on_runtime(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("starting: {e}"))?;
    let done = runtime.block_on(work);
    // What hangs in the kernel would be waited for otherwise.
    runtime.shutdown_background();
    done
}

impl Host {
    /// Whether the host goes down, or a person took its volumes down.
    pub(super) fn goes_down(&self) -> bool {
        marker(&self.paths).exists()
    }

    /// Brings up what is down, by the records that were read last, however old: to connect never loses data.
    /// Nothing else is done by them. A pool may still be checked when this begins: its volumes are activated then.
    pub(super) async fn bring_up(&self) -> BTreeMap<String, Result<(), String>> {
        let (latest, begun) = (self.latest(), Instant::now());
        let mut tried = BTreeMap::new();
        for (name, record) in &latest.records.volumes {
            let mine = record.state.part(self.me()).is_some();
            if mine && record.state.removal.is_none() {
                let held = self.lock(name).await;
                held.says(Step::Adjust.to_string());
                tried.insert(name.clone(), self.bring_one_up(record, begun).await);
            }
        }
        tried
    }

    async fn bring_one_up(&self, record: &Record, begun: Instant) -> Result<(), String> {
        let there = self.resource(record).await?;
        if there.is_some_and(|resource| is_attached(record, self.me(), &resource)) {
            return Ok(());
        }
        let file = self.wanted_file(record)?;
        let backing = self.backing(record, begun).await?;
        let inactive = backing.is_some_and(|backing| !backing.active);
        let activate = inactive.then_some(Step::Activate);
        for step in activate.into_iter().chain([Step::WriteFile, Step::Adjust]) {
            let seen = Seen::default();
            self.carry_out(record, &seen, &file, &step).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_found_by_their_files() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["web.res", "a.b.res", "web.new", "global_common.conf"] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        assert_eq!(resources(dir.path()).unwrap(), ["a.b", "web"]);
    }

    #[test]
    fn a_machine_without_a_seed_has_nothing_to_bring_up() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(up(&Paths::below(dir.path())), Ok(()));
    }

    #[test]
    fn what_goes_down_is_left_alone_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::below(dir.path());
        fs::create_dir_all(&paths.resources).unwrap();
        let host = super::super::host::tests::host(dir.path(), watch::channel(View::default()).1);
        assert!(!host.goes_down());
        assert_eq!(down(&paths), Ok(()));
        assert!(host.goes_down());
    }
}
