//! Seeds on FAT volumes, read without mounting them.

use std::io::{Read, Seek};
use std::path::Path;

use hive_fat::{FatError, Volume};
use hive_inventory::disk::{NAME_SEED, SEED_FILE, SEED_FILE_SUFFIX};

use super::{Class, Document, Source};
use crate::block_scan::{self, Content, DiskInfo};
use crate::blockdev::{Disk, FileDisk, Window};

/// Largest seed document in bytes; a seed with its certificates has about ten thousand.
const LARGEST: u32 = 1 << 20;
/// Most documents read of one volume: many more than a stage has hosts.
const MOST: usize = 1000;

/// The seed partition of the disk that the machine boots from.
pub(super) fn boot_disk(name: &str, disks: &[DiskInfo]) -> Option<Source> {
    let info = disks.iter().find(|d| d.name == name)?;
    let partition = info.found()?.table.named(NAME_SEED)?;
    let documents = match FileDisk::read_only(&info.path()) {
        Ok(disk) => {
            let window = Window::new(&disk, partition.offset(), partition.bytes());
            seeds_on(window, false)
        }
        Err(why) => vec![unreadable(why.to_string())],
    };
    Some(Source {
        class: Class::BootDisk,
        name: format!("partition {NAME_SEED} of {name}"),
        documents,
    })
}

/// Seeds on all other disks: what the kernel sees as partitions, and disks without a table as a whole.
pub(super) fn other_disks(boot_disk: &str, disks: &[DiskInfo]) -> Vec<Source> {
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
            // What is pulled out while it is looked at is not there.
            let documents = FileDisk::read_only(&Path::new("/dev").join(&device))
                .map(|disk| seeds_on(Window::new(&disk, 0, disk.size()), by_label))
                .unwrap_or_default();
            let name = match info.model.as_str() {
                "" => format!("{NAME_SEED} on {device}"),
                model => format!("{NAME_SEED} on {device} ({model})"),
            };
            out.push(Source {
                class: Class::OtherDisk,
                name,
                documents,
            });
        }
    }
    out
}

fn unreadable(why: String) -> Document {
    Document {
        file: None,
        text: Err(why),
    }
}

/// Whether a file of that name is a seed document.
pub(crate) fn is_seed_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Some systems leave a shadow of each file on a stick, `._NAME`.
    !name.starts_with('.') && (name == SEED_FILE || name.ends_with(SEED_FILE_SUFFIX))
}

/// The seed documents on a volume, by name. With `by_label`, volumes with another label are none of ours.
fn seeds_on<T: Read + Seek>(medium: T, by_label: bool) -> Vec<Document> {
    let mut volume = match Volume::open(medium) {
        Ok(volume) => volume,
        // A partition never formatted holds no seed, whatever its name is.
        Err(FatError::NotFat(_)) => return Vec::new(),
        Err(_) if by_label => return Vec::new(),
        Err(other) => return vec![unreadable(other.to_string())],
    };
    if by_label && !matches!(volume.label(), Ok(Some(label)) if label == NAME_SEED) {
        return Vec::new();
    }
    let entries = match volume.list("") {
        Ok(entries) => entries,
        Err(why) => return vec![unreadable(why.to_string())],
    };
    let mut files: Vec<_> = entries
        .into_iter()
        .filter(|entry| !entry.folder && is_seed_file(&entry.name))
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.truncate(MOST);
    files
        .into_iter()
        .map(|entry| {
            let text = if entry.size > LARGEST {
                Err(format!("it has {} bytes, which no seed has", entry.size))
            } else {
                volume
                    .read_file(&entry.name)
                    .map_err(|e| e.to_string())
                    .and_then(|bytes| {
                        String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
                    })
            };
            Document {
                file: Some(entry.name),
                text,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn stick(label: &str, files: &[(&str, &[u8])]) -> Cursor<Vec<u8>> {
        let mut medium = Cursor::new(vec![0u8; 4 << 20]);
        hive_fat::format(&mut medium, 4 << 20, 1, label).unwrap();
        let mut volume = Volume::open(medium).unwrap();
        for (name, content) in files {
            volume.add_file(name, *content).unwrap();
        }
        volume.finish().unwrap()
    }

    #[test]
    fn a_volume_carries_one_seed_or_many() {
        let stick = stick(
            "HIVE-SEED",
            &[
                ("p-hive1.example.com.seed.json", b"one"),
                ("seed.json", b"chosen"),
                ("P-HIVE0.seed.json", b"zero"),
                ("._seed.json", b"shadow"),
                ("README.txt", b"no"),
                ("broken.seed.json", b"\xff"),
            ],
        );
        let found = seeds_on(stick, true);
        let names: Vec<_> = found.iter().map(|d| d.file.as_deref().unwrap()).collect();
        assert_eq!(
            names,
            [
                "P-HIVE0.seed.json",
                "broken.seed.json",
                "p-hive1.example.com.seed.json",
                "seed.json"
            ]
        );
        assert_eq!(found[3].text.as_deref(), Ok("chosen"));
        assert!(found[1].text.is_err());
    }

    #[test]
    fn volumes_of_others_are_left_alone() {
        let other = stick("PHOTOS", &[("seed.json", b"x")]);
        assert!(seeds_on(other.clone(), true).is_empty());
        assert_eq!(seeds_on(other, false).len(), 1);
        assert!(seeds_on(Cursor::new(vec![0u8; 1 << 20]), true).is_empty());
    }
}
