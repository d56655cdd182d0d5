//! Words for the person in front of the machine: the kernel's log, which every console shows.

use std::fs::File;
use std::io::Write;

/// Longest piece written at once, in bytes; the kernel refuses records of more than about 1000.
const RECORD: usize = 800;

/// The kernel's log, open for writing. Without one (tests) the words go to standard error.
#[derive(Debug, Default)]
pub struct Console {
    kmsg: Option<File>,
}

impl Console {
    /// Opens `/dev/kmsg` and lifts the kernel's rate limit, by which sentences would get lost.
    pub fn open() -> Self {
        // What a parameter `printk.devkmsg=on` would do.
        let _ = std::fs::write("/proc/sys/kernel/printk_devkmsg", "on\n");
        Self {
            kmsg: File::options().write(true).open("/dev/kmsg").ok(),
        }
    }

    /// What is being done.
    pub fn say(&self, text: &str) {
        self.write(5, text);
    }

    /// What a person should know although the boot goes on; shown under `quiet` too.
    pub fn warn(&self, text: &str) {
        self.write(3, text);
    }

    /// Why the boot ends here; shown whatever the console's log level is.
    pub fn fail(&self, text: &str) {
        let _ = std::fs::write("/proc/sys/kernel/printk", "7\n");
        self.write(2, text);
    }

    fn write(&self, level: u8, text: &str) {
        for line in text.lines() {
            for piece in pieces(line) {
                match &self.kmsg {
                    // One record a write call; a broken console must not stop the boot.
                    Some(kmsg) => {
                        let mut kmsg = kmsg;
                        let _ = kmsg.write_all(format!("<{level}>hive: {piece}\n").as_bytes());
                    }
                    None => eprintln!("hive: {piece}"),
                }
            }
        }
    }
}

/// Cuts a line into records, never inside a character.
fn pieces(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = line;
    while rest.len() > RECORD {
        let mut cut = RECORD;
        while !rest.is_char_boundary(cut) {
            cut -= 1;
        }
        let (head, tail) = rest.split_at(cut);
        out.push(head);
        rest = tail;
    }
    out.push(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_between_characters() {
        let line = "ü".repeat(1000);
        let cut = pieces(&line);
        assert_eq!(cut.concat(), line);
        assert!(cut.iter().all(|p| p.len() <= RECORD));
        assert_eq!(pieces(""), [""]);
    }
}
