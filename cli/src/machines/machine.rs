//! One host of a stage as a virtual machine.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use hive_builder::bake::record::Record;
use hive_qemu::{Accelerator, Disk, Error as VmError, Forward, Nic, Smbios, Switch, Vm, VmConfig};
use hive_site::{Host, Stage};
use serde::{Deserialize, Serialize};

use super::{disk, wiring};
use crate::context_folder::{ContextFolder, write};
use crate::error::Result;
use crate::host_key;
use crate::seeds::Seeder;
use crate::ssh_files::Login;

/// Where sshd listens unless the site moves it.
const SSH_PORT: u16 = 22;
/// Memory in MB where the definition leaves it to the provider.
const MEMORY: u64 = 1536;
/// Disk in GB where the definition leaves it to the provider.
const DISK: u64 = 24;
/// Between two presses of the power button.
const PRESS: Duration = Duration::from_secs(10);
/// The version of [`Made`].
const VERSION: u32 = 1;

/// A host of a stage on this computer.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// The stage's folder.
    pub context: &'a ContextFolder,
    /// The stage.
    pub stage: &'a Stage,
    /// The host.
    pub host: &'a Host,
}

/// What the disk of a machine was made of, beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    version: u32,
    /// Version of the image.
    pub image_version: String,
    /// Where the seed lies on the disk, in bytes.
    seed_offset: u64,
    /// The port of this computer that leads to sshd, as it was last.
    pub ssh_port: u16,
    /// The seed on the disk.
    seed: String,
}

impl Machine<'_> {
    fn folder(&self) -> PathBuf {
        self.context.machine(self.host.short_name())
    }

    fn disk(&self) -> PathBuf {
        self.folder().join("disk.raw")
    }

    fn mirrored(&self) -> PathBuf {
        self.folder().join("mirrored.raw")
    }

    /// The machine if it runs.
    ///
    /// # Errors
    /// It runs, and another program holds its monitor.
    pub fn running(&self) -> Result<Option<Vm>> {
        match Vm::attach(&self.folder()) {
            Ok(vm) => Ok(Some(vm)),
            Err(VmError::NotRunning { .. }) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// What its disk was made of; `None`: it has none.
    pub fn made(&self) -> Option<Made> {
        let text = fs::read(self.folder().join("host.json")).ok()?;
        let made: Made = serde_json::from_slice(&text).ok()?;
        (made.version == VERSION && self.disk().exists()).then_some(made)
    }

    /// Starts it, on the disk that it has or on a new one. `fresh` takes a new one in any case.
    ///
    /// # Errors
    /// The disks can't be made, or QEMU does not start.
    pub fn start(
        &self,
        record: &Record,
        seeder: &Seeder<'_>,
        switch: &Switch,
        how: How,
    ) -> Result<Vm> {
        let seed = seeder.text(self.host)?;
        let folder = self.folder();
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        if how.fresh {
            self.forget()?;
        }
        let mut made = match self.made() {
            Some(made) => made,
            None => Made {
                version: VERSION,
                image_version: record.image.image_version.clone(),
                seed_offset: record.seed_offset,
                ssh_port: 0,
                seed: String::new(),
            },
        };
        if !self.disk().exists() {
            let image = disk::raw_image(&self.context.images(), record)?;
            let size = self.host.disk_gb.unwrap_or(DISK);
            disk::make(
                &image,
                &self.disk(),
                size,
                made.seed_offset,
                seed.as_bytes(),
            )?;
        } else if made.seed != seed {
            disk::reseed(&self.disk(), made.seed_offset, seed.as_bytes())?;
        }
        made.seed = seed;
        if let Some(size) = self.host.mirrored_disk_gb {
            disk::make_empty(&self.mirrored(), size)?;
        }
        let vm = Vm::start(self.config(switch, how.accelerator, made.ssh_port)?)?;
        made.ssh_port = vm
            .forwarded(self.ssh_port())
            .map_or(0, |address| address.port());
        let text =
            serde_json::to_vec_pretty(&made).context("writing down what the disk was made of")?;
        write(&folder.join("host.json"), 0o600, &text)?;
        Ok(vm)
    }

    fn config(&self, switch: &Switch, accelerator: Accelerator, port: u16) -> Result<VmConfig> {
        let name = self.host.short_name();
        let mac = |cable| wiring::mac(self.stage.name, self.host, cable);
        // The port that it had, so that addresses in a person's shell history stay right.
        let port = if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            port
        } else {
            0
        };
        let ssh = Forward {
            host: port,
            ..Forward::tcp(self.ssh_port())
        };
        let megabytes = self.host.memory_mb.unwrap_or(MEMORY);
        let mut config = VmConfig::new(name, self.folder())
            .memory(
                u32::try_from(megabytes)
                    .context("memory_size is beyond what a machine can have")?,
            )
            .disk(Disk::raw(self.disk()).serial("system"))
            .nic(Nic::user(mac(wiring::Cable::Outside), [ssh]))
            .nic(Nic::switch(mac(wiring::Cable::Inside), switch.port(name)?))
            .detached();
        if self.host.mirrored_disk_gb.is_some() {
            config = config.disk(Disk::raw(self.mirrored()).serial("mirrored"));
        }
        config.cpus = u32::try_from(self.host.cpus.unwrap_or(1))
            .context("cpus is beyond what a machine can have")?;
        config.accelerator = accelerator;
        config.smbios = Smbios {
            serial: Some(name.to_owned()),
            ..Smbios::default()
        };
        Ok(config)
    }

    /// The port that sshd listens on: the site's own counts only together with sources.
    fn ssh_port(&self) -> u16 {
        let settings = &self.stage.settings;
        if settings.ssh_source_ips.is_empty() {
            SSH_PORT
        } else {
            settings.sshd_port.unwrap_or(SSH_PORT)
        }
    }

    /// Removes its disks; its key stays.
    fn forget(&self) -> Result<()> {
        for file in ["host.json", "disk.raw", "mirrored.raw", "vars.fd"] {
            let path = self.folder().join(file);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    Err(e).with_context(|| format!("removing {}", path.display()))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// How it is reached; `None`: it was never started.
    ///
    /// # Errors
    /// Its key can't be read.
    pub fn login(&self) -> Result<Option<Login>> {
        let Some(made) = self.made().filter(|m| m.ssh_port != 0) else {
            return Ok(None);
        };
        let key = host_key::of_host(self.context, self.host.short_name(), &self.host.name)?;
        Ok(Some(Login {
            host: self.host.name.clone(),
            short_name: self.host.short_name().to_owned(),
            address: "127.0.0.1".into(),
            port: made.ssh_port,
            host_key: key.public,
        }))
    }

    /// Switches it off: by its power button, and by force after `patience`. Returns whether force was needed;
    /// `None`: it did not run.
    ///
    /// # Errors
    /// It can't be reached or killed.
    pub fn stop(&self, patience: Duration) -> Result<Option<bool>> {
        let Some(vm) = self.running()? else {
            return Ok(None);
        };
        let since = Instant::now();
        while since.elapsed() < patience {
            // Again and again: early in a boot nobody listens to the button.
            if let Err(error) = vm.powerdown() {
                if vm.is_alive() {
                    return Err(error.into());
                }
                return Ok(Some(false));
            }
            if vm.wait_exit(PRESS.min(patience)).is_ok() {
                return Ok(Some(false));
            }
        }
        vm.power_cut()?;
        Ok(Some(true))
    }
}

/// How machines are started.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// With new disks.
    pub fresh: bool,
    /// By what they are executed.
    pub accelerator: Accelerator,
}
