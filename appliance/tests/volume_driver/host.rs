//! A host whose volume `web` lies in memory in place of DRBD. What docker gets is really mounted, beside docker, so the
//! kernel tells who has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use hive_appliance::volumes::plugin::{Hands, containers_have, serve};
use hive_volumes::driver::users::Users;
use hive_volumes::driver::{self, FOLDER, Next, Step};
use hive_volumes::seen::{Connection, DiskState, Peer, Resource};
use hive_volumes::upkeep::{Here, Mount, Seen};
use hive_volumes::{Record, VolumeName};
use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::space::Space;

/// What a host begins with: docker's folder for sockets of drivers, and the volume's data.
const BOOT: &str = r#"
ip link set lo up
mount -t tmpfs none /run && mkdir -p /run/docker/plugins && mount --bind "$1/plugins" /run/docker/plugins
mkdir "$1/disk" && mount -t tmpfs none "$1/disk" && touch "$1/booted"
# The shell looks after processes whose parents died.
while :; do sleep 0.1; done
"#;

/// The host `p-hive0`.
pub struct Host {
    pub space: Space,
    pub folder: PathBuf,
    pub record: Record,
    primary: Mutex<bool>,
    /// In use on the other host.
    pub elsewhere: Mutex<bool>,
    users: Mutex<Users>,
    lock: Arc<tokio::sync::Mutex<()>>,
    done: Mutex<Vec<Step>>,
}

impl Host {
    /// Below a folder, and up.
    pub fn new(folder: &Path) -> Arc<Self> {
        let identity = include_str!("../../../volumes/tests/golden/record-1.json");
        let state = include_str!("../../../volumes/tests/golden/state-1.json");
        let mut record = Record {
            identity: serde_json::from_str(identity).unwrap(),
            state: serde_json::from_str(state).unwrap(),
            config: "c1".into(),
            version: 1,
        };
        record.identity.name = VolumeName::new("web").unwrap();
        fs::create_dir_all(folder.join("plugins")).unwrap();
        let words = ["sh", "-c", BOOT, "host", folder.to_str().unwrap()];
        let host = Arc::new(Self {
            space: Space::start(&["-m", "-n", "-p", "--mount-proc"], &words),
            folder: folder.to_owned(),
            record,
            primary: Mutex::default(),
            elsewhere: Mutex::default(),
            users: Mutex::new(Users::none()),
            lock: Arc::default(),
            done: Mutex::default(),
        });
        super::wait("the host is up", || folder.join("booted").exists());
        host
    }

    /// What it did, and forgets it.
    pub fn story(&self) -> Vec<Step> {
        std::mem::take(&mut *self.done.lock().unwrap())
    }

    /// How many containers count as users.
    pub fn count(&self) -> usize {
        self.users.lock().unwrap().count()
    }

    /// Whether the volume is mounted on the host.
    pub fn is_mounted(&self) -> bool {
        self.device_at(&self.folder.join("web")).is_some()
    }

    /// Whether it is neither mounted nor in use.
    pub fn is_let_go(&self) -> bool {
        !self.is_mounted() && !*self.primary.lock().unwrap() && self.count() == 0
    }

    /// Whether containers have it.
    pub fn is_in_containers(&self) -> bool {
        let device = self.device_at(&self.folder.join("disk")).unwrap();
        containers_have(&device).unwrap()
    }

    /// `MAJOR:MINOR` of what is mounted somewhere.
    fn device_at(&self, at: &Path) -> Option<String> {
        let mounts = format!("/proc/{}/mountinfo", self.space.inner());
        let mounts = fs::read_to_string(mounts).unwrap();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut lines = mounts.lines().map(words);
        lines
            .find(|words| Path::new(&words[4]) == at)
            .map(|words| words[2].clone())
    }

    fn shell(&self, words: &str) -> Result<(), String> {
        let below = self.folder.display();
        let words = format!("cd {below} && {words}");
        let output = self.space.within(&["sh", "-c", &words]);
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or_else(said)
    }

    fn seen(&self) -> Seen {
        let peer = Peer {
            connection: Connection::Connected,
            primary: *self.elsewhere.lock().unwrap(),
            disk: DiskState::UpToDate,
            out_of_sync: 0,
        };
        Seen {
            resource: Some(Resource {
                primary: *self.primary.lock().unwrap(),
                disk: DiskState::UpToDate,
                suspended: false,
                quorum: true,
                peers: [("p-hive1".to_owned(), peer)].into(),
            }),
            mount: self.is_mounted().then_some(Mount { grown_to: 1 }),
            users: self.count(),
            ..Seen::default()
        }
    }
}

impl Hands for Host {
    type Held = OwnedMutexGuard<()>;

    fn me(&self) -> &str {
        "p-hive0"
    }

    async fn record(&self, name: &str) -> Result<Option<Record>, String> {
        Ok((name == "web").then(|| self.record.clone()))
    }

    fn known(&self) -> Vec<Record> {
        vec![self.record.clone()]
    }

    async fn lock(&self, _: &str) -> Self::Held {
        Arc::clone(&self.lock).lock_owned().await
    }

    fn doing(&self, _: &str) -> Option<String> {
        None
    }

    async fn to_mount(&self, record: &Record, checked: bool) -> Result<Next, String> {
        let here = Here {
            me: self.me(),
            epoch: 0,
            file: "",
            peer_agrees: false,
            holder_down: false,
        };
        Ok(
            match driver::to_mount(record, &here, &self.seen(), checked) {
                // The test does not wait a minute to see what docker makes of it.
                Next::Wait(why) => Next::Refuse(why),
                next => next,
            },
        )
    }

    async fn to_unmount(&self, _: &Record) -> Result<Next, String> {
        Ok(driver::to_unmount(&self.seen()))
    }

    async fn carry_out(&self, _: &Self::Held, _: &Record, step: Step) -> Result<(), String> {
        match step {
            Step::Promote => *self.primary.lock().unwrap() = true,
            Step::Check => {}
            Step::Mount => {
                self.shell("mkdir -p web && mount --bind disk web && mkdir -p web/data")?;
            }
            Step::Unmount => self.shell("umount web")?,
            // As DRBD has it.
            Step::Demote if self.is_in_containers() => {
                return Err("the device is held open".into());
            }
            Step::Demote => *self.primary.lock().unwrap() = false,
        }
        self.done.lock().unwrap().push(step);
        Ok(())
    }

    fn users(&self, _: &str) -> Result<Users, String> {
        Ok(self.users.lock().unwrap().clone())
    }

    fn set_users(&self, _: &str, users: &Users) -> Result<(), String> {
        *self.users.lock().unwrap() = users.clone();
        Ok(())
    }

    async fn in_containers(&self, _: &Record) -> Result<bool, String> {
        Ok(self.is_in_containers())
    }

    fn folder(&self, _: &Record) -> PathBuf {
        self.folder.join("web").join(FOLDER)
    }

    fn look_again(&self, _: &str) {}
}

/// hived, as far as docker speaks with it; killed with all it is about when it is dropped.
pub struct Hived {
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Hived {
    /// Starts it on a host.
    pub fn new(host: &Arc<Host>) -> Self {
        let (host, (end, ended)) = (Arc::clone(host), oneshot::channel());
        let (up, is_up) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            super::runtime().block_on(async {
                serve(&host.folder.join("plugins/drbd.sock"), host).unwrap();
                up.send(()).unwrap();
                let _ = ended.await;
            });
        });
        is_up.recv().unwrap();
        Self {
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Hived {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
