//! Makes a node's status of what was seen. No I/O: everything that decides is in [`Observed`].

use hive_inventory::follow::FollowReport;
use hive_inventory::node::{BootReport, DiskReport, NODE_VERSION, NodeStatus, SwarmRole};

use crate::member::View;
use crate::mount_table::RootMount;

/// What dm-verity devices are called by everybody who makes one; the root's hash follows.
const VERITY_UUID: &str = "CRYPT-VERITY-";
/// Hex digits of the root hash that the device's name carries.
const UUID_HASH_DIGITS: usize = 32;

/// Everything that was looked at in one round.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The host's name, as the kernel has it.
    pub host: String,
    /// How the machine booted, or why that is not known.
    pub boot: Result<BootReport, String>,
    /// How the root is mounted.
    pub root: Option<RootMount>,
    /// Unique name of the root's device in device-mapper; empty when it is another kind of device.
    pub root_uuid: String,
    /// Docker Engine's version, or why it does not tell.
    pub docker: Result<String, String>,
    /// Version of the loaded DRBD module.
    pub drbd: Option<String>,
    /// What became of the disk for mirrored volumes; `None`: nobody reported yet, or there is nothing to do.
    pub disks: Option<Result<DiskReport, String>>,
    /// What `follow-swarm-service` reports; `None`: nothing yet.
    pub follow: Option<FollowReport>,
    /// Seconds since the kernel started.
    pub uptime: f64,
}

/// A round's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// What is told to the world.
    pub status: NodeStatus,
    /// Whether the image does its part: the boot loader may keep starting it. A machine that waits
    /// for its seed, its peers or a disk is not ready, and that is not the image's fault.
    pub good_boot: bool,
}

/// Judges a round. `ready_since` is the uptime at which the node was ready for the first time.
pub fn assess(seen: &Observed, view: &View, ready_since: Option<f64>) -> Assessment {
    let mut waiting = Vec::new();
    let mut boot = None;
    match &seen.boot {
        Ok(report) if report.version == NODE_VERSION => boot = Some(report.clone()),
        Ok(report) => waiting.push(format!(
            "the boot report has version {}, this hived reads version {NODE_VERSION}: initrd and root come from different bakes",
            report.version
        )),
        Err(cause) => waiting.push(cause.clone()),
    }
    let expected_hash = boot.as_ref().map(|b| b.image.root_hash.as_str());
    let root_verified = match root_fault(seen, expected_hash) {
        None => true,
        Some(fault) => {
            waiting.push(fault);
            false
        }
    };
    if let Err(cause) = &seen.docker {
        waiting.push(cause.clone());
    }
    if let Some(fault) = boot.as_ref().and_then(|b| drbd_fault(&b.image.drbd, seen)) {
        waiting.push(fault);
    }
    let good_boot = waiting.is_empty();
    waiting.extend(boot.as_ref().and_then(seed_fault));
    waiting.extend(seen.disks.as_ref().and_then(disk_fault));
    waiting.extend(view.waiting_for.iter().cloned());
    if let Some(role) = view.swarm.as_ref().map(|swarm| swarm.role)
        && !matches!(role, SwarmRole::Worker | SwarmRole::Manager)
        && view.waiting_for.is_empty()
    {
        waiting.push("this host is not in the site's swarm yet".into());
    }
    let ready = waiting.is_empty();
    Assessment {
        status: NodeStatus {
            version: NODE_VERSION,
            host: seen.host.clone(),
            ready,
            waiting_for: waiting,
            boot,
            root_verified,
            docker: seen.docker.as_ref().ok().cloned(),
            drbd: seen.drbd.clone(),
            ready_after_seconds: ready_since.or(ready.then_some(seen.uptime)),
            swarm: view.swarm.clone(),
            peers: view.peers.clone(),
            notices: view.notices.clone(),
            follow: seen.follow.clone(),
            volumes: None,
        },
        good_boot,
    }
}

