//! Where things lie on the node.

use std::path::{Path, PathBuf};

use hive_inventory::disk::{
    BOOT_REPORT, DISK_REPORT, HIVED_SOCKET, MEMBERSHIP_RECORD, RUN_FOLLOW, RUN_SEED, RUN_STATUS,
};

/// All paths of the daemon; tests put them below a folder of their own.
#[derive(Debug, Clone)]
pub struct Paths {
    /// What `hive-init` found.
    pub boot_report: PathBuf,
    /// The seed in force.
    pub seed: PathBuf,
    /// The node's status.
    pub status: PathBuf,
    /// What became of the disk for mirrored volumes.
    pub disk_report: PathBuf,
    /// What `follow-swarm-service` reports.
    pub follow: PathBuf,
    /// The socket for a person's decisions.
    pub socket: PathBuf,
    /// What the membership protocol must never forget.
    pub record: PathBuf,
    /// Mirrored volumes: what is remembered of them until the next boot.
    pub volumes_now: PathBuf,
    /// Mirrored volumes: the records that were read last.
    pub volumes_kept: PathBuf,
    /// Mirrored volumes: where their file systems are mounted.
    pub volumes_mounted: PathBuf,
    /// Where docker looks for its volume driver `drbd`.
    pub volume_driver: PathBuf,
    /// DRBD's configuration, a file for each volume.
    pub resources: PathBuf,
    /// Docker's socket. `docker.socket` holds it before the engine is up: a question then waits.
    pub docker: PathBuf,
    /// getty prints what lies here below `/etc/issue` (agetty(8)).
    pub issue: PathBuf,
    /// getty prints again when the time of this file changes: what `agetty --reload` does.
    pub reload: PathBuf,
}

impl Paths {
    /// Below `root`, which is `/` on a node.
    pub fn below(root: &Path) -> Self {
        let at = |path: &str| root.join(path.trim_start_matches('/'));
        Self {
            boot_report: at(BOOT_REPORT),
            seed: at(RUN_SEED),
            status: at(RUN_STATUS),
            disk_report: at(DISK_REPORT),
            follow: at(RUN_FOLLOW),
            socket: at(HIVED_SOCKET),
            record: at(MEMBERSHIP_RECORD),
            volumes_now: at("/run/hive/volumes"),
            volumes_kept: at("/var/lib/hive/volumes.json"),
            volumes_mounted: at("/var/lib/hive/volumes"),
            volume_driver: at("/run/docker/plugins/drbd.sock"),
            resources: at("/etc/drbd.d"),
            docker: at("/run/docker.sock"),
            issue: at("/etc/issue.d/50-hive.issue"),
            reload: at("/run/agetty.reload"),
        }
    }
}
