//! The loop: look, judge, write down, and once call the boot good.

use std::fs;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use hive_inventory::disk::RUN_STATUS;
use hive_inventory::node::NodeStatus;

use crate::assess::{Assessment, assess};
use crate::{console, esp, notify, observe};

/// Pause between rounds until the node was ready once: somebody waits for it.
const PAUSE_STARTING: Duration = Duration::from_secs(1);
/// Pause between rounds from then on.
const PAUSE: Duration = Duration::from_secs(5);
/// Pause before another try to call the boot good.
const PAUSE_BLESSING: Duration = Duration::from_secs(60);

/// What the daemon remembers between rounds; all of it is found again after a restart.
#[derive(Default)]
struct Memory {
    ready_since: Option<f64>,
    blessed: bool,
    blessing_fault: Option<(Instant, String)>,
    told: Option<NodeStatus>,
}

/// Runs until the process is ended.
///
/// # Errors
/// systemd's socket can't be reached, or the status can't be written: nobody would see the daemon work.
pub fn run() -> io::Result<()> {
    let path = Path::new(RUN_STATUS);
    let mut memory = Memory {
        // The file lies in memory and is therefore of this boot.
        ready_since: read(path).ok().and_then(|s| s.ready_after_seconds),
        ..Memory::default()
    };
    let mut first = true;
    loop {
        let status = round(&mut memory);
        if memory.told.as_ref() != Some(&status) {
            write(path, &status)?;
            if let Err(e) = console::show(&status) {
                eprintln!("hived: showing the state at the console: {e}");
            }
            memory.told = Some(status);
        }
        if std::mem::take(&mut first) {
            notify::ready()?;
        }
        sleep(match memory.ready_since {
            Some(_) => PAUSE,
            None => PAUSE_STARTING,
        });
    }
}

fn round(memory: &mut Memory) -> NodeStatus {
    let Assessment {
        mut status,
        good_boot,
    } = assess(&observe::observe(), memory.ready_since);
    memory.ready_since = status.ready_after_seconds;
    let due = memory
        .blessing_fault
        .as_ref()
        .is_none_or(|(at, _)| at.elapsed() >= PAUSE_BLESSING);
    if let Some(boot) = &mut status.boot {
        if good_boot && !memory.blessed && due {
            match esp::bless_boot(boot) {
                Ok(_) => {
                    memory.blessed = true;
                    memory.blessing_fault = None;
                }
                Err(e) => memory.blessing_fault = Some((Instant::now(), e.to_string())),
            }
        }
        if let Some((_, fault)) = &memory.blessing_fault {
            boot.notices.push(format!(
                "this boot works but could not be marked good, and the boot loader gives up on it after its last try: {fault}"
            ));
        }
    }
    status
}

/// Reads a status that was written before.
///
/// # Errors
/// There is none, or it does not read.
pub fn read(path: &Path) -> io::Result<NodeStatus> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Writes the status so that a reader sees the old one or the new one, never half of one.
fn write(path: &Path, status: &NodeStatus) -> io::Result<()> {
    let doing = |e: io::Error| io::Error::new(e.kind(), format!("writing {}: {e}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(doing)?;
    }
    let aside = path.with_extension("new");
    fs::write(&aside, serde_json::to_vec_pretty(status)?).map_err(doing)?;
    fs::rename(&aside, path).map_err(doing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_inventory::node::NODE_VERSION;

    #[test]
    fn what_is_written_reads_back_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hive/status.json");
        let status = NodeStatus {
            version: NODE_VERSION,
            host: "p-hive0".into(),
            ready: true,
            waiting_for: Vec::new(),
            boot: None,
            root_verified: true,
            docker: Some("26.1.5".into()),
            drbd: None,
            ready_after_seconds: Some(40.0),
            swarm: None,
            peers: Vec::new(),
            notices: Vec::new(),
        };
        write(&path, &status).unwrap();
        write(&path, &status).unwrap();
        assert_eq!(read(&path).unwrap(), status);
        let names = fs::read_dir(dir.path().join("hive")).unwrap().count();
        assert_eq!(names, 1);
    }

    #[test]
    fn a_half_written_status_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("status.json");
        fs::write(&path, "{\"version\":1,").unwrap();
        assert!(read(&path).is_err());
    }
}
