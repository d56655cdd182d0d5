//! Private networks between machines, without root: a switch with named ports.
//!
//! A switch is a QEMU without a machine. Its network hub passes each frame to all other ports; its
//! ports are unix sockets. So it outlives the program that started it if it shall, needs nothing
//! that is not there anyway, and no other user of the computer can listen. (QEMU's multicast
//! networks give each machine its own frames back, which breaks IPv6, and lose frames under load.)

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::accel::Version;
use crate::arguments::switch_program;
use crate::config::Lifetime;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::patience::wait_with_logs;
use crate::process::{Identity, lock};
use crate::qmp::ANSWER;
use crate::record::{read_json, write_json};
use crate::socket;

/// The file in a switch's folder that names its process.
const RECORD: &str = "switch.json";

/// A port of a switch, to plug one interface into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    switch: PathBuf,
    name: String,
}

impl Port {
    pub(crate) fn new(switch: impl Into<PathBuf>, name: &str) -> Self {
        Self {
            switch: switch.into(),
            name: name.to_owned(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder of its switch.
    pub fn switch(&self) -> &Path {
        &self.switch
    }

    pub(crate) fn socket(&self) -> String {
        format!("{}.sock", self.name)
    }

    fn user(&self) -> PathBuf {
        self.switch.join(format!("{}.user", self.name))
    }

    /// Checks that the switch runs and nobody holds the port: a second machine would connect
    /// without complaint and never see a frame.
    pub(crate) fn check(&self) -> Result<()> {
        let process: Option<Identity> = read_json(&self.switch.join(RECORD))?;
        if !process.is_some_and(|p| p.alive()) {
            return Err(Error::NotRunning {
                dir: self.switch.clone(),
                why: "no switch runs there; start it before its machines".to_owned(),
            });
        }
        match read_json::<Identity>(&self.user())? {
            Some(user) if user.alive() => Err(Error::PlugTaken {
                port: self.name.clone(),
                switch: self.switch.clone(),
                pid: user.pid,
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn claim(&self, user: &Identity) -> Result<()> {
        write_json(&self.user(), user)
    }
}

/// A running switch.
#[derive(Debug)]
pub struct Switch {
    engine: Engine,
}

impl Switch {
    /// Starts a switch with its sockets in the folder `dir`, which is made if need be.
    ///
    /// # Errors
    /// One runs there already, or QEMU is missing or refuses.
    pub fn start(dir: &Path, lifetime: Lifetime) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(Error::io("resolving", dir))?;
        let _one_start_at_a_time = lock(&dir, "lock")?;
        if let Some(there) = read_json::<Identity>(&dir.join(RECORD))?
            && there.alive()
        {
            return Err(Error::AlreadyRunning {
                name: "switch".to_owned(),
                pid: there.pid,
                dir,
            });
        }
        sweep(&dir).map_err(Error::io("clearing", &dir))?;
        let program = "qemu-system-x86_64";
        Version::query(program)?;
        let mut engine = Engine::start("switch", &switch_program(program), &dir, lifetime)?;
        write_json(&dir.join(RECORD), &engine.process)?;
        engine.tied = lifetime == Lifetime::Tied;
        Ok(Self { engine })
    }

    /// Finds the switch left running in a folder. Dropping it leaves it running.
    ///
    /// # Errors
    /// None runs there, or another program holds its monitor.
    pub fn attach(dir: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(Error::io("resolving", dir))?;
        let process = read_json::<Identity>(&dir.join(RECORD))?;
        let process = process.ok_or_else(|| Error::NotRunning {
            dir: dir.clone(),
            why: "no switch was ever started there".to_owned(),
        })?;
        let engine = Engine::attach("switch", process, &dir, 0)?;
        Ok(Self { engine })
    }

    /// The port of this name, made if it is new.
    ///
    /// # Errors
    /// The name has other characters than letters, digits, `.`, `_`, `-`, or the switch is gone.
    pub fn port(&self, name: &str) -> Result<Port> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if name.is_empty() || name.len() > 60 || !name.bytes().all(plain) || name == "qmp" {
            return Err(Error::Config {
                name: "switch".to_owned(),
                problem: format!(
                    "`{name}` is no name for a port; up to 60 letters, digits, `.`, `_`, `-` make one"
                ),
            });
        }
        let port = Port::new(&self.engine.dir, name);
        if self.engine.dir.join(port.socket()).exists() {
            return Ok(port);
        }
        let netdev = netdev(name);
        let address = json!({"type": "unix", "path": port.socket()});
        let stream = json!({"type": "stream", "id": netdev, "server": true, "addr": address});
        self.engine.execute("netdev_add", stream)?;
        // QEMU ends with a segmentation fault when a frame is for a port where nobody is connected
        // and which is up. It takes it down by itself only once it listens; who connects brings it up.
        self.set_link(name, false)?;
        let id = format!("hub-{name}");
        let member = json!({"type": "hubport", "id": id, "hubid": 0, "netdev": netdev});
        self.engine.execute("netdev_add", member)?;
        // QEMU binds and listens in a thread of its own, a moment after it answered; between the
        // two the socket is there and refuses.
        let what = format!("port `{name}` of the switch");
        wait_with_logs(&what, ANSWER, Some(&self.engine.dir), || {
            let listens = socket::listens(self.engine.process.pid, &port.socket());
            let listens = listens.map_err(Error::io("looking at", "/proc/net/unix"))?;
            Ok::<_, Error>(listens.then_some(()))
        })?;
        Ok(port)
    }

    /// Lets frames through a port, or loses them silently both ways: the machine keeps its carrier.
    /// Whoever is plugged in anew finds it up; where nobody is, it stays down until then.
    ///
    /// # Errors
    /// There is no such port, or the switch is gone.
    pub fn set_port(&self, name: &str, up: bool) -> Result<()> {
        let plugged = read_json::<Identity>(&Port::new(&self.engine.dir, name).user())?;
        self.set_link(name, up && plugged.is_some_and(|user| user.alive()))
    }

    fn set_link(&self, name: &str, up: bool) -> Result<()> {
        let arguments = json!({"name": netdev(name), "up": up});
        self.engine.execute("set_link", arguments).map(drop)
    }

    /// Writes all frames of a port to a file from now on (pcap, as `tcpdump -r` reads it).
    ///
    /// # Errors
    /// There is no such port, it is captured already, or the file can't be written.
    pub fn capture(&self, name: &str, file: &Path) -> Result<()> {
        let file = std::path::absolute(file).map_err(Error::io("resolving", file))?;
        let id = format!("capture-{name}");
        let dump =
            json!({"qom-type": "filter-dump", "id": id, "netdev": netdev(name), "file": file});
        self.engine.execute("object-add", dump).map(drop)
    }

    /// Plugs this program itself into a port, to send and receive frames.
    ///
    /// # Errors
    /// The port is taken, or the switch is gone.
    pub fn tap(&self, name: &str) -> Result<Tap> {
        let port = self.port(name)?;
        port.check()?;
        let me = Identity::of(std::process::id()).map_err(Error::io("looking at", "/proc"))?;
        let path = port.switch.join(port.socket());
        let stream = socket::connect(&port.switch, &port.socket());
        let stream = stream.map_err(Error::io("connecting to", path))?;
        port.claim(&me)?;
        Ok(Tap {
            stream,
            unread: Vec::new(),
            claim: port.user(),
        })
    }

    /// Runs a QMP command in the switch's QEMU.
    ///
    /// # Errors
    /// QEMU refuses, does not answer, or is gone.
    pub fn execute(&self, command: &str, arguments: Value) -> Result<Value> {
        self.engine.execute(command, arguments)
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.engine.dir
    }

    /// Ends it; its machines lose their network.
    ///
    /// # Errors
    /// The system does not let it be killed.
    pub fn stop(self) -> Result<()> {
        self.engine.kill()
    }
}

fn netdev(name: &str) -> String {
    format!("port-{name}")
}

/// Removes the ports of an earlier switch.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "sock" || e == "user") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// This program as a member of a private network.
#[derive(Debug)]
pub struct Tap {
    stream: UnixStream,
    unread: Vec<u8>,
    claim: PathBuf,
}

impl Tap {
    /// Sends an Ethernet frame, without its checksum.
    ///
    /// # Errors
    /// The switch is gone.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        // QEMU's `-netdev stream`: the length in network byte order, then the frame.
        let length = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.stream.write_all(&length.to_be_bytes())?;
        self.stream.write_all(frame)
    }

    /// The next frame; nothing if none comes within `timeout`.
    ///
    /// # Errors
    /// The switch is gone.
    pub fn receive(&mut self, timeout: Duration) -> io::Result<Option<Vec<u8>>> {
        let until = Instant::now() + timeout;
        loop {
            if let Some((length, rest)) = self.unread.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if let Some(frame) = rest.get(..length) {
                    let frame = frame.to_vec();
                    self.unread.drain(..4 + length);
                    return Ok(Some(frame));
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            self.stream
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let mut chunk = [0; 65536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.unread.extend_from_slice(&chunk[..n]),
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    if Instant::now() >= until {
                        return Ok(None);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // Left behind, it only says that this program holds the port until it ends.
        drop(fs::remove_file(&self.claim));
    }
}
