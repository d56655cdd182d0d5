//! What all who act on volumes of this host share: the upkeep, docker's volume driver, DRBD's fence handler.
//!
//! Each of them takes the volume's [lock](Host::lock), reads its [record](Host::record), *then*
//! [looks](Host::look) at the host, asks `hive_volumes` for the next step, and does it with what is here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hive_inventory::disk::HIVED_PORT;
use hive_inventory::seed::MirroredDisk;
use hive_inventory::volumes::VolumesReport;
use hive_volumes::record::document::CONFIG_PREFIX;
use hive_volumes::seen::history::History;
use hive_volumes::{Record, State, VolumeName};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::access::{Access, short};
use super::backing::Group;
use super::bench::Bench;
use super::kept;
use super::locks::{Held, Locks};
use super::look::Status;
use super::raft::{Raft, Reading};
use super::shared::Shared;
use crate::calendar;
use crate::member::View;
use crate::member::site::Hive;
use crate::paths::Paths;
use crate::peers::Questioner;
use crate::swarm::{Engine, Records, Written};

/// One reading or change of Raft, with all who may be asked for it.
const PATIENCE: Duration = Duration::from_secs(25);

/// What all who act on volumes of this host share. Used as `Arc<Host>`.
pub struct Host {
    me: String,
    pub(super) paths: Paths,
    pub(super) engine: Arc<Engine>,
    access: Access,
    pub(super) addresses: BTreeMap<String, IpAddr>,
    pub(super) disk: Option<MirroredDisk>,
    pub(super) bench: Bench,
    reading: Shared<Reading>,
    /// What was read last: in this life, or kept by an earlier one.
    latest: Mutex<Arc<Reading>>,
    pub(super) status: Shared<Status>,
    /// By volume.
    pub(super) histories: Mutex<BTreeMap<String, History>>,
    /// No hived has looked at volumes before this one since the machine started.
    pub(super) first_life: bool,
    pub(super) groups: Mutex<BTreeMap<String, Arc<Group>>>,
    locks: Locks,
    nudged: Mutex<BTreeSet<String>>,
    pub(super) nudge: Notify,
    pub(super) report: watch::Sender<Option<VolumesReport>>,
}

impl Host {
    /// For a hive of the site. `view` is what its membership tells.
    ///
    /// # Errors
    /// Its identity can't be used, in words.
    pub(crate) fn new(
        paths: Paths,
        hive: &Hive,
        disk: Option<MirroredDisk>,
        view: watch::Receiver<View>,
    ) -> Result<Self, String> {
        let me = &hive.config.me;
        let clock = calendar::now;
        let questioner = Questioner::new(me, &hive.hives, &hive.identity, HIVED_PORT, clock)?;
        let options = hive.options.clone();
        let engine = Engine::new(paths.docker.clone(), options, hive.address, &hive.hives);
        let engine = Arc::new(engine);
        let raft = Raft::new(Arc::clone(&engine));
        let membership = paths.record.clone();
        let access = Access::new(me, &hive.hives, raft, questioner, view, membership);
        let before = kept::read(&paths.volumes_kept).unwrap_or_else(|why| {
            eprintln!("hived: {why}; they are written anew when the swarm answers");
            Reading::default()
        });
        let addresses = access.addresses();
        let first_life = is_first(&paths.volumes_now);
        Ok(Self {
            me: short(me).to_owned(),
            addresses: addresses.map(|(host, ip)| (host.to_owned(), ip)).collect(),
            paths,
            engine,
            access,
            disk,
            bench: Bench::default(),
            reading: Shared::default(),
            latest: Mutex::new(Arc::new(before)),
            status: Shared::default(),
            histories: Mutex::default(),
            first_life,
            groups: Mutex::default(),
            locks: Locks::default(),
            nudged: Mutex::default(),
            nudge: Notify::new(),
            report: watch::channel(None).0,
        })
    }

    /// Short name of this host.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// The way to Raft and to the other hives.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The record of a volume, read from Raft just now.
    ///
    /// # Errors
    /// No manager with a majority tells, or the record is one that nobody may act on; in words.
    pub async fn record(&self, name: &str) -> Result<Option<Record>, String> {
        self.record_since(name, Instant::now()).await
    }

