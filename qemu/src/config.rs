//! What a virtual machine is, before it runs.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::accel::Accelerator;
use crate::disk::{Disk, Interface};
use crate::error::{Error, Result};
use crate::firmware::FirmwareSearch;
use crate::nic::{Forward, Network, Nic};

/// What a machine starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boot {
    /// UEFI firmware, which boots from the disks.
    Firmware(FirmwareSearch),
    /// A Linux kernel, without UEFI.
    Kernel {
        /// The kernel image.
        kernel: PathBuf,
        /// Its initrd.
        initrd: Option<PathBuf>,
        /// Its command line; `console=ttyS0` is the serial port.
        append: String,
    },
}

/// Whether a machine ends with the program that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifetime {
    /// Dropping the [`Vm`](crate::Vm) kills it; Ctrl-C in the terminal ends it as well.
    #[default]
    Tied,
    /// It runs on in a session of its own until somebody stops it.
    Detached,
}

/// What the firmware tells about the machine (SMBIOS, as `dmidecode` shows it).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Smbios {
    /// Serial number of the system (type 1).
    pub serial: Option<String>,
    /// UUID of the system (type 1).
    pub uuid: Option<String>,
    /// OEM strings (type 11).
    pub oem_strings: Vec<String>,
}

/// An entry of QEMU's `fw_cfg` device; Linux shows it under `/sys/firmware/qemu_fw_cfg/by_name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FwCfg {
    /// Its name; QEMU wants it to start with `opt/`, at most 55 bytes.
    pub name: String,
    /// What the guest reads.
    pub content: Vec<u8>,
}

/// A virtual machine to start with [`Vm::start`](crate::Vm::start).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmConfig {
    /// Its name: letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// Its folder: sockets, logs, firmware variables. One machine per folder.
    pub dir: PathBuf,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Number of virtual CPUs.
    pub cpus: u32,
    /// What executes it.
    pub accelerator: Accelerator,
    /// What it starts with.
    pub boot: Boot,
    /// Its disks, in boot order.
    pub disks: Vec<Disk>,
    /// Its network interfaces.
    pub nics: Vec<Nic>,
    /// What the firmware tells about it.
    pub smbios: Smbios,
    /// What else it can ask the firmware.
    pub fw_cfg: Vec<FwCfg>,
    /// Whether it ends with the program that started it.
    pub lifetime: Lifetime,
    /// It waits for [`Vm::resume`](crate::Vm::resume) before its first instruction.
    pub paused: bool,
    /// A reboot of the guest ends the machine instead.
    pub reboot_exits: bool,
    /// The folder of the [`Saved`](crate::Saved) machine to go on from, instead of booting.
    pub restore: Option<PathBuf>,
    /// The QEMU program.
    pub program: String,
}

