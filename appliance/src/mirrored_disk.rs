//! `hived disks`: prepares the disk for mirrored volumes, beside the boot and not in its way.
//!
//! While a person has to decide, it looks again every few seconds, so that plugging in a disk or
//! clearing one is enough; what it waits for stands in the node's status and above the login prompt.

use std::fs;
use std::io;
use std::thread::sleep;
use std::time::Duration;

use hive_disks::{Outcome, prepare, report};
use hive_inventory::node::{BootReport, DiskReport, NODE_VERSION};

use crate::paths::Paths;
use crate::{durable, observe};

/// Pause between looks while a person has to decide.
const PAUSE: Duration = Duration::from_secs(5);

/// Works until the disk is there; returns at once for a host that has none.
///
/// # Errors
/// Seed or boot report can't be used, or the report can't be written.
pub fn run(paths: &Paths) -> Result<(), String> {
    let seed = observe::seed(&paths.seed)?;
    let Some(wanted) = seed.and_then(|seed| seed.disks.mirrored) else {
        return match fs::remove_file(&paths.disk_report) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(format!("removing {}: {e}", paths.disk_report.display()))
            }
            _ => Ok(()),
        };
    };
    let boot: BootReport = observe::boot_report(&paths.boot_report)?;
    let mut told = None;
    tell(paths, &mut told, &begun())?;
    loop {
        let outcome = prepare(&wanted, &boot.disk);
        tell(paths, &mut told, &report(&outcome))?;
        if let Ok(Outcome::Ready { .. }) = outcome {
            return Ok(());
        }
        sleep(PAUSE);
    }
}

/// A host that is to have the disk is not ready before it has.
fn begun() -> DiskReport {
    DiskReport {
        version: NODE_VERSION,
        device: None,
        waiting_for: Some("the disk for mirrored volumes is being prepared".into()),
    }
}

fn tell(paths: &Paths, told: &mut Option<DiskReport>, report: &DiskReport) -> Result<(), String> {
    if told.as_ref() == Some(report) {
        return Ok(());
    }
    match (&report.device, &report.waiting_for) {
        (Some(device), _) => eprintln!("hived: mirrored volumes lie on {device}"),
        (None, Some(cause)) => eprintln!("hived: {cause}"),
        (None, None) => {}
    }
    let text = serde_json::to_vec_pretty(report).map_err(|e| e.to_string())?;
    durable::replace(&paths.disk_report, &text).map_err(|e| e.to_string())?;
    *told = Some(report.clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_such_a_disk_is_done_at_once_and_an_old_report_goes() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::below(dir.path());
        fs::create_dir_all(paths.seed.parent().unwrap()).unwrap();
        let seed = r#"{"version":2,"site":"s","stage":"private","host":"h0.s"}"#;
        fs::write(&paths.seed, seed).unwrap();
        let mut told = None;
        tell(&paths, &mut told, &begun()).unwrap();
        assert!(paths.disk_report.exists());
        run(&paths).unwrap();
        assert!(!paths.disk_report.exists());
        run(&paths).unwrap();
    }

    #[test]
    fn without_a_boot_report_no_disk_is_touched_because_the_running_one_is_unknown() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::below(dir.path());
        fs::create_dir_all(paths.seed.parent().unwrap()).unwrap();
        let seed = r#"{"version":2,"site":"s","stage":"private","host":"h0.s",
            "disks":{"mirrored":{"volume_group":"drbdvg","pool":"drbdpool"}}}"#;
        fs::write(&paths.seed, seed).unwrap();
        let refused = run(&paths).unwrap_err();
        assert!(refused.contains("boot.json"), "{refused}");
    }
}
