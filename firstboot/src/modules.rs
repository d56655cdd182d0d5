//! Loading kernel modules.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;

use hive_inventory::disk::INITRD_MODULES;

use crate::console::Console;
use crate::failure::{Explain, Failure};
use crate::modalias::{self, Alias};

/// The kernel unpacks the module itself (include/uapi/linux/module.h).
const COMPRESSED: i32 = 4;

/// A line of [`INITRD_MODULES`].
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Path of the module in the initrd.
    pub path: &'a str,
    /// Whether the boot goes on without it.
    pub optional: bool,
}

/// Reads the list; empty lines and comments (`#`) are left out.
pub fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| match line.strip_prefix('-') {
            Some(path) => Line {
                path: path.trim_start(),
                optional: true,
            },
            None => Line {
                path: line,
                optional: false,
            },
        })
}

/// What was loaded already, and the patterns by which further drivers are found.
#[derive(Debug, Default)]
pub struct Drivers {
    tried: BTreeSet<String>,
    aliases: Vec<Alias>,
}

impl Drivers {
    /// Loads the modules that the image lists, in its order.
    pub fn load_listed(console: &Console) -> Result<Self, Failure> {
        let mut drivers = Self::default();
        let text = match fs::read_to_string(INITRD_MODULES) {
            Ok(text) => text,
            // A kernel may have everything built in.
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e).explain(format!("cannot read {INITRD_MODULES}"), REBAKE),
        };
        for line in lines(&text) {
            drivers.tried.insert(line.path.to_owned());
            match (load(line.path), line.optional) {
                (Ok(()), _) => {}
                (Err(why), true) => {
                    console.say(&format!("optional module {} not loaded: {why}", line.path));
                }
                (Err(why), false) => {
                    return Err(why)
                        .explain(format!("cannot load the module {}", line.path), REBAKE);
                }
            }
        }
        if let Ok(text) = fs::read_to_string(modalias::INITRD_ALIASES) {
            drivers.aliases = modalias::parse(&text);
        }
        Ok(drivers)
    }

    /// Loads the drivers of the devices that are there by now; returns whether there were new ones.
    pub fn load_for_devices(&mut self, console: &Console) -> bool {
        if self.aliases.is_empty() {
            return false;
        }
        let devices = modalias::devices();
        let mut new = false;
        for path in modalias::wanted(&self.aliases, &devices) {
            if !self.tried.insert(path.to_owned()) {
                continue;
            }
            new = true;
            if let Err(why) = load(path) {
                console.warn(&format!("the driver {path} did not load: {why}"));
            }
        }
        new
    }
}

const REBAKE: &str = "the image is not complete; bake it again and flash it";

fn load(path: &str) -> io::Result<()> {
    let file = File::open(path)?;
    let packed = [".xz", ".zst", ".gz"].iter().any(|e| path.ends_with(e));
    let flags = if packed { COMPRESSED } else { 0 };
    match rustix::system::finit_module(&file, c"", flags) {
        // There already, or built in.
        Err(rustix::io::Errno::EXIST) => Ok(()),
        // The file is open, so it is not that which is missing.
        Err(rustix::io::Errno::NOENT) => Err(io::Error::other(
            "it needs another module that was not loaded before it",
        )),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_marks_what_may_fail() {
        let text = "/m/erofs.ko.xz\n\n# comment\n- /m/efivarfs.ko.xz\n-/m/x.ko\n";
        let got: Vec<_> = lines(text).map(|l| (l.path, l.optional)).collect();
        assert_eq!(
            got,
            [
                ("/m/erofs.ko.xz", false),
                ("/m/efivarfs.ko.xz", true),
                ("/m/x.ko", true)
            ]
        );
    }
}