impl VmConfig {
    /// A machine with firmware, 1 GiB of memory, one CPU, software emulation, and nothing else;
    /// tied to the program that starts it.
    pub fn new(name: impl Into<String>, dir: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            dir: dir.into(),
            memory_mib: 1024,
            cpus: 1,
            accelerator: Accelerator::default(),
            boot: Boot::Firmware(FirmwareSearch::default()),
            disks: Vec::new(),
            nics: Vec::new(),
            smbios: Smbios::default(),
            fw_cfg: Vec::new(),
            lifetime: Lifetime::default(),
            paused: false,
            reboot_exits: false,
            restore: None,
            program: "qemu-system-x86_64".to_owned(),
        }
    }

    /// Sets its memory, in MiB.
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// Adds a disk.
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// Adds a network interface.
    pub fn nic(mut self, nic: Nic) -> Self {
        self.nics.push(nic);
        self
    }

    /// Lets it outlive the program that starts it.
    pub fn detached(mut self) -> Self {
        self.lifetime = Lifetime::Detached;
        self
    }

    /// All its forwards.
    pub fn forwards(&self) -> impl Iterator<Item = &Forward> {
        self.nics.iter().flat_map(|nic| match &nic.network {
            Network::User { forwards, .. } => forwards.as_slice(),
            Network::Switch(_) | Network::Nothing => &[],
        })
    }

    /// Makes every path absolute, because QEMU runs in the machine's own folder.
    pub(crate) fn absolute(mut self) -> Result<Self> {
        let fix = |path: &mut PathBuf| -> Result<()> {
            *path = std::path::absolute(&*path).map_err(Error::io("resolving", &*path))?;
            Ok(())
        };
        fix(&mut self.dir)?;
        for disk in &mut self.disks {
            fix(&mut disk.path)?;
        }
        if let Boot::Kernel { kernel, initrd, .. } = &mut self.boot {
            fix(kernel)?;
            initrd.as_mut().map(fix).transpose()?;
        }
        self.restore.as_mut().map(fix).transpose()?;
        Ok(self)
    }

    /// Checks what can be checked without starting it.
    pub(crate) fn check(&self) -> Result<()> {
        self.problem().map_or(Ok(()), |problem| {
            Err(Error::Config {
                name: self.name.clone(),
                problem,
            })
        })?;
        let exists = |what, path: &Path| {
            if path.exists() {
                return Ok(());
            }
            Err(Error::FileMissing {
                name: self.name.clone(),
                what,
                path: path.to_owned(),
            })
        };
        for disk in &self.disks {
            exists("disk image", &disk.path)?;
        }
        if let Boot::Kernel { kernel, initrd, .. } = &self.boot {
            exists("kernel", kernel)?;
            initrd.as_deref().map_or(Ok(()), |i| exists("initrd", i))?;
        }
        Ok(())
    }

    fn problem(&self) -> Option<String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if self.name.is_empty() || !self.name.bytes().all(plain) {
            return Some("its name may have letters, digits, `.`, `_` and `-` only".to_owned());
        }
        if self.memory_mib < 16 {
            return Some(format!("{} MiB of memory are too few", self.memory_mib));
        }
        if self.cpus == 0 {
            return Some("it needs a CPU at least".to_owned());
        }
        for (i, disk) in self.disks.iter().enumerate() {
            let serial = disk.serial.as_deref().unwrap_or_default();
            let longest = disk.interface.longest_serial();
            if serial.len() > longest {
                return Some(format!(
                    "the serial number `{serial}` of disk {i} is longer than the {longest} bytes its device can show"
                ));
            }
            if disk.readonly && disk.interface == Interface::Sata {
                return Some(format!(
                    "disk {i} is read-only, which QEMU's SATA disks can't be; use virtio"
                ));
            }
        }
        for (i, nic) in self.nics.iter().enumerate() {
            if self.nics[..i].iter().any(|other| other.mac == nic.mac) {
                return Some(format!(
                    "two of its interfaces have the address {}",
                    nic.mac
                ));
            }
        }
        for entry in &self.fw_cfg {
            // QEMU only warns about other names, and keeps those for itself.
            if !entry.name.starts_with("opt/") || entry.name.len() > 55 {
                return Some(format!(
                    "the fw_cfg name `{}` has to start with `opt/` and have at most 55 bytes",
                    entry.name
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nic::Mac;

    fn problem(change: impl FnOnce(&mut VmConfig)) -> String {
        let mut config = VmConfig::new("vm", "/d");
        change(&mut config);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn nonsense_is_refused_before_qemu_starts() {
        assert!(problem(|c| c.name = "a,b".into()).contains("letters, digits"));
        assert!(problem(|c| c.cpus = 0).contains("CPU"));
        assert!(
            problem(|c| c
                .disks
                .push(Disk::raw("/x").serial("123456789012345678901")))
            .contains("longer than the 20 bytes")
        );
        assert!(
            problem(|c| c.nics = vec![Nic::user(Mac::local(1), []); 2])
                .contains("52:54:00:00:00:01")
        );
        assert!(
            problem(|c| c.fw_cfg.push(FwCfg {
                name: "etc/e820".into(),
                content: vec![]
            }))
            .contains("opt/")
        );
    }

    #[test]
    fn a_missing_image_is_named() {
        let text = problem(|c| c.disks.push(Disk::raw("/no/such/image.raw")));
        assert_eq!(
            text,
            "virtual machine `vm`: disk image /no/such/image.raw does not exist"
        );
    }

    #[test]
    fn a_description_survives_being_written() {
        let mut config = VmConfig::new("vm", "/d")
            .disk(Disk::qcow2("/x").interface(Interface::UsbStick))
            .nic(Nic::user(Mac::local(7), [Forward::tcp(22)]));
        config.fw_cfg.push(FwCfg {
            name: "opt/x".into(),
            content: vec![1, 2],
        });
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<VmConfig>(&text).unwrap(), config);
    }
}
