//! A machine that runs.

use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::VmConfig;
use crate::engine::Engine;
use crate::error::{BoxError, Error, Result};
use crate::nic::Protocol;
use crate::patience::wait_with_logs;
use crate::qmp::Event;
use crate::record::{Record, SERIAL_LOG, SERIAL_SOCKET};
use crate::socket;

/// A running virtual machine, started with [`Vm::start`] or found with [`Vm::attach`].
#[derive(Debug)]
pub struct Vm {
    engine: Engine,
    record: Record,
}

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// QEMU's reason: `guest-shutdown`, `guest-reset`, `host-qmp-quit` and so on; nothing if it was
    /// killed, or if an earlier reader of events took it.
    pub reason: Option<String>,
    /// The status of the QEMU process, if it was started by this program.
    pub status: Option<ExitStatus>,
}

impl Exit {
    /// The guest switched itself off; a crash or a kill is something else.
    pub fn by_guest(&self) -> bool {
        self.reason.as_deref() == Some("guest-shutdown")
    }
}

impl Vm {
    pub(crate) fn new(engine: Engine, record: Record) -> Self {
        Self { engine, record }
    }

    /// Finds the machine left running in a folder by an earlier program. Dropping it leaves it running.
    ///
    /// # Errors
    /// None runs there (what is written there about one that ended is recognised), or another
    /// program holds its monitor.
    pub fn attach(dir: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(Error::io("resolving", dir))?;
        let record = Record::read(&dir)?.ok_or_else(|| Error::NotRunning {
            dir: dir.clone(),
            why: "none was ever started there".to_owned(),
        })?;
        let name = &record.config.name;
        let engine = Engine::attach(name, record.process.clone(), &dir, record.serial_from)?;
        Ok(Self { engine, record })
    }

    /// Its description, with the host ports chosen at its start. Starting this again boots it anew.
    pub fn config(&self) -> &VmConfig {
        &self.record.config
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.record.config.name
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.engine.dir
    }

    /// The number of its QEMU process.
    pub fn pid(&self) -> i32 {
        self.engine.process.pid
    }

    /// What executes it, as `tcg,thread=multi (-cpu max,cx16=off, QEMU 7.2.22)`.
    pub fn accelerator(&self) -> String {
        let (accelerator, version) = (self.record.config.accelerator, self.record.qemu);
        format!(
            "{} (-cpu {}, QEMU {version})",
            accelerator.option(),
            accelerator.cpu(version)
        )
    }

    /// Where a TCP port of the guest is reached on this computer.
    pub fn forwarded(&self, guest: u16) -> Option<SocketAddr> {
        let mut forwards = self.config().forwards();
        let found = forwards.find(|f| f.guest == guest && f.protocol == Protocol::Tcp)?;
        Some(SocketAddr::from(([127, 0, 0, 1], found.host)))
    }

    /// Whether its process runs.
    pub fn is_alive(&self) -> bool {
        self.engine.process.alive()
    }

    /// QEMU's run state: `running`, `paused`, `shutdown` and so on.
    ///
    /// # Errors
    /// The machine is gone, or QEMU does not answer.
    pub fn status(&self) -> Result<String> {
        let answer = self.execute("query-status", json!({}))?;
        Ok(answer["status"].as_str().unwrap_or_default().to_owned())
    }

    /// Runs a QMP command.
    ///
    /// # Errors
    /// QEMU refuses, does not answer, or is gone.
    pub fn execute(&self, command: &str, arguments: Value) -> Result<Value> {
        self.engine.execute(command, arguments)
    }

    /// Waits for a QMP event; others before it are dropped.
    ///
    /// # Errors
    /// It does not come in time, or the machine is gone.
    pub fn wait_event(&self, name: &str, timeout: Duration) -> Result<Event> {
        self.engine.with(|qmp| qmp.wait_event(name, timeout))
    }

