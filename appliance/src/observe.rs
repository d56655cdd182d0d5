//! Looks at the machine, once.

use std::fs;
use std::io;
use std::path::Path;

use hive_inventory::follow::FollowReport;
use hive_inventory::node::{BootReport, DiskReport};
use hive_inventory::seed::Seed;

use crate::assess::Observed;
use crate::paths::Paths;
use crate::{docker, follow, mount_table};

/// Looks at everything. What can't be read is part of the answer, never an error. `engine` is the version of
/// Docker Engine that the last look found well.
pub fn observe(paths: &Paths, engine: Option<String>) -> Observed {
    let root = fs::read_to_string("/proc/self/mountinfo")
        .ok()
        .and_then(|text| mount_table::root(&text));
    let root_uuid = root
        .as_ref()
        .map(|root| {
            line(
                &Path::new("/sys/dev/block")
                    .join(&root.device)
                    .join("dm/uuid"),
            )
        })
        .unwrap_or_default();
    Observed {
        host: line(Path::new("/proc/sys/kernel/hostname")),
        boot: boot_report(&paths.boot_report),
        root,
        root_uuid,
        docker: docker::version(&paths.docker, engine).map_err(|e| e.to_string()),
        drbd: Some(line(Path::new("/sys/module/drbd/version"))).filter(|v| !v.is_empty()),
        disks: disk_report(&paths.disk_report),
        follow: follow_report(&paths.follow),
        uptime: uptime(&line(Path::new("/proc/uptime"))),
    }
}

/// Reads what `hive-init` reported.
///
/// # Errors
/// It is not there or does not read; in words.
pub fn boot_report(path: &Path) -> Result<BootReport, String> {
    let text = fs::read_to_string(path).map_err(|e| {
        format!(
            "the boot report {} can't be read ({e}): this system was not started by hive's initrd",
            path.display()
        )
    })?;
    serde_json::from_str(&text)
        .map_err(|e| format!("the boot report {} does not read: {e}", path.display()))
}

/// Reads what became of the disk for mirrored volumes.
fn disk_report(path: &Path) -> Option<Result<DiskReport, String>> {
    let text = fs::read_to_string(path).ok()?;
    let report = serde_json::from_str(&text);
    Some(report.map_err(|e| format!("the report {} does not read: {e}", path.display())))
}

/// Reads what `follow-swarm-service` reports, without what is news every second and for itself only.
fn follow_report(path: &Path) -> Option<FollowReport> {
    let mut report = follow::report::read(path)?;
    report.proved_until = None;
    Some(report)
}

/// Reads the seed in force; `None` when the machine has none.
///
/// # Errors
/// There is one, and it can't be used; in words.
pub fn seed(path: &Path) -> Result<Option<Seed>, String> {
    match fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("the seed {} can't be read: {e}", path.display())),
        Ok(text) => Seed::from_json(&text)
            .map(Some)
            .map_err(|e| format!("the seed {} can't be used: {e}", path.display())),
    }
}

/// The first line of a file; empty when there is none.
fn line(path: &Path) -> String {
    fs::read_to_string(path)
        .ok()
        .and_then(|text| text.lines().next().map(|l| l.trim().to_owned()))
        .unwrap_or_default()
}

/// Seconds since the kernel started, the first word of `/proc/uptime`.
fn uptime(line: &str) -> f64 {
    line.split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_the_uptime() {
        assert_eq!(uptime("41.50 120.03"), 41.5);
        assert_eq!(uptime(""), 0.0);
    }

    #[test]
    fn a_missing_and_a_broken_report_say_which_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boot.json");
        let missing = boot_report(&path).unwrap_err();
        assert!(
            missing.contains("boot.json") && missing.contains("not started by hive"),
            "{missing}"
        );
        fs::write(&path, "{}").unwrap();
        let broken = boot_report(&path).unwrap_err();
        assert!(broken.contains("does not read"), "{broken}");
    }

    #[test]
    fn a_missing_seed_is_none_and_a_broken_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seed.json");
        assert_eq!(seed(&path), Ok(None));
        fs::write(&path, r#"{"version":99}"#).unwrap();
        assert!(seed(&path).unwrap_err().contains("version 99"));
    }

    #[test]
    fn a_disk_report_that_does_not_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disks.json");
        assert!(disk_report(&path).is_none());
        fs::write(&path, "{").unwrap();
        assert!(
            disk_report(&path)
                .unwrap()
                .unwrap_err()
                .contains("disks.json")
        );
    }
}
