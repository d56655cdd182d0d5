//! Who this machine is: finding its seed, and telling the real root about it.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use hive_inventory::disk::{BOOT_REPORT, RUN_SEED};
use hive_inventory::image::BakedImage;
use hive_inventory::node::{BootReport, NODE_VERSION};

use crate::block_scan;
use crate::boot_disk::BootDisk;
use crate::console::Console;
use crate::etc_layer::{self, EtcFile};
use crate::failure::{Explain, Failure};
use crate::modules::Drivers;
use crate::seed_source::{self, Chosen};
use crate::state;

/// How long to wait for a stick when no seed was found elsewhere, in seconds.
const STICK_PATIENCE: u32 = 10;

/// Looks for the seed everywhere; where there is USB, waits a little for a stick to appear.
pub fn find_seed(
    cmdline: &str,
    boot_disk: BootDisk,
    image: &BakedImage,
    drivers: &mut Drivers,
    notices: &mut Vec<String>,
    console: &Console,
) -> Result<Option<Chosen>, Failure> {
    let name = boot_disk.info().name.clone();
    let mut disks = boot_disk.disks;
    for second in 0..=STICK_PATIENCE {
        let documents = seed_source::search(cmdline, &name, &disks);
        let (chosen, told) = seed_source::choose(&documents, image)?;
        if let Some(chosen) = chosen {
            console.say(&format!(
                "this machine is {}, by the seed from {}",
                chosen.seed.host, chosen.source
            ));
            notices.extend(told);
            return Ok(Some(chosen));
        }
        let usb = fs::read_dir("/sys/bus/usb/devices").is_ok_and(|mut d| d.next().is_some());
        if !usb || second == STICK_PATIENCE {
            break;
        }
        if second == 0 {
            console.say(&format!(
                "no seed found yet; waiting up to {STICK_PATIENCE} s for a stick"
            ));
        }
        sleep(Duration::from_secs(1));
        drivers.load_for_devices(console);
        disks = block_scan::disks().unwrap_or(disks);
    }
    notices.push(format!(
        "no seed was found: this machine starts as {} without an identity; plug in a stick with the label HIVE-SEED and start it again",
        etc_layer::UNSEEDED
    ));
    Ok(None)
}

/// Adds to the seed's files what the machine keeps for itself.
pub fn with_identity(mut files: Vec<EtcFile>, machine_id: &str, key: Option<&str>) -> Vec<EtcFile> {
    files.push(EtcFile {
        path: "machine-id".into(),
        mode: 0o444,
        content: format!("{machine_id}\n").into_bytes(),
    });
    files.extend(
        key.and_then(|key| etc_layer::host_key(key, "hive"))
            .into_iter()
            .flatten(),
    );
    files
}

/// Leaves the boot report and the seed for the real root.
pub fn report(
    image: BakedImage,
    disk: &str,
    slot: String,
    seed: Option<Chosen>,
    first_boot: bool,
    notices: Vec<String>,
) -> Result<(), Failure> {
    let next = "give the machine more memory";
    let (seed_source, seed) = match seed {
        Some(chosen) => (Some(chosen.source), Some(chosen.seed)),
        None => (None, None),
    };
    let report = BootReport {
        version: NODE_VERSION,
        image,
        disk: format!("/dev/{disk}"),
        slot,
        seed_source,
        seed_fault: None,
        first_boot,
        notices,
    };
    let text = serde_json::to_vec(&report).explain("cannot write the boot report", next)?;
    state::write_lasting(Path::new(BOOT_REPORT), 0o644, &text)
        .explain(format!("cannot write {BOOT_REPORT}"), next)?;
    if let Some(seed) = seed {
        let text = serde_json::to_vec(&seed).explain("cannot write the seed", next)?;
        state::write_lasting(Path::new(RUN_SEED), 0o600, &text)
            .explain(format!("cannot write {RUN_SEED}"), next)?;
    }
    Ok(())
}