    /// Holds the machine still.
    ///
    /// # Errors
    /// As [`Vm::execute`].
    pub fn pause(&self) -> Result<()> {
        self.execute("stop", json!({})).map(drop)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// As [`Vm::execute`].
    pub fn resume(&self) -> Result<()> {
        self.execute("cont", json!({})).map(drop)
    }

    /// Presses the reset button.
    ///
    /// # Errors
    /// As [`Vm::execute`].
    pub fn reset(&self) -> Result<()> {
        self.execute("system_reset", json!({})).map(drop)
    }

    /// Presses the power button (ACPI): the guest may shut down, see [`Vm::wait_exit`].
    ///
    /// # Errors
    /// As [`Vm::execute`].
    pub fn powerdown(&self) -> Result<()> {
        self.execute("system_powerdown", json!({})).map(drop)
    }

    /// Cuts the power: kills QEMU at once. No error if it has ended already.
    ///
    /// # Errors
    /// The system does not let it be killed.
    pub fn power_cut(&self) -> Result<()> {
        self.engine.kill()
    }

    /// Plugs the cable of interface `nic` (counted from 0) in or out; the guest sees its carrier
    /// change. To lose frames silently, see [`Switch::set_port`](crate::Switch::set_port).
    ///
    /// # Errors
    /// As [`Vm::execute`].
    pub fn set_link(&self, nic: usize, up: bool) -> Result<()> {
        let arguments = json!({"name": format!("nic{nic}"), "up": up});
        self.execute("set_link", arguments).map(drop)
    }

    /// Writes a picture of the screen: PNG if the name ends so, else PPM.
    ///
    /// # Errors
    /// As [`Vm::execute`].
    pub fn screendump(&self, path: &Path) -> Result<()> {
        let path = std::path::absolute(path).map_err(Error::io("resolving", path))?;
        let png = path.extension().is_some_and(|e| e == "png");
        let format = if png { "png" } else { "ppm" };
        let arguments = json!({"filename": path, "format": format});
        self.execute("screendump", arguments).map(drop)
    }

    /// Waits until the machine ends.
    ///
    /// # Errors
    /// It still runs after `timeout`.
    pub fn wait_exit(&self, timeout: Duration) -> Result<Exit> {
        if !self.engine.wait(timeout)? {
            return Err(Error::TimedOut {
                what: format!("the end of virtual machine `{}`", self.name()),
                waited: timeout,
                logs: Some(self.dir().to_owned()),
                cause: self.status().ok().map(|s| format!("state {s}")),
            });
        }
        let mut reason = None;
        let read_all = self.engine.with(|qmp| {
            while let Some(event) = qmp.event(Duration::ZERO)? {
                if event.name == "SHUTDOWN" {
                    reason = event.data["reason"].as_str().map(str::to_owned);
                }
            }
            Ok(())
        });
        // The end of the process is the end of its events.
        drop(read_all);
        Ok(Exit {
            reason,
            status: self.engine.status(),
        })
    }

    /// Calls `look` until it returns something. Ends early, with the last lines of the serial port,
    /// when the machine dies.
    ///
    /// # Errors
    /// Nothing came within `timeout`, `look` failed, or the machine died.
    pub fn wait_until<T, E: Into<BoxError>>(
        &self,
        what: &str,
        timeout: Duration,
        mut look: impl FnMut() -> Result<Option<T>, E>,
    ) -> Result<T> {
        wait_with_logs(what, timeout, Some(self.dir()), || {
            // Looked at first, so that what the guest did before its end still counts.
            let alive = self.is_alive();
            match look().map_err(Into::into)? {
                None if !alive => Err(BoxError::from(self.engine.died(None))),
                found => Ok(found),
            }
        })
    }

    /// The serial port, both ways. It serves one reader at a time; the log has everything anyway.
    ///
    /// # Errors
    /// The machine is gone.
    pub fn serial(&self) -> Result<UnixStream> {
        let path = self.dir().join(SERIAL_SOCKET);
        socket::connect(self.dir(), SERIAL_SOCKET).map_err(Error::io("connecting to", path))
    }

    /// The file with all that came out of the serial port, over all starts in this folder.
    pub fn serial_log(&self) -> PathBuf {
        self.dir().join(SERIAL_LOG)
    }

    /// The last lines on the serial port since this start, for people.
    pub fn serial_tail(&self) -> String {
        self.engine.serial_tail()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }
}
