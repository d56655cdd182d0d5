//! The keyboards of the consoles: the screen's and those at serial lines.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::seed_menu::Lines;

/// The consoles that the kernel writes to, `tty0 ttyS0`.
const CONSOLES: &str = "/sys/class/tty/console/active";

/// Everything that a person may type at.
#[derive(Debug, Default)]
pub struct Keyboards {
    open: Vec<(File, Lines)>,
}

impl Keyboards {
    /// Opens the consoles; one that does not open is none.
    pub fn open() -> Self {
        let names = fs::read_to_string(CONSOLES).unwrap_or_default();
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        let open = names
            .split_ascii_whitespace()
            .filter_map(|name| {
                let file = File::options()
                    .read(true)
                    .custom_flags(flags)
                    .open(format!("/dev/{name}"))
                    .ok()?;
                Some((file, Lines::default()))
            })
            .collect();
        Self { open }
    }

    /// Waits up to `patience` for lines; returns early when there are some.
    pub fn lines(&mut self, patience: Duration) -> Vec<String> {
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.open.is_empty() {
                sleep(left);
                return Vec::new();
            }
            let timeout = Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let mut waited: Vec<PollFd<'_>> = self
                .open
                .iter()
                .map(|(file, _)| PollFd::new(file, PollFlags::IN))
                .collect();
            let ready = poll(&mut waited, Some(&timeout));
            drop(waited);
            let lines = self.read();
            if !lines.is_empty() || left.is_zero() {
                return lines;
            }
            if ready.is_err_and(|e| e != rustix::io::Errno::INTR) {
                sleep(left);
            }
        }
    }

    fn read(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.open.retain_mut(|(file, lines)| {
            let mut buffer = [0u8; 256];
            match file.read(&mut buffer) {
                // Hung up: asked again it would answer the same at once, for ever.
                Ok(0) => false,
                Ok(n) => {
                    out.extend(lines.take(&buffer[..n]));
                    true
                }
                Err(e) => matches!(
                    e.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted
                ),
            }
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::OwnedFd;

    use rustix::fs::{OFlags, fcntl_setfl};

    use super::*;

    #[test]
    fn what_is_typed_ends_the_wait_and_a_line_that_hangs_up_does_not_spin() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let file = File::from(OwnedFd::from(reader));
        fcntl_setfl(&file, OFlags::NONBLOCK).unwrap();
        let mut keyboards = Keyboards {
            open: vec![(file, Lines::default())],
        };
        writer.write_all(b"p-hive").unwrap();
        assert!(keyboards.lines(Duration::ZERO).is_empty());
        writer.write_all(b"1\n").unwrap();
        // It would not return for an hour, did it not look.
        let lines = keyboards.lines(Duration::from_secs(3600));
        assert_eq!(lines, ["p-hive1"]);
        drop(writer);
        assert!(keyboards.lines(Duration::from_millis(1)).is_empty());
        assert!(keyboards.open.is_empty());
    }
}
