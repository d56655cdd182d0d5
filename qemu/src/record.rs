//! What a machine leaves in its folder for later commands to find it.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::accel::Version;
use crate::config::VmConfig;
use crate::error::{Error, Result};
use crate::process::Identity;

/// Names of the files in a machine's folder.
pub(crate) const RECORD: &str = "vm.json";
pub(crate) const QMP_SOCKET: &str = "qmp.sock";
pub(crate) const SERIAL_SOCKET: &str = "serial.sock";
pub(crate) const SERIAL_LOG: &str = "serial.log";
pub(crate) const QEMU_LOG: &str = "qemu.log";
pub(crate) const VARS: &str = "vars.fd";

/// The version of the record; another one is not understood.
const VERSION: u32 = 1;

/// A machine that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    pub process: Identity,
    pub qemu: Version,
    /// How long `serial.log` was when it started, in bytes.
    pub serial_from: u64,
    /// As it was started, with the chosen ports, without what it was restored from.
    pub config: VmConfig,
}

impl Record {
    pub fn new(process: Identity, qemu: Version, serial_from: u64, config: VmConfig) -> Self {
        Self {
            version: VERSION,
            process,
            qemu,
            serial_from,
            config,
        }
    }

    pub fn write(&self, dir: &Path) -> Result<()> {
        write_json(&dir.join(RECORD), self)
    }

    /// The record in a folder, whether its process still runs or not.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(RECORD);
        let record: Option<Self> = read_json(&path)?;
        match record {
            Some(record) if record.version != VERSION => {
                let text = format!("version {} of the record is unknown", record.version);
                Err(Error::io("reading", path)(std::io::Error::other(text)))
            }
            record => Ok(record),
        }
    }
}

/// Writes a document whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text =
        serde_json::to_vec_pretty(value).map_err(|e| Error::io("writing", path)(e.into()))?;
    let new = path.with_extension("new");
    fs::write(&new, text).map_err(Error::io("writing", &new))?;
    fs::rename(&new, path).map_err(Error::io("writing", path))
}

/// Reads a document; nothing if there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|e| Error::io("reading", path)(e.into())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("reading", path)(e)),
    }
}
