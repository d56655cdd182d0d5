//! A machine kept whole, memory and all: boot once, go on from there many times.
//!
//! The folder of a saved machine has its memory, its firmware variables and its description. Its
//! disks stay where they are and must not change any more; each machine that goes on from it writes
//! to overlays of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::accel::Version;
use crate::arguments::{Direction, migration};
use crate::config::VmConfig;
use crate::disk::{Disk, Format, Interface};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::image::create_overlay;
use crate::nic::Network;
use crate::patience::wait_with_logs;
use crate::record::{VARS, read_json, write_json};
use crate::vm::Vm;

const DOCUMENT: &str = "saved.json";
const MEMORY: &str = "memory";
const VERSION: u32 = 1;
/// How long writing or reading a machine's memory may take.
const TRANSFER: Duration = Duration::from_secs(600);

/// A machine kept whole in a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    version: u32,
    #[serde(skip)]
    dir: PathBuf,
    qemu: Version,
    config: VmConfig,
    disks: Vec<Stamp>,
}

/// How a disk image looked when its machine was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    path: PathBuf,
    length: u64,
    modified: SystemTime,
}

impl Stamp {
    fn of(disk: &Disk) -> Result<Self> {
        let look = || -> std::io::Result<_> {
            let meta = fs::metadata(&disk.path)?;
            Ok((meta.len(), meta.modified()?))
        };
        let (length, modified) = look().map_err(Error::io("looking at", &disk.path))?;
        Ok(Self {
            path: disk.path.clone(),
            length,
            modified,
        })
    }
}

impl Vm {
    /// Saves the whole machine into the folder `dir` and ends it: its disks are from now on part of
    /// what was saved. Go on with [`Saved::fork`].
    ///
    /// # Errors
    /// The machine has an NVMe disk (QEMU can't save those), `dir` has a saved machine already, or
    /// writing fails; then the machine goes on.
    pub fn save(&self, dir: &Path) -> Result<Saved> {
        let dir = std::path::absolute(dir).map_err(Error::io("resolving", dir))?;
        let problem = |problem: String| Error::Saved {
            dir: dir.clone(),
            problem,
        };
        if self
            .config()
            .disks
            .iter()
            .any(|d| d.interface == Interface::Nvme)
        {
            let text = "QEMU can't save a machine with NVMe disks; use virtio, SATA or USB";
            return Err(problem(text.to_owned()));
        }
        if dir.join(DOCUMENT).exists() {
            return Err(problem("there is one already; delete it first".to_owned()));
        }
        fs::create_dir_all(&dir).map_err(Error::io("creating", &dir))?;
        self.pause()?;
        let written = self.write_memory(&dir);
        if written.is_err() && self.is_alive() {
            self.resume()?;
        }
        written?;
        self.power_cut()?;
        let vars = self.dir().join(VARS);
        if vars.exists() {
            fs::copy(&vars, dir.join(VARS)).map_err(Error::io("copying", vars))?;
        }
        let writable = self.config().disks.iter().filter(|d| !d.readonly);
        let saved = Saved {
            version: VERSION,
            qemu: self.record().qemu,
            config: self.config().clone(),
            disks: writable.map(Stamp::of).collect::<Result<_>>()?,
            dir,
        };
        write_json(&saved.dir.join(DOCUMENT), &saved)?;
        Ok(saved)
    }

    fn write_memory(&self, dir: &Path) -> Result<()> {
        // QEMU holds back for a network otherwise; a file takes what it takes. Bytes per second.
        self.execute(
            "migrate-set-parameters",
            json!({"max-bandwidth": 10_u64 << 30}),
        )?;
        self.execute("migrate", migration(Direction::Out, &dir.join(MEMORY)))?;
        wait_for_transfer(self.engine(), "the machine's state to be written")
    }
}

impl Saved {
    /// Opens the saved machine in a folder.
    ///
    /// # Errors
    /// There is none, or it was made by a version of this program that is not understood.
    pub fn open(dir: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(Error::io("resolving", dir))?;
        let saved: Option<Self> = read_json(&dir.join(DOCUMENT))?;
        let problem = match saved {
            Some(saved) if saved.version == VERSION => return Ok(Self { dir, ..saved }),
            Some(saved) => format!("version {} is unknown; save it again", saved.version),
            None => "there is none".to_owned(),
        };
        Err(Error::Saved { dir, problem })
    }

    /// A machine that will go on from here: start it with [`Vm::start`]. Its disks are fresh
    /// overlays in its folder, its host ports are chosen anew.
    ///
    /// Hardware addresses are part of the saved state: forks that run at once belong on different
    /// switches, set in the result's `nics`. So is the guest's clock.
    ///
    /// # Errors
    /// A disk changed since the machine was saved, or an overlay can't be made.
    pub fn fork(&self, name: &str, dir: &Path) -> Result<VmConfig> {
        self.check_disks()?;
        fs::create_dir_all(dir).map_err(Error::io("creating", dir))?;
        let dir = std::path::absolute(dir).map_err(Error::io("resolving", dir))?;
        let mut config = VmConfig {
            name: name.to_owned(),
            restore: Some(self.dir.clone()),
            paused: false,
            ..self.config.clone()
        };
        for (i, disk) in config
            .disks
            .iter_mut()
            .enumerate()
            .filter(|(_, d)| !d.readonly)
        {
            let overlay = dir.join(format!("disk{i}.qcow2"));
            create_overlay(&overlay, &disk.path, disk.format)?;
            disk.path = overlay;
            disk.format = Format::Qcow2;
        }
        for nic in &mut config.nics {
            if let Network::User { forwards, .. } = &mut nic.network {
                forwards.iter_mut().for_each(|f| f.host = 0);
            }
        }
        config.dir = dir;
        Ok(config)
    }

    pub(crate) fn vars(&self) -> PathBuf {
        self.dir.join(VARS)
    }

    /// Checks that this QEMU can go on from here.
    pub(crate) fn check(&self, qemu: Version) -> Result<()> {
        if qemu != self.qemu {
            let saved = self.qemu;
            return Err(self.problem(format!(
                "QEMU {saved} saved it and here is QEMU {qemu}; save it again"
            )));
        }
        self.check_disks()
    }

    fn check_disks(&self) -> Result<()> {
        for (stamp, disk) in self
            .disks
            .iter()
            .zip(self.config.disks.iter().filter(|d| !d.readonly))
        {
            if Stamp::of(disk)? != *stamp {
                let path = stamp.path.display();
                return Err(self.problem(format!(
                    "{path} was changed after saving and no longer fits the memory; save it again"
                )));
            }
        }
        Ok(())
    }

    /// Reads the memory into a machine started for it.
    pub(crate) fn load(&self, engine: &Engine) -> Result<()> {
        engine.execute(
            "migrate-incoming",
            migration(Direction::In, &self.dir.join(MEMORY)),
        )?;
        wait_for_transfer(engine, "the machine's state to be read")
    }

    fn problem(&self, problem: String) -> Error {
        Error::Saved {
            dir: self.dir.clone(),
            problem,
        }
    }
}

fn wait_for_transfer(engine: &Engine, what: &str) -> Result<()> {
    wait_with_logs(what, TRANSFER, Some(&engine.dir), || {
        let answer = engine.execute("query-migrate", json!({}))?;
        match answer["status"].as_str() {
            Some("completed") => Ok(Some(())),
            Some("failed" | "cancelled") => Err(Error::Qmp {
                command: "migrate".to_owned(),
                problem: answer["error-desc"]
                    .as_str()
                    .unwrap_or("it failed")
                    .to_owned(),
            }),
            _ => Ok(None),
        }
    })
}
