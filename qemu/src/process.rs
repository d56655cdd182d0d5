//! Processes that may outlive us: starting them, and recognising them later.
//!
//! A process id alone is no identity, it is given out again. With the moment the process started
//! and the boot it started in, it is; and signals go through a descriptor of the process (`pidfd`),
//! so that none ever hits a stranger.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use hive_system::Program;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FlockOperation;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::config::Lifetime;
use crate::error::{Error, Result};

/// A process, unmistakably.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub pid: i32,
    /// When it started, in clock ticks since boot (`/proc/PID/stat` field 22, `proc(5)`).
    started: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    boot: String,
}

impl Identity {
    /// Of a process that runs now.
    pub fn of(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
        let (_, started) = stat(pid)?;
        Ok(Self {
            pid,
            started,
            boot: boot_id()?,
        })
    }

    /// Whether it still runs; one that ended and was not yet waited for does not.
    pub fn alive(&self) -> bool {
        let same_boot = boot_id().is_ok_and(|b| b == self.boot);
        let runs = |(state, started)| started == self.started && !matches!(state, 'Z' | 'X');
        same_boot && stat(self.pid).is_ok_and(runs)
    }

    /// Opens a descriptor of it, or nothing if it has ended.
    fn open(&self) -> io::Result<Option<rustix::fd::OwnedFd>> {
        let pid = Pid::from_raw(self.pid).ok_or(io::ErrorKind::InvalidInput)?;
        match pidfd_open(pid, PidfdFlags::empty()) {
            // Only after opening is it sure that the descriptor is of the process looked at.
            Ok(fd) => Ok(self.alive().then_some(fd)),
            Err(rustix::io::Errno::SRCH) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// Kills it at once (`SIGKILL`), and waits until it is gone.
    pub fn kill(&self) -> io::Result<()> {
        let Some(fd) = self.open()? else {
            return Ok(());
        };
        match pidfd_send_signal(&fd, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(other) => return Err(other.into()),
        }
        ended(&fd, Duration::from_secs(30)).map(drop)
    }

    /// Waits until it ends; false if it still runs after `timeout`.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        self.open()?.map_or(Ok(true), |fd| ended(&fd, timeout))
    }
}

fn ended(fd: &rustix::fd::OwnedFd, timeout: Duration) -> io::Result<bool> {
    let until = Instant::now() + timeout;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        match poll(&mut fds, Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(other) => return Err(other.into()),
        }
    }
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

fn stat(pid: i32) -> io::Result<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    parse_stat(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// State and start time out of `/proc/PID/stat`. The name of the program stands in parentheses and
/// may contain anything, parentheses too.
fn parse_stat(text: &str) -> Option<(char, u64)> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((state, started))
}

/// Starts a program in `dir`, with what it says appended to the file `log` there.
#[allow(unsafe_code)] // setsid between fork and exec has no safe form in std
pub(crate) fn spawn(program: &Program, dir: &Path, log: &str, lifetime: Lifetime) -> Result<Child> {
    let path = dir.join(log);
    let open = || OpenOptions::new().create(true).append(true).open(&path);
    let out = open().map_err(Error::io("opening", &path))?;
    let err = open().map_err(Error::io("opening", &path))?;
    let mut command = program.command();
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);
    if lifetime == Lifetime::Detached {
        // SAFETY: the closure only makes the system call setsid, which is async-signal-safe, and
        // touches no memory of the parent.
        unsafe {
            command.pre_exec(|| rustix::process::setsid().map(drop).map_err(Into::into));
        }
    }
    Ok(command.spawn().map_err(|e| program.start_error(e))?)
}

/// Holds the lock file `name` in `dir` (made if need be) until the result is dropped.
pub(crate) fn lock(dir: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(dir).map_err(Error::io("creating", dir))?;
    let path = dir.join(name);
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.map_err(Error::io("opening", &path))?;
    rustix::fs::flock(&file, FlockOperation::LockExclusive)
        .map_err(|e| Error::io("locking", &path)(e.into()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_be_called_anything() {
        let stat = "77 (a) S (b) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(parse_stat(stat), Some(('Z', 4711)));
        assert_eq!(parse_stat("77 (a) S 1 2"), None);
    }

    #[test]
    fn killing_hits_the_process_and_only_it() {
        let dir = tempfile::tempdir().unwrap();
        let sleep = Program::new("sleep").arg("1000");
        let mut child = spawn(&sleep, dir.path(), "log", Lifetime::Detached).unwrap();
        let mut identity = Identity::of(child.id()).unwrap();
        assert!(identity.alive());
        assert!(!identity.wait(Duration::from_millis(10)).unwrap());

        // The same number, but another process: no signal may reach it.
        let right = identity.clone();
        identity.started += 1;
        assert!(!identity.alive());
        identity.kill().unwrap();
        assert!(right.alive(), "a stranger was killed");

        right.kill().unwrap();
        assert!(!right.alive(), "a zombie counts as running");
        assert!(right.wait(Duration::ZERO).unwrap());
        child.wait().unwrap();
        right.kill().unwrap();
    }
}
