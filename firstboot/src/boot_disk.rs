//! Waiting for the disk with the root, and saying what is missing meanwhile.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::block_scan::{self, DiskInfo};
use crate::console::Console;
use crate::failure::{Explain, Failure};
use crate::guid::Guid;
use crate::modules::Drivers;
use crate::slot::{self, Choice};

/// Set by systemd-boot (Boot Loader Interface): PARTUUID of the ESP it was started from.
const LOADER_VARIABLE: &str =
    "/sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// How long to wait for the disk that the loader came from, once another disk would do.
const LOADER_PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks at the disks.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two words about it.
const WORDS: Duration = Duration::from_secs(5);

/// The disks seen, and which of them is the machine's.
#[derive(Debug)]
pub struct BootDisk {
    /// All disks.
    pub disks: Vec<DiskInfo>,
    /// Index of the one to boot from.
    pub index: usize,
    /// What a person should know about the choice.
    pub notice: Option<String>,
}

impl BootDisk {
    /// The one to boot from.
    pub fn info(&self) -> &DiskInfo {
        &self.disks[self.index]
    }
}

/// Waits up to `patience` for a disk with the partition `root`, loading drivers as devices appear.
pub fn wait(
    root: Guid,
    patience: Duration,
    drivers: &mut Drivers,
    console: &Console,
) -> Result<BootDisk, Failure> {
    let began = Instant::now();
    let mut next_words = WORDS;
    let loader = loader_esp();
    loop {
        // A controller's driver brings devices that want drivers of their own.
        while drivers.load_for_devices(console) {}
        let disks = block_scan::disks().explain(
            "cannot list the disks in /sys/block",
            "the kernel lacks sysfs; bake the image again",
        )?;
        let waited = began.elapsed();
        let cause = match slot::choose(&disks, root, loader) {
            Choice::One(index) => {
                return Ok(BootDisk {
                    disks,
                    index,
                    notice: None,
                });
            }
            Choice::NotTheLoaders(index) if waited >= LOADER_PATIENCE.min(patience) => {
                let notice = format!(
                    "the boot loader says it came from another disk than {}, but no other carries this root",
                    disks[index].name
                );
                return Ok(BootDisk {
                    disks,
                    index,
                    notice: Some(notice),
                });
            }
            Choice::NotTheLoaders(index) => format!(
                "{} carries the root, but the boot loader came from a disk not seen yet",
                disks[index].name
            ),
            // Twins may be told apart as little in a minute as now.
            Choice::Several(_) => {
                return Err(Failure::new(
                    format!(
                        "several disks carry the root partition {root} and nothing says which one to start from; the disks are\n{}",
                        slot::describe(&disks)
                    ),
                    "remove all but one of them (a stick made from the same image counts), then start again",
                ));
            }
            Choice::None => format!("no disk carries the root partition {root} yet"),
        };
        if waited >= patience {
            return Err(Failure::new(
                format!(
                    "no disk carries the root partition {root} after {} s; the disks are\n{}",
                    patience.as_secs(),
                    slot::describe(&disks)
                ),
                "check the disk and its cable, and whether the kernel flavour has a driver for its controller (`kernel: generic`)",
            ));
        }
        if waited >= next_words {
            next_words += WORDS;
            let names: Vec<&str> = disks.iter().map(|d| d.name.as_str()).collect();
            console.say(&format!(
                "{cause}; waiting {} s more; disks so far: {}",
                (patience - waited).as_secs(),
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(" ")
                }
            ));
        }
        sleep(PAUSE);
    }
}

fn loader_esp() -> Option<Guid> {
    parse_variable(&fs::read(LOADER_VARIABLE).ok()?)
}

/// Four bytes of attributes, then UTF-16.
fn parse_variable(bytes: &[u8]) -> Option<Guid> {
    let units: Vec<u16> = bytes
        .get(4..)?
        .chunks_exact(2)
        .map(|u| u16::from_le_bytes([u[0], u[1]]))
        .take_while(|u| *u != 0)
        .collect();
    String::from_utf16(&units).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_variable_reads() {
        let text = "01234567-89ab-cdef-0011-223344556677\0";
        let mut bytes = vec![6, 0, 0, 0];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let guid = parse_variable(&bytes).unwrap();
        assert_eq!(guid.to_string(), "01234567-89AB-CDEF-0011-223344556677");
        assert_eq!(parse_variable(&[1]), None);
    }
}
