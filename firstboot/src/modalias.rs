//! Which drivers a machine's devices ask for.
//!
//! A device names itself in its `modalias` file, a driver says in patterns which it takes. The
//! builder writes `/hive/modules.alias` from the kernel's own `modules.alias`: one line a
//! pattern, a tab, then the module files in load order, what the driver needs before it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// In the initrd: patterns of storage drivers and their module files.
pub const INITRD_ALIASES: &str = "/hive/modules.alias";

/// A pattern and the module files behind it, in load order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Pattern with `*`, `?` and `[…]`.
    pub pattern: String,
    /// Paths in the initrd.
    pub modules: Vec<String>,
}

/// Reads the alias file; lines without a tab or without modules are left out.
pub fn parse(text: &str) -> Vec<Alias> {
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(pattern, modules)| Alias {
            pattern: pattern.to_owned(),
            modules: modules
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
        })
        .filter(|alias| !alias.modules.is_empty())
        .collect()
}

/// The module files that the devices ask for, each once, in load order.
pub fn wanted<'a>(aliases: &'a [Alias], devices: &BTreeSet<String>) -> Vec<&'a str> {
    let mut out = Vec::new();
    for device in devices {
        for alias in aliases.iter().filter(|a| matches(&a.pattern, device)) {
            for module in &alias.modules {
                if !out.contains(&module.as_str()) {
                    out.push(module);
                }
            }
        }
    }
    out
}

/// The names of all devices on all buses.
pub fn devices() -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let Ok(buses) = fs::read_dir("/sys/bus") else {
        return out;
    };
    for bus in buses.flatten() {
        for device in fs::read_dir(bus.path().join("devices"))
            .into_iter()
            .flatten()
            .flatten()
        {
            if let Some(name) = modalias(&device.path()) {
                out.insert(name);
            }
        }
    }
    out
}

fn modalias(device: &Path) -> Option<String> {
    let text = fs::read_to_string(device.join("modalias")).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether `text` fits the shell pattern, as modprobe has it.
pub fn matches(pattern: &str, text: &str) -> bool {
    matches_bytes(pattern.as_bytes(), text.as_bytes())
}

fn matches_bytes(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when the letters after the last star don't fit: one letter further.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        match one(&pattern[p..], text[t]) {
            Some(length) => {
                p += length;
                t += 1;
            }
            None => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
}

/// Length of the first piece of `pattern` if it takes `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => {
            let close = pattern.iter().skip(2).position(|b| *b == b']')? + 2;
            let set = &pattern[1..close];
            let mut at = 0;
            let mut hit = false;
            while at < set.len() {
                if at + 2 < set.len() && set[at + 1] == b'-' {
                    hit |= (set[at]..=set[at + 2]).contains(&byte);
                    at += 3;
                } else {
                    hit |= set[at] == byte;
                    at += 1;
                }
            }
            hit.then_some(close + 1)
        }
        other => (*other == byte).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_real_drivers() {
        let nvme = "pci:v00008086d00005845sv00001AF4sd00001100bc01sc08i02";
        assert!(matches("pci:v*d*sv*sd*bc01sc08i02*", nvme));
        assert!(!matches("pci:v*d*sv*sd*bc01sc06i01*", nvme));
        assert!(matches(
            "usb:v*p*d*dc*dsc*dp*ic08isc06ip50in*",
            "usb:v46F4p0001d0000dc00dsc00dp00ic08isc06ip50in00"
        ));
        assert!(matches("virtio:d00000002v*", "virtio:d00000002v00001AF4"));
        assert!(matches("cpu:type:x86,ven[0-9a-f]*", "cpu:type:x86,ven0002"));
        assert!(matches("a[b-d]e", "ace") && !matches("a[b-d]e", "afe"));
        assert!(!matches("a", "ab") && !matches("ab", "a") && matches("**", ""));
    }

    #[test]
    fn dependencies_come_first_and_once() {
        let aliases = parse("pci:a*\t/m/lib.ko /m/a.ko\npci:b*\t/m/lib.ko /m/b.ko\nbroken line\n");
        let devices = BTreeSet::from(["pci:b1".to_owned(), "pci:a1".to_owned()]);
        assert_eq!(
            wanted(&aliases, &devices),
            ["/m/lib.ko", "/m/a.ko", "/m/b.ko"]
        );
        assert_eq!(aliases.len(), 2);
    }
}