/// Why the root is not the sealed one.
fn root_fault(seen: &Observed, expected_hash: Option<&str>) -> Option<String> {
    let Some(root) = &seen.root else {
        return Some("the kernel's mount table names no root file system".into());
    };
    if root.file_system != "erofs" || !root.read_only {
        let mode = if root.read_only {
            "read-only"
        } else {
            "writable"
        };
        return Some(format!(
            "the root file system is {} and {mode}, a hive image has erofs, read-only",
            root.file_system
        ));
    }
    let Some(rest) = seen.root_uuid.strip_prefix(VERITY_UUID) else {
        return Some(format!(
            "the root device {} is not checked by dm-verity",
            root.device
        ));
    };
    let expected = expected_hash.and_then(|hash| hash.get(..UUID_HASH_DIGITS))?;
    (!rest.starts_with(expected)).then(|| {
        format!(
            "the root device is sealed with another hash than the initrd's, {expected}…: {rest}"
        )
    })
}

/// Why the machine is no host of the site.
fn seed_fault(boot: &BootReport) -> Option<String> {
    if boot.seed_source.is_some() {
        return boot.seed_fault.clone();
    }
    let missing = "no seed was found, so this machine is no host yet; give it one on a stick or a partition labelled HIVE-SEED and start it again";
    Some(boot.seed_fault.clone().unwrap_or_else(|| missing.into()))
}

/// Why there is no disk for mirrored volumes though the seed wants one.
fn disk_fault(report: &Result<DiskReport, String>) -> Option<String> {
    match report {
        Ok(report) if report.version == NODE_VERSION => report.waiting_for.clone(),
        Ok(report) => Some(format!(
            "the report of the disk for mirrored volumes has version {}, this hived reads version {NODE_VERSION}",
            report.version
        )),
        Err(cause) => Some(cause.clone()),
    }
}

