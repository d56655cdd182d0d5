//! ssh to a machine that a story started itself, as the stage's admin user.

use std::path::PathBuf;
use std::process::Command;

use hive_inventory::node::NodeStatus;

use crate::Site;

/// A port of this computer that leads to a machine's sshd.
#[derive(Debug)]
pub struct Login {
    key: PathBuf,
    port: u16,
}

impl Login {
    /// With the admin key of the private stage. Whose host key answers is not looked at.
    pub fn admin(site: &Site, port: u16) -> Self {
        let key = site.path(".hive/private/id_ed25519");
        Self { key, port }
    }

    /// Runs a shell command as root; `None` if it fails or nobody answers.
    pub fn sh(&self, script: &str) -> Option<String> {
        let options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "ConnectTimeout=20",
            "LogLevel=ERROR",
        ];
        let output = Command::new("ssh")
            .args(options.iter().flat_map(|option| ["-o", option]))
            .arg("-i")
            .arg(&self.key)
            .args(["-p", &self.port.to_string(), "admin@127.0.0.1"])
            .args(["sudo", script])
            .output()
            .unwrap();
        let text = || String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then(text)
    }

    /// The machine's status, if it tells.
    pub fn status(&self) -> Option<NodeStatus> {
        serde_json::from_str(&self.sh("hived status --json")?).ok()
    }
}
