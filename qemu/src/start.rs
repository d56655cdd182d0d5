//! Starting a machine: everything it needs is checked and laid out in its folder, then QEMU runs.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::accel::Version;
use crate::arguments::{fw_cfg_file, oem_file, program};
use crate::config::{Boot, Lifetime, VmConfig};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::firmware::Firmware;
use crate::nic::{Network, Protocol, switch_link};
use crate::process::lock;
use crate::record::{Record, VARS};
use crate::saved::Saved;
use crate::vm::Vm;

/// Beside the variables: which firmware they belong to.
const VARS_ORIGIN: &str = "vars.origin";

impl Vm {
    /// Starts a machine. Its folder is made if need be; the firmware's variables there are kept, so
    /// starting again after a power cut is what it would be on a real machine.
    ///
    /// # Errors
    /// Something it needs is missing or taken, it runs already, or QEMU refuses.
    pub fn start(config: VmConfig) -> Result<Self> {
        let mut config = config.absolute()?;
        config.check()?;
        config.accelerator.check()?;
        let dir = config.dir.clone();
        let _one_start_at_a_time = lock(&dir, "lock")?;
        if let Some(there) = Record::read(&dir)?
            && there.process.alive()
        {
            return Err(Error::AlreadyRunning {
                name: there.config.name,
                pid: there.process.pid,
                dir,
            });
        }
        let version = Version::query(&config.program)?;
        let saved = config.restore.as_deref().map(Saved::open).transpose()?;
        if let Some(saved) = &saved {
            saved.check(version)?;
        }
        let code = lay_out_firmware(&config, saved.as_ref())?;
        lay_out_files(&config)?;
        let held = choose_ports(&mut config)?;
        let program = program(&config, version, code.as_deref());
        drop(held);

        let mut engine = Engine::start(&config.name, &program, &dir, config.lifetime)?;
        for nic in &config.nics {
            if let Network::Switch(port) = &nic.network {
                port.claim(&engine.process)?;
            }
        }
        if let Some(saved) = &saved {
            saved.load(&engine)?;
            if !config.paused {
                engine.execute("cont", serde_json::json!({}))?;
            }
        }
        // Started again, it shall boot: its disks are no longer those of the saved state.
        config.restore = None;
        let record = Record::new(engine.process.clone(), version, engine.serial_from, config);
        record.write(&dir)?;
        engine.tied = record.config.lifetime == Lifetime::Tied;
        Ok(Self::new(engine, record))
    }
}

/// Copies the variables of the machine's firmware, and returns the code's path.
fn lay_out_firmware(config: &VmConfig, saved: Option<&Saved>) -> Result<Option<PathBuf>> {
    let Boot::Firmware(search) = &config.boot else {
        return Ok(None);
    };
    let Firmware { code, vars } = search.find()?;
    let mine = config.dir.join(VARS);
    let origin = config.dir.join(VARS_ORIGIN);
    let code_name = code.to_string_lossy();
    let known = fs::read_to_string(&origin).is_ok_and(|o| o == code_name);
    let from = match saved {
        Some(saved) => saved.vars(),
        None if known && mine.exists() => return Ok(Some(code)),
        None => vars,
    };
    fs::write(&origin, code_name.as_bytes()).map_err(Error::io("writing", &origin))?;
    // Distributions ship them read-only, and copying keeps the mode: so only the bytes are taken.
    let bytes = fs::read(&from).map_err(Error::io("reading firmware variables", &from))?;
    fs::write(&mine, bytes).map_err(Error::io("writing", &mine))?;
    Ok(Some(code))
}

/// Writes what the machine reads through its firmware, and links its switches.
fn lay_out_files(config: &VmConfig) -> Result<()> {
    let write = |name: String, bytes: &[u8]| {
        let path = config.dir.join(name);
        fs::write(&path, bytes).map_err(Error::io("writing", path))
    };
    for (i, text) in config.smbios.oem_strings.iter().enumerate() {
        write(oem_file(i), text.as_bytes())?;
    }
    for (i, entry) in config.fw_cfg.iter().enumerate() {
        write(fw_cfg_file(i), &entry.content)?;
    }
    for (i, nic) in config.nics.iter().enumerate() {
        if let Network::Switch(port) = &nic.network {
            port.check()?;
            link(port.switch(), &config.dir.join(switch_link(i)))?;
        }
    }
    Ok(())
}

fn link(to: &Path, path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => symlink(to, path),
    }
    .map_err(Error::io("linking", path))
}

/// Replaces each host port 0 by a free one, and makes sure the others are free: nobody else gets
/// them while the result is held.
fn choose_ports(config: &mut VmConfig) -> Result<Vec<OwnedFd>> {
    let mut held = Vec::new();
    for nic in &mut config.nics {
        let Network::User { forwards, .. } = &mut nic.network else {
            continue;
        };
        for forward in forwards {
            let address = ("127.0.0.1", forward.host);
            let (hold, found) = match forward.protocol {
                Protocol::Tcp => {
                    let socket = TcpListener::bind(address);
                    let found = socket.as_ref().ok().and_then(|s| s.local_addr().ok());
                    (socket.map(OwnedFd::from), found)
                }
                Protocol::Udp => {
                    let socket = UdpSocket::bind(address);
                    let found = socket.as_ref().ok().and_then(|s| s.local_addr().ok());
                    (socket.map(OwnedFd::from), found)
                }
            };
            held.push(hold.map_err(|source| Error::PortTaken {
                name: config.name.clone(),
                port: forward.host,
                source,
            })?);
            forward.host = found.map_or(forward.host, |a| a.port());
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nic::{Forward, Mac, Nic};

    #[test]
    fn free_ports_are_chosen_and_taken_ones_named() {
        let mut config = VmConfig::new("vm", "/d").nic(Nic::user(
            Mac::local(1),
            [Forward::tcp(22), Forward::tcp(80)],
        ));
        let held = choose_ports(&mut config).unwrap();
        let ports: Vec<u16> = config.forwards().map(|f| f.host).collect();
        assert!(
            ports.iter().all(|p| *p != 0) && ports[0] != ports[1],
            "{ports:?}"
        );

        let error = choose_ports(&mut config).err().unwrap();
        let start = format!("virtual machine `vm`: 127.0.0.1:{} is taken", ports[0]);
        assert!(error.to_string().starts_with(&start), "{error}");
        drop(held);
    }
}