    /// The record of a volume, read from Raft at `oldest` or later.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub(super) async fn record_since(
        &self,
        name: &str,
        oldest: Instant,
    ) -> Result<Option<Record>, String> {
        let reading = self.read_since(oldest).await?;
        let Records {
            volumes,
            unreadable,
        } = &reading.records;
        let config = format!("{CONFIG_PREFIX}{name}");
        let of_this = |why: &&String| {
            let mut words = why.split_whitespace();
            words.any(|word| word.trim_end_matches(':') == config)
        };
        match (volumes.get(name), unreadable.iter().find(of_this)) {
            (None, Some(why)) => Err(why.clone()),
            (record, _) => Ok(record.cloned()),
        }
    }

    /// All records, read just now.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub async fn records(&self) -> Result<Records, String> {
        Ok(self.read_since(Instant::now()).await?.records.clone())
    }

    /// Records with what belongs to them, read at `oldest` or later.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub(super) async fn read_since(&self, oldest: Instant) -> Result<Arc<Reading>, String> {
        let read = self.reading.since(oldest, async || {
            let reading = timeout(PATIENCE, self.access.read()).await;
            reading.unwrap_or_else(|_| Err(late("tell of volumes")))
        });
        let reading = read.await?;
        *locked(&self.latest) = Arc::clone(&reading);
        Ok(reading)
    }

    /// What was read last, in this life or an earlier one. For what an old record is good enough.
    pub(super) fn latest(&self) -> Arc<Reading> {
        Arc::clone(&locked(&self.latest))
    }

    /// The record of a volume as it was read last.
    pub(super) fn known(&self, name: &str) -> Option<Record> {
        self.latest().records.volumes.get(name).cloned()
    }

    /// Writes a state at the version of `record`.
    ///
    /// # Errors
    /// As [`Self::record`]. It is not known then whether Raft has it.
    pub async fn write(&self, record: &Record, state: &State) -> Result<Written, String> {
        let written = timeout(PATIENCE, self.access.write(record, state)).await;
        written.unwrap_or_else(|_| Err(late("take a change")))
    }

    /// Removes a record.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) async fn forget(&self, record: &Record) -> Result<(), String> {
        let forgotten = timeout(PATIENCE, self.access.forget(record)).await;
        forgotten.unwrap_or_else(|_| Err(late("remove a record")))
    }

    /// One at a time acts on a volume of this host (upkeep, mount, unmount).
    pub async fn lock(&self, name: &str) -> Held {
        self.locks.lock(name).await
    }

    /// What whoever has that lock does now, in words.
    pub fn doing(&self, name: &str) -> Option<String> {
        self.locks.doing(name)
    }

    /// Where a volume's file system is mounted on this host. What is mounted stays when hived starts anew.
    pub fn mount_point(&self, name: &VolumeName) -> PathBuf {
        self.paths.volumes_mounted.join(name.as_str())
    }

    /// Where it stands how large a device was when its file system was made to fill it.
    pub(super) fn grown_file(&self, name: &str) -> PathBuf {
        let folder = self.paths.volumes_now.join("grown");
        folder.join(format!("{name}.txt"))
    }

    /// Where it stands how large a device was when zeros had been written behind its file system: see `grow.rs`.
    pub(super) fn cleared_file(&self, name: &str) -> PathBuf {
        let folder = self.paths.volumes_now.join("cleared");
        folder.join(format!("{name}.txt"))
    }

    /// Asks the upkeep to look at a volume soon.
    pub fn look_again(&self, name: &str) {
        locked(&self.nudged).insert(name.to_owned());
        self.nudge.notify_one();
    }

    /// What this host tells of volumes; `None` until it has looked.
    pub fn reports(&self) -> watch::Receiver<Option<VolumesReport>> {
        self.report.subscribe()
    }

    /// The volumes that are to be looked at soon.
    pub(super) fn take_nudged(&self) -> BTreeSet<String> {
        std::mem::take(&mut *locked(&self.nudged))
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Whether nobody has noted in this folder, which is new at each start of the machine, that volumes are looked at.
fn is_first(folder: &Path) -> bool {
    let note = folder.join("watched");
    let noted = fs::create_dir_all(folder).and_then(|()| fs::File::create_new(note));
    noted.is_ok()
}

fn late(what: &str) -> String {
    format!(
        "the swarm's managers did not {what} within {} s",
        PATIENCE.as_secs()
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::sample;
    use super::*;
    use crate::peers::sample::Authority;
    use hive_inventory::seed::Seed;

    /// h0 of three hives, below a folder, with this view of its membership.
    pub fn host(root: &Path, view: watch::Receiver<View>) -> Host {
        let seed = r#"{"version":2,"site":"s","stage":"private","host":"h0.s","peers":[
            {"host":"h0.s","address":"127.0.0.1","member":"manager"},
            {"host":"h1.s","address":"127.0.0.2","member":"manager"},
            {"host":"h2.s","address":"127.0.0.3","member":"worker"}]}"#;
        let mut seed = Seed::from_json(seed).unwrap();
        seed.identity = Some(Authority::new("s").identity("h0.s").identity);
        let crate::member::site::Place::Hive(hive) = crate::member::site::place(Some(&seed)) else {
            panic!("h0 is a hive");
        };
        Host::new(Paths::below(root), &hive, None, view).unwrap()
    }

    #[test]
    fn the_first_life_since_the_machine_started_is_noted() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        assert!(is_first(&run));
        assert!(!is_first(&run));
        let nowhere = dir.path().join("run/watched/file");
        assert!(
            !is_first(&nowhere),
            "what can't be noted is not relied upon"
        );
    }

    #[tokio::test]
    async fn outside_the_swarm_nothing_is_known_but_what_was_kept() {
        let dir = tempfile::tempdir().unwrap();
        let reading = Reading {
            records: Records {
                volumes: BTreeMap::from([("web".to_owned(), sample::mesh("web", 1))]),
                unreadable: Vec::new(),
            },
            ..Reading::default()
        };
        let text = kept::text(&reading).unwrap();
        kept::write(&Paths::below(dir.path()).volumes_kept, &text).unwrap();
        let host = host(dir.path(), watch::channel(View::default()).1);
        let error = host.record("web").await.unwrap_err();
        assert!(error.contains("not in the site's swarm"), "{error}");
        assert_eq!(host.known("web"), Some(sample::mesh("web", 1)));
        assert_eq!(host.me(), "h0");
    }
}
