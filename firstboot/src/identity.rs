//! Who this machine is: finding its seed, and keeping it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hive_inventory::disk::{ETC_SEED_KEY, INITRD_SITE_ETC};
use hive_inventory::image::BakedImage;
use hive_inventory::seed::{Seed, VerifyingKey};

use crate::block_scan::{self, DiskInfo};
use crate::blockdev::Disk;
use crate::boot_disk::BootDisk;
use crate::cmdline::{self, ARG_HOST, ARG_SEED_WAIT, CHOICE_SECONDS, FAULT_SECONDS};
use crate::console::Console;
use crate::etc_layer::{self, SiteLayer, UNSEEDED};
use crate::gpt::Table;
use crate::hardware;
use crate::keyboard::Keyboards;
use crate::modules::Drivers;
use crate::seed_choice::{Chosen, KeyFault, Reader};
use crate::seed_copy::{self, Kept};
use crate::seed_source;
use crate::seed_wait::{self, Look, Outcome, Patience, Surroundings};

/// How long to wait for a stick when no seed was found elsewhere, in seconds.
const STICK_PATIENCE: u64 = 10;

/// Who this machine is.
#[derive(Debug, Default)]
pub struct Identity {
    /// The seed in force; `None`: it has no identity.
    pub chosen: Option<Box<Chosen>>,
    /// Whether a person chose it at the console.
    pub by_person: bool,
    /// Why there is none although seeds were found.
    pub fault: Option<String>,
    /// What a person should know, a sentence each.
    pub notices: Vec<String>,
}

impl Identity {
    /// The seed in force.
    pub fn seed(&self) -> Option<&Seed> {
        self.chosen.as_ref().map(|chosen| &chosen.seed)
    }
}

/// Looks for the seed everywhere, and waits for a stick or a person where there is something to wait for.
pub fn find_seed(
    cmdline: &str,
    boot_disk: BootDisk,
    image: &BakedImage,
    site: &SiteLayer,
    drivers: &mut Drivers,
    console: &Console,
) -> Identity {
    let key = seed_key(Path::new(INITRD_SITE_ETC));
    let usable = |seed: &Seed| {
        etc_layer::render(Some(seed), site)
            .map(drop)
            .map_err(|e| e.to_string())
    };
    let reader = Reader {
        key: &key,
        image,
        usable: &usable,
    };
    let mut around = Machinery {
        began: Instant::now(),
        cmdline,
        boot_disk: boot_disk.info().name.clone(),
        disks: Some(boot_disk.disks),
        drivers,
        keyboards: None,
        console,
    };
    let named = cmdline::value(cmdline, ARG_HOST).filter(|name| !name.is_empty());
    match seed_wait::wait(&mut around, &reader, named, patience(cmdline)) {
        Outcome::Seed(chosen, by_person) => {
            console.say(&format!(
                "this machine is {}, by the seed from {}",
                chosen.seed.host, chosen.place
            ));
            Identity {
                by_person,
                fault: None,
                notices: chosen.notices.clone(),
                chosen: Some(chosen),
            }
        }
        Outcome::Missing => Identity {
            notices: vec![format!(
                "no seed was found: this machine starts as {UNSEEDED} without an identity; plug in a stick with the label HIVE-SEED and start it again"
            )],
            ..Identity::default()
        },
        Outcome::Fault(fault) => {
            console.warn(&format!(
                "this machine starts as {UNSEEDED}, without an identity; it joins nothing"
            ));
            Identity {
                fault: Some(fault.sentence()),
                ..Identity::default()
            }
        }
    }
}

fn patience(cmdline: &str) -> Patience {
    let limit = |default: u64| match cmdline::seconds(cmdline, ARG_SEED_WAIT, default) {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    };
    Patience {
        stick: Duration::from_secs(STICK_PATIENCE),
        fault: limit(FAULT_SECONDS),
        choice: limit(CHOICE_SECONDS),
    }
}

/// The public half of the site's seed key, from the site layer at `etc`.
fn seed_key(etc: &Path) -> Result<VerifyingKey, KeyFault> {
    let text = fs::read_to_string(etc.join(ETC_SEED_KEY)).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => KeyFault::Absent,
        _ => KeyFault::Damaged(e.to_string()),
    })?;
    VerifyingKey::from_text(&text).map_err(|e| KeyFault::Damaged(e.to_string()))
}

/// The machine itself.
struct Machinery<'a> {
    began: Instant,
    cmdline: &'a str,
    boot_disk: String,
    /// The disks as the search for the root saw them, for the first look.
    disks: Option<Vec<DiskInfo>>,
    drivers: &'a mut Drivers,
    /// Opened when somebody may type.
    keyboards: Option<Keyboards>,
    console: &'a Console,
}

impl Surroundings for Machinery<'_> {
    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn look(&mut self) -> Look {
        // A bus's driver brings devices that want drivers of their own.
        while self.drivers.load_for_devices(self.console) {}
        let disks = self.disks.take().or_else(|| block_scan::disks().ok());
        Look {
            sources: seed_source::search(self.cmdline, &self.boot_disk, &disks.unwrap_or_default()),
            machine: hardware::machine(Path::new("/sys")),
            sticks: fs::read_dir("/sys/bus/usb/devices").is_ok_and(|mut d| d.next().is_some()),
        }
    }

    fn pause(&mut self, at_most: Duration) -> Vec<String> {
        self.keyboards
            .get_or_insert_with(Keyboards::open)
            .lines(at_most)
    }

    fn say(&mut self, text: &str) {
        self.console.say(text);
    }

    fn warn(&mut self, text: &str) {
        self.console.warn(text);
    }
}

/// Keeps the seed on the machine's own disk where that spares the next start a stick or a question.
pub fn keep_seed(
    disk: &dyn Disk,
    name: &str,
    table: &Table,
    identity: &mut Identity,
    console: &Console,
) {
    let Some(chosen) = &identity.chosen else {
        return;
    };
    if !seed_copy::is_wanted(chosen, identity.by_person) {
        return;
    }
    match seed_copy::keep(disk, table, chosen) {
        Ok(Kept::Written) => console.warn(&format!(
            "the seed of {} from {} was copied to the seed partition of {name}; the next start needs no stick and no choice",
            chosen.seed.host, chosen.place
        )),
        Ok(Kept::Occupied | Kept::NoPlace) => {}
        // Nothing is lost: the next start asks again.
        Err(why) => identity.notices.push(format!(
            "the seed from {} could not be copied to the seed partition of {name} ({why}); leave the stick plugged in, or write the seed there with `hive seed`",
            chosen.place
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_inventory::seed::SigningKey;

    #[test]
    fn the_sites_key_is_absent_damaged_or_read() {
        let etc = tempfile::tempdir().unwrap();
        assert_eq!(seed_key(etc.path()), Err(KeyFault::Absent));
        let file = etc.path().join(ETC_SEED_KEY);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "AAAA\n").unwrap();
        assert!(matches!(seed_key(etc.path()), Err(KeyFault::Damaged(_))));
        let key = SigningKey::generate().unwrap().0.verifying_key();
        fs::write(&file, format!("{}\n", key.to_text())).unwrap();
        assert_eq!(seed_key(etc.path()), Ok(key));
    }

    #[test]
    fn patience_can_be_endless() {
        let of = patience("hive.seedwait=0");
        assert_eq!((of.fault, of.choice), (None, None));
        let of = patience("quiet");
        assert!(of.fault < of.choice && of.fault.is_some());
    }
}
