//! A host of a story, started by `hive run` and entered by `hive ssh`.

use std::fs;
use std::path::Path;

use hive_inventory::node::NodeStatus;
use hive_qemu::{Switch, Vm};

use crate::{Site, said};

/// A host of the private stage.
#[derive(Debug)]
pub struct Host<'a> {
    site: &'a Site,
    name: String,
}

impl<'a> Host<'a> {
    pub(crate) fn new(site: &'a Site, name: &str) -> Self {
        Self {
            site,
            name: name.to_owned(),
        }
    }

    /// Starts it and waits until it is ready.
    pub fn run(&self) {
        let output = self.site.hive(&["run", &self.name]);
        assert!(
            output.status.success(),
            "{}\n{}",
            said(&output),
            self.console()
        );
    }

    /// Starts it without waiting.
    pub fn start(&self) {
        self.site.ok(&["run", "--no-wait", &self.name]);
    }

    /// Starts it with new disks, without waiting.
    pub fn start_fresh(&self) {
        self.site.ok(&["run", "--no-wait", "--fresh", &self.name]);
    }

    /// Switches it off as its power button does.
    pub fn stop(&self) {
        self.site.ok(&["run", "--stop", &self.name]);
    }

    /// Its short name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a shell command on it as root, which has to succeed; returns what it printed.
    pub fn sh(&self, script: &str) -> String {
        self.try_sh(script).unwrap()
    }

    /// Runs a shell command on it as root; returns what it printed, or what went wrong.
    pub fn try_sh(&self, script: &str) -> Result<String, String> {
        let output = self.site.hive(&[
            "ssh",
            "-t",
            &self.name,
            "--",
            "sudo",
            "sh",
            "-c",
            &format!("'{script}'"),
        ]);
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(format!("{script}: {}", said(&output))),
        }
    }

    /// Its status.
    pub fn status(&self) -> NodeStatus {
        serde_json::from_str(&self.sh("hived status --json")).unwrap()
    }

    /// Its machine, if it runs.
    pub fn vm(&self) -> Vm {
        Vm::attach(&self.site.path(".hive/private/run").join(&self.name)).unwrap()
    }

    /// Cuts its power.
    pub fn power_cut(&self) {
        self.vm().power_cut().unwrap();
    }

    /// What its console showed so far.
    pub fn console(&self) -> String {
        let log = self
            .site
            .path(".hive/private/run")
            .join(&self.name)
            .join("serial.log");
        String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
    }
}

/// Ends every machine and the switch below a stage's `run` folder.
pub(crate) fn end_all(run: &Path) {
    let Ok(list) = fs::read_dir(run) else { return };
    for dir in list.filter_map(|e| e.ok().map(|e| e.path())) {
        if let Ok(vm) = Vm::attach(&dir) {
            drop(vm.power_cut());
        }
    }
    if let Ok(switch) = Switch::attach(&run.join("switch")) {
        drop(switch.stop());
    }
}
