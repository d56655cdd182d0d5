//! Seeds on FAT volumes, read without mounting them.

use std::path::Path;

use hive_fat::{FatError, Volume};
use hive_inventory::disk::{NAME_SEED, SEED_FILE};

use super::Document;
use crate::block_scan::{self, Content, DiskInfo};
use crate::blockdev::{Disk, FileDisk, Window};

/// Largest seed document in bytes; a seed has a few hundred.
const LARGEST: u32 = 1 << 20;

/// The seed partition of the disk that the machine boots from.
pub(super) fn boot_disk(name: &str, disks: &[DiskInfo]) -> Option<Document> {
    let info = disks.iter().find(|d| d.name == name)?;
    let partition = info.found()?.table.named(NAME_SEED)?;
    let source = format!("partition {NAME_SEED} of {name}");
    let text = FileDisk::read_only(&info.path())
        .map_err(|e| Some(e.to_string()))
        .and_then(|disk| {
            let window = Window::new(&disk, partition.offset(), partition.bytes());
            seed_on(window, false)
        });
    document(source, text)
}

/// Seeds on all other disks: what the kernel sees as partitions, and disks without a table as a whole.
pub(super) fn other_disks(boot_disk: &str, disks: &[DiskInfo]) -> Vec<Document> {
    let mut out = Vec::new();
    for info in disks.iter().filter(|d| d.name != boot_disk) {
        let mut places = Vec::new();
        for (number, device) in block_scan::kernel_partitions(&info.name).unwrap_or_default() {
            let named = info.found().is_some_and(|found| {
                found
                    .table
                    .partitions
                    .iter()
                    .any(|p| p.number == number && p.name == NAME_SEED)
            });
            places.push((device, !named));
        }
        if matches!(info.content, Content::Other(_)) && places.is_empty() {
            places.push((info.name.clone(), true));
        }
        for (device, by_label) in places {
            let text = FileDisk::read_only(&Path::new("/dev").join(&device))
                .map_err(|_| None)
                .and_then(|disk| {
                    let size = disk.size();
                    seed_on(Window::new(&disk, 0, size), by_label)
                });
            let source = match info.model.as_str() {
                "" => format!("{NAME_SEED} on {device}"),
                model => format!("{NAME_SEED} on {device} ({model})"),
            };
            out.extend(document(source, text));
        }
    }
    out
}

/// `Err(None)`: there is nothing to say about this volume.
fn document(source: String, text: Result<String, Option<String>>) -> Option<Document> {
    let text = match text {
        Ok(text) => Ok(text),
        Err(None) => return None,
        Err(Some(why)) => Err(why),
    };
    Some(Document { source, text })
}

/// The seed document on a volume. With `by_label`, volumes with another label are none of ours.
fn seed_on(window: Window<'_, FileDisk>, by_label: bool) -> Result<String, Option<String>> {
    let mut volume = match Volume::open(window) {
        Ok(volume) => volume,
        // A partition never formatted holds no seed, whatever its name is.
        Err(FatError::NotFat(_)) => return Err(None),
        Err(_) if by_label => return Err(None),
        Err(other) => return Err(Some(other.to_string())),
    };
    if by_label && !matches!(volume.label(), Ok(Some(label)) if label == NAME_SEED) {
        return Err(None);
    }
    let say = |e: FatError| Some(e.to_string());
    let entries = volume.list("").map_err(say)?;
    let Some(entry) = entries
        .iter()
        .find(|e| e.name.eq_ignore_ascii_case(SEED_FILE))
    else {
        return Err(None);
    };
    if entry.size > LARGEST {
        return Err(Some(format!("{SEED_FILE} has {} bytes", entry.size)));
    }
    let bytes = volume.read_file(SEED_FILE).map_err(say)?;
    String::from_utf8(bytes).map_err(|_| Some(format!("{SEED_FILE} is not UTF-8 text")))
}
