//! A disk of a machine: which image, and behind which kind of controller.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How an image file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The bytes of the disk, one after the other.
    Raw,
    /// QEMU's own format.
    Qcow2,
}

impl Format {
    /// QEMU's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// What the guest sees its disk behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// Paravirtual, the fastest.
    #[default]
    Virtio,
    /// NVMe. QEMU can't save the state of a machine with one.
    Nvme,
    /// SATA behind an AHCI controller.
    Sata,
    /// A removable USB stick.
    UsbStick,
}

impl Interface {
    /// The longest serial number the device shows, in bytes, where it has a limit.
    pub(crate) fn longest_serial(self) -> usize {
        match self {
            // virtio 1.1 section 5.2.6.1 VIRTIO_BLK_ID_BYTES; NVMe and ATA identify data: 20 bytes.
            Self::Virtio | Self::Nvme | Self::Sata => 20,
            // A USB string descriptor is at most 255 bytes: 126 UTF-16 units.
            Self::UsbStick => 126,
        }
    }
}

/// A disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The image file.
    pub path: PathBuf,
    /// How it is laid out.
    pub format: Format,
    /// What the guest sees it behind.
    pub interface: Interface,
    /// The serial number the guest reads; without it `disk0`, `disk1` and so on.
    pub serial: Option<String>,
    /// The guest can't write.
    pub readonly: bool,
    /// Ignores the guest's flushes: faster, and loses data only when this computer fails, not when
    /// the machine's power is cut.
    pub unsafe_cache: bool,
}

impl Disk {
    fn new(path: impl Into<PathBuf>, format: Format) -> Self {
        Self {
            path: path.into(),
            format,
            interface: Interface::default(),
            serial: None,
            readonly: false,
            unsafe_cache: false,
        }
    }

    /// A raw image behind virtio.
    pub fn raw(path: impl Into<PathBuf>) -> Self {
        Self::new(path, Format::Raw)
    }

    /// A qcow2 image behind virtio.
    pub fn qcow2(path: impl Into<PathBuf>) -> Self {
        Self::new(path, Format::Qcow2)
    }

    /// Puts it behind another kind of controller.
    pub fn interface(mut self, interface: Interface) -> Self {
        self.interface = interface;
        self
    }

    /// Gives it a serial number.
    pub fn serial(mut self, serial: impl Into<String>) -> Self {
        self.serial = Some(serial.into());
        self
    }

    /// Makes it unwritable.
    pub fn readonly(mut self) -> Self {
        self.readonly = true;
        self
    }

    /// Ignores the guest's flushes.
    pub fn unsafe_cache(mut self) -> Self {
        self.unsafe_cache = true;
        self
    }
}

/// The value of `-blockdev` for a file.
pub(crate) fn blockdev(
    node: &str,
    path: &Path,
    format: Format,
    readonly: bool,
    lazy: bool,
) -> Value {
    let cache = json!({ "direct": false, "no-flush": lazy });
    json!({
        "node-name": node,
        "driver": format.name(),
        "read-only": readonly,
        "discard": "unmap",
        "cache": cache,
        "file": {
            "driver": "file",
            "filename": path,
            "discard": "unmap",
            "read-only": readonly,
            "cache": cache,
        },
    })
}

/// `-blockdev` and `-device` values of a machine's disks, with the controllers they need, in order.
pub(crate) fn arguments(disks: &[Disk]) -> Vec<(&'static str, Value)> {
    /// What QEMU's built-in and added AHCI controllers have.
    const SATA_PORTS: usize = 6;
    let mut out = Vec::new();
    let mut sata = 0;
    let mut has_usb = false;
    for (i, disk) in disks.iter().enumerate() {
        let id = format!("disk{i}");
        let node = format!("image{i}");
        out.push((
            "-blockdev",
            blockdev(
                &node,
                &disk.path,
                disk.format,
                disk.readonly,
                disk.unsafe_cache,
            ),
        ));
        let mut device = json!({
            "id": id,
            "drive": node,
            "serial": disk.serial.as_deref().unwrap_or(&id),
            "bootindex": i + 1,
        });
        let mut set = |key: &str, value: Value| device[key] = value;
        match disk.interface {
            Interface::Virtio => set("driver", json!("virtio-blk-pci")),
            Interface::Nvme => set("driver", json!("nvme")),
            Interface::Sata => {
                let (controller, port) = (sata / SATA_PORTS, sata % SATA_PORTS);
                sata += 1;
                set("driver", json!("ide-hd"));
                // The first controller is part of the q35 machine; its buses have no prefix.
                if controller == 0 {
                    set("bus", json!(format!("ide.{port}")));
                } else {
                    set("bus", json!(format!("ahci{controller}.{port}")));
                    if port == 0 {
                        out.push((
                            "-device",
                            json!({"driver": "ich9-ahci", "id": format!("ahci{controller}")}),
                        ));
                    }
                }
            }
            Interface::UsbStick => {
                set("driver", json!("usb-storage"));
                set("bus", json!("usb.0"));
                set("removable", json!(true));
                if !has_usb {
                    has_usb = true;
                    out.push(("-device", json!({"driver": "qemu-xhci", "id": "usb"})));
                }
            }
        }
        out.push(("-device", device));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(disks: &[Disk]) -> Vec<Value> {
        let all = arguments(disks).into_iter();
        all.filter(|(o, _)| *o == "-device")
            .map(|(_, v)| v)
            .collect()
    }

    #[test]
    fn each_interface_has_its_device() {
        let disks = [
            Disk::raw("/a").serial("S1"),
            Disk::raw("/b").interface(Interface::Nvme),
            Disk::raw("/c").interface(Interface::Sata),
            Disk::raw("/d").interface(Interface::UsbStick),
            Disk::raw("/e").interface(Interface::UsbStick),
        ];
        assert_eq!(
            devices(&disks),
            [
                json!({"driver": "virtio-blk-pci", "id": "disk0", "drive": "image0", "serial": "S1", "bootindex": 1}),
                json!({"driver": "nvme", "id": "disk1", "drive": "image1", "serial": "disk1", "bootindex": 2}),
                json!({"driver": "ide-hd", "bus": "ide.0", "id": "disk2", "drive": "image2", "serial": "disk2", "bootindex": 3}),
                json!({"driver": "qemu-xhci", "id": "usb"}),
                json!({"driver": "usb-storage", "bus": "usb.0", "removable": true, "id": "disk3", "drive": "image3", "serial": "disk3", "bootindex": 4}),
                json!({"driver": "usb-storage", "bus": "usb.0", "removable": true, "id": "disk4", "drive": "image4", "serial": "disk4", "bootindex": 5}),
            ]
        );
    }

    #[test]
    fn the_seventh_sata_disk_gets_a_second_controller() {
        let disks = vec![Disk::raw("/a").interface(Interface::Sata); 7];
        let devices = devices(&disks);
        assert_eq!(devices[5]["bus"], "ide.5");
        assert_eq!(devices[6], json!({"driver": "ich9-ahci", "id": "ahci1"}));
        assert_eq!(devices[7]["bus"], "ahci1.0");
    }

    #[test]
    fn images_keep_their_path_and_their_cache_mode() {
        let disk = Disk::qcow2("/with,comma").readonly().unsafe_cache();
        let (option, value) = &arguments(&[disk])[0];
        assert_eq!(*option, "-blockdev");
        assert_eq!(value["driver"], "qcow2");
        assert_eq!(value["file"]["filename"], "/with,comma");
        assert_eq!(value["read-only"], true);
        assert_eq!(value["cache"]["no-flush"], true);
    }
}