/// Why mirrored volumes would not work as baked. An image without DRBD expects nothing.
fn drbd_fault(baked: &str, seen: &Observed) -> Option<String> {
    match seen.drbd.as_deref() {
        _ if baked.is_empty() => None,
        Some(loaded) if loaded == baked => None,
        Some(loaded) => Some(format!(
            "DRBD {loaded} is loaded, the image was baked with {baked}"
        )),
        None => Some(format!(
            "the DRBD module {baked} is not loaded; `modprobe drbd` tells why"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_inventory::image::{BAKED_IMAGE_VERSION, BakedImage};

    const HASH: &str = "0123456789abcdef0123456789abcdeffedcba9876543210fedcba9876543210";

    fn well() -> Observed {
        Observed {
            host: "p-hive0".into(),
            boot: Ok(BootReport {
                version: NODE_VERSION,
                image: BakedImage {
                    version: BAKED_IMAGE_VERSION,
                    site: "example.com".into(),
                    stage: "private".into(),
                    image_version: "trixie-01234567".into(),
                    kernel: "6.12.1-cloud-amd64".into(),
                    root_hash: HASH.into(),
                    drbd: "8.4.11".into(),
                },
                disk: "/dev/vda".into(),
                slot: "root-a".into(),
                seed_source: Some("partition HIVE-SEED".into()),
                seed_fault: None,
                first_boot: false,
                notices: Vec::new(),
            }),
            root: Some(RootMount {
                device: "254:0".into(),
                file_system: "erofs".into(),
                read_only: true,
            }),
            root_uuid: format!("CRYPT-VERITY-{}-hive-root", &HASH[..32]),
            docker: Ok("26.1.5".into()),
            drbd: Some("8.4.11".into()),
            disks: None,
            follow: None,
            uptime: 41.5,
        }
    }

    fn outside() -> View {
        View::default()
    }

    fn waits(seen: &Observed) -> String {
        let found = assess(seen, &outside(), None);
        assert!(!found.status.ready && found.status.ready_after_seconds.is_none());
        found.status.waiting_for.join("\n")
    }

    #[test]
    fn a_healthy_node_is_ready_and_remembers_since_when() {
        let now = assess(&well(), &outside(), None);
        assert!(now.good_boot && now.status.ready && now.status.root_verified);
        assert_eq!(now.status.waiting_for, Vec::<String>::new());
        assert_eq!(now.status.ready_after_seconds, Some(41.5));
        assert_eq!(
            assess(&well(), &outside(), Some(12.0))
                .status
                .ready_after_seconds,
            Some(12.0)
        );
    }

    #[test]
    fn once_ready_the_first_moment_stays_though_docker_fell() {
        let mut seen = well();
        seen.docker = Err("Docker does not answer".into());
        let later = assess(&seen, &outside(), Some(12.0));
        assert!(!later.status.ready && !later.good_boot);
        assert_eq!(later.status.ready_after_seconds, Some(12.0));
        assert_eq!(later.status.docker, None);
    }

    #[test]
    fn a_machine_without_a_seed_waits_but_its_boot_was_good() {
        let mut seen = well();
        if let Ok(report) = &mut seen.boot {
            report.seed_source = None;
        }
        let found = assess(&seen, &outside(), None);
        assert!(found.good_boot && !found.status.ready);
        assert!(found.status.waiting_for[0].contains("HIVE-SEED"));
    }

    #[test]
    fn a_root_that_nobody_checks_is_told() {
        let mut seen = well();
        seen.root_uuid = "LVM-abc".into();
        assert!(waits(&seen).contains("not checked by dm-verity"));
        seen = well();
        seen.root_uuid = format!("CRYPT-VERITY-{}-hive-root", "f".repeat(32));
        assert!(waits(&seen).contains("another hash"));
        seen = well();
        if let Some(root) = &mut seen.root {
            root.read_only = false;
        }
        assert!(waits(&seen).contains("erofs and writable"));
        seen.root = None;
        assert!(waits(&seen).contains("no root"));
    }

    #[test]
    fn another_drbd_than_baked_is_told() {
        let mut seen = well();
        seen.drbd = Some("9.2.19".into());
        assert!(waits(&seen).contains("9.2.19 is loaded"));
        seen.drbd = None;
        assert!(waits(&seen).contains("not loaded"));
    }

    #[test]
    fn a_boot_report_of_another_release_is_not_believed() {
        let mut seen = well();
        if let Ok(report) = &mut seen.boot {
            report.version = 7;
        }
        assert!(waits(&seen).contains("version 7"));
        assert_eq!(assess(&seen, &outside(), None).status.boot, None);
    }

    fn in_swarm(role: SwarmRole, waiting_for: &[&str]) -> View {
        View {
            swarm: Some(hive_inventory::node::SwarmStatus {
                role,
                node: None,
                known: None,
                quorum: None,
                managers: None,
                managers_reachable: None,
            }),
            waiting_for: waiting_for
                .iter()
                .map(|&reason| reason.to_owned())
                .collect(),
            ..View::default()
        }
    }

    #[test]
    fn a_hive_is_ready_in_the_swarm_only_but_its_boot_is_good_before() {
        for role in [SwarmRole::Worker, SwarmRole::Manager] {
            assert!(assess(&well(), &in_swarm(role, &[]), None).status.ready);
        }
        for role in [SwarmRole::Blank, SwarmRole::Joining, SwarmRole::Removed] {
            let found = assess(&well(), &in_swarm(role, &[]), None);
            assert!(found.good_boot && !found.status.ready);
            assert!(found.status.waiting_for[0].contains("not in the site's swarm"));
        }
        let lost = in_swarm(SwarmRole::Lost, &["the majority is gone"]);
        let found = assess(&well(), &lost, None);
        assert!(found.good_boot && !found.status.ready);
        assert_eq!(found.status.waiting_for, ["the majority is gone"]);
        assert_eq!(found.status.swarm, lost.swarm);
    }

    #[test]
    fn a_fault_of_the_seed_and_a_doubt_about_a_disk_are_told_in_their_own_words() {
        let mut seen = well();
        if let Ok(report) = &mut seen.boot {
            report.seed_source = None;
            report.seed_fault = Some("the seed is for another machine".into());
        }
        let report = DiskReport {
            version: NODE_VERSION,
            device: None,
            waiting_for: Some("two disks are equal".into()),
        };
        seen.disks = Some(Ok(report));
        let found = assess(&seen, &outside(), None);
        assert!(found.good_boot);
        assert_eq!(
            found.status.waiting_for,
            ["the seed is for another machine", "two disks are equal"]
        );
    }
}
