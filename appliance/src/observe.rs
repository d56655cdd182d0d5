//! Looks at the machine, once.

use std::fs;
use std::path::Path;

use hive_inventory::disk::BOOT_REPORT;
use hive_inventory::node::BootReport;

use crate::assess::Observed;
use crate::{docker, mount_table};

/// Looks at everything. What can't be read is part of the answer, never an error.
pub fn observe() -> Observed {
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
        boot: boot_report(Path::new(BOOT_REPORT)),
        root,
        root_uuid,
        docker: docker::version(Path::new(docker::SOCKET)).map_err(|e| e.to_string()),
        drbd: Some(line(Path::new("/sys/module/drbd/version"))).filter(|v| !v.is_empty()),
        uptime: uptime(&line(Path::new("/proc/uptime"))),
    }
}

/// Reads what `hive-init` reported.
fn boot_report(path: &Path) -> Result<BootReport, String> {
    let text = fs::read_to_string(path).map_err(|e| {
        format!(
            "the boot report {} can't be read ({e}): this system was not started by hive's initrd",
            path.display()
        )
    })?;
    serde_json::from_str(&text)
        .map_err(|e| format!("the boot report {} does not read: {e}", path.display()))
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
}
