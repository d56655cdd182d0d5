//! A running QEMU: its process and its monitor, whether it carries a machine or a switch.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use hive_system::Program;
use serde_json::Value;

use crate::config::Lifetime;
use crate::error::{Error, Result};
use crate::process::{Identity, spawn};
use crate::qmp::{ANSWER, Qmp};
use crate::record::{QEMU_LOG, QMP_SOCKET, SERIAL_LOG, SERIAL_SOCKET};
use crate::socket;

/// How much of a log an error repeats, in bytes.
const TAIL: u64 = 2000;
/// How long another program may hold the monitor of a machine to attach to.
const ATTACH: Duration = Duration::from_secs(10);

/// A QEMU process in its folder.
#[derive(Debug)]
pub(crate) struct Engine {
    pub name: String,
    pub dir: PathBuf,
    pub process: Identity,
    /// Dropping this kills the process.
    pub tied: bool,
    /// How long `serial.log` was when it started.
    pub serial_from: u64,
    child: Mutex<Option<Child>>,
    qmp: Mutex<Option<Qmp>>,
}

impl Engine {
    /// Starts a program whose monitor will be at `qmp.sock` in `dir`, and talks to it. It is tied
    /// until the caller decides otherwise, so that a failure on the way leaves nothing running.
    pub fn start(name: &str, program: &Program, dir: &Path, lifetime: Lifetime) -> Result<Self> {
        for socket in [QMP_SOCKET, SERIAL_SOCKET] {
            // Left by a process that was killed.
            drop(fs::remove_file(dir.join(socket)));
        }
        let log = dir.join(QEMU_LOG);
        let said_from = length(&log);
        let serial_from = length(&dir.join(SERIAL_LOG));
        let child = spawn(program, dir, QEMU_LOG, lifetime)?;
        let process = Identity::of(child.id()).map_err(Error::io("looking at", "/proc"))?;
        let engine = Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            process,
            tied: true,
            serial_from,
            child: Mutex::new(Some(child)),
            qmp: Mutex::new(None),
        };
        let failed = |otherwise: String| Error::StartFailed {
            name: name.to_owned(),
            said: Some(tail(&log, said_from))
                .filter(|s| !s.is_empty())
                .unwrap_or(otherwise),
            command: program.to_string(),
        };
        let from = Instant::now();
        let stream = loop {
            match socket::connect(dir, QMP_SOCKET) {
                Ok(stream) => break stream,
                Err(_) if !engine.process.alive() => {
                    return Err(failed("it ended without a word".to_owned()));
                }
                Err(e) if from.elapsed() > ANSWER => {
                    return Err(failed(format!("its monitor can't be reached: {e}")));
                }
                Err(_) => sleep(Duration::from_millis(20)),
            }
        };
        match Qmp::new(stream, ANSWER) {
            Ok(qmp) => *engine.qmp() = Some(qmp),
            // It opens its monitor before it looks at its devices, and may fail at those.
            Err(Error::QmpLost { .. }) => {
                drop(engine.process.wait(ANSWER));
                return Err(failed("it ended without a word".to_owned()));
            }
            Err(other) => return Err(other),
        }
        Ok(engine)
    }

    /// Talks to a process found again; dropping this will leave it alone.
    pub fn attach(name: &str, process: Identity, dir: &Path, serial_from: u64) -> Result<Self> {
        if !process.alive() {
            return Err(Error::NotRunning {
                dir: dir.to_owned(),
                why: format!("its process {} has ended", process.pid),
            });
        }
        let path = dir.join(QMP_SOCKET);
        let stream = socket::connect(dir, QMP_SOCKET).map_err(Error::io("connecting to", path))?;
        Ok(Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            process,
            tied: false,
            serial_from,
            child: Mutex::new(None),
            qmp: Mutex::new(Some(Qmp::new(stream, ATTACH)?)),
        })
    }

    fn qmp(&self) -> MutexGuard<'_, Option<Qmp>> {
        self.qmp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Talks to the monitor.
    pub fn with<T>(&self, talk: impl FnOnce(&mut Qmp) -> Result<T>) -> Result<T> {
        let mut qmp = self.qmp();
        let Some(connection) = qmp.as_mut() else {
            return Err(self.died(None));
        };
        let result = talk(connection);
        if matches!(result, Err(Error::QmpLost { .. })) {
            // A closing socket is noticed a little earlier than the end of its process.
            if matches!(self.process.wait(Duration::from_secs(5)), Ok(true)) {
                *qmp = None;
                return Err(self.died(None));
            }
        }
        result
    }

    pub fn execute(&self, command: &str, arguments: Value) -> Result<Value> {
        self.with(|qmp| qmp.execute(command, arguments))
    }

    /// Waits for the end of the process; false if it still runs then.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        self.process
            .wait(timeout)
            .map_err(Error::io("waiting for", &self.dir))
    }

    /// How the process ended, if it was started here.
    pub fn status(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.as_mut()?.try_wait().ok()?
    }

    /// Kills the process as a power cut would end a machine: at once.
    pub fn kill(&self) -> Result<()> {
        let killed = self.process.kill();
        killed.map_err(Error::io("killing the process of", &self.dir))?;
        self.status();
        Ok(())
    }

    /// The error for a process that ended while it was needed.
    pub fn died(&self, how: Option<String>) -> Error {
        let how = how.or_else(|| Some(self.status()?.to_string()));
        Error::Died {
            name: self.name.clone(),
            how: how.unwrap_or_else(|| format!("process {} is gone", self.process.pid)),
            dir: self.dir.clone(),
            serial: self.serial_tail(),
        }
    }

    /// The last lines on the serial port since the machine started.
    pub fn serial_tail(&self) -> String {
        tail(&self.dir.join(SERIAL_LOG), self.serial_from)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.tied {
            // Nobody is left to tell.
            drop(self.kill());
        }
    }
}

/// The length of a file in bytes; 0 if there is none.
fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

/// The last lines of a log from byte `from` on, readable on a terminal.
fn tail(path: &Path, from: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = fs::File::open(path)?;
        let start = from.max(file.metadata()?.len().saturating_sub(TAIL));
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    printable(&String::from_utf8_lossy(&bytes))
}

/// Text without control characters and escape sequences, which firmware writes plenty of.
fn printable(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            // ECMA-48: ESC [ parameters, up to a byte from @ to ~.
            '\x1b' => {
                if chars.clone().next() == Some('[') {
                    chars.next();
                    chars.by_ref().find(|c| ('@'..='~').contains(c));
                }
            }
            '\n' => out.push('\n'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    let lines = out.lines().map(str::trim_end).filter(|l| !l.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_readable_and_of_this_start_only() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "old\n\x1b[2J\x1b[01;01Hone\r\n\r\n\r\ntwo\n").unwrap();
        assert_eq!(tail(&log, 4), "one\ntwo");
        assert_eq!(tail(&dir.path().join("gone"), 0), "");
        fs::write(&log, "x".repeat(5000)).unwrap();
        assert_eq!(tail(&log, 0).len() as u64, TAIL);
    }
}
