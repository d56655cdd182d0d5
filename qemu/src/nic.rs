//! A network interface of a machine, and what it is plugged into.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::accel::Version;
use crate::switch::Port;

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// An address in the range QEMU uses (52:54:00), different for each number below 2^24.
    pub fn local(number: u32) -> Self {
        let [_, a, b, c] = number.to_be_bytes();
        Self([0x52, 0x54, 0x00, a, b, c])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no hardware address; one looks like 52:54:00:12:34:56");
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|p| is_pair(p)).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self(bytes))
    }
}

/// Two hexadecimal digits; `from_str_radix` alone would take a sign, too.
fn is_pair(part: &str) -> bool {
    part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit())
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl TryFrom<String> for Mac {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What a forward carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A port of this computer (on 127.0.0.1 only) that leads to a port of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// What it carries.
    pub protocol: Protocol,
    /// The port here; 0 for any free one, chosen when the machine starts.
    pub host: u16,
    /// The port of the guest.
    pub guest: u16,
}

impl Forward {
    /// TCP from any free port here.
    pub fn tcp(guest: u16) -> Self {
        Self {
            protocol: Protocol::Tcp,
            host: 0,
            guest,
        }
    }
}

/// What a network interface is plugged into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// QEMU's own network: DHCP gives 10.0.2.15, everything this computer reaches is reachable
    /// through address translation.
    User {
        /// Ways in from this computer.
        forwards: Vec<Forward>,
        /// Nothing but the forwards: the guest can't reach this computer or what lies beyond.
        isolated: bool,
    },
    /// A private switch.
    Switch(Port),
    /// Nothing: no carrier.
    Nothing,
}

/// A network interface (virtio).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// Its hardware address.
    pub mac: Mac,
    /// What it is plugged into.
    pub network: Network,
    /// The firmware may boot from it, after all disks.
    pub netboot: bool,
}

impl Nic {
    /// On QEMU's own network.
    pub fn user(mac: Mac, forwards: impl Into<Vec<Forward>>) -> Self {
        Self {
            mac,
            network: Network::User {
                forwards: forwards.into(),
                isolated: false,
            },
            netboot: false,
        }
    }

    /// On a private switch.
    pub fn switch(mac: Mac, port: Port) -> Self {
        Self {
            mac,
            network: Network::Switch(port),
            netboot: false,
        }
    }
}

/// The file in the machine's folder that leads to the switch of interface `i`.
///
/// A link, because the path of a socket has at most 107 bytes and folders are often deep.
pub(crate) fn switch_link(i: usize) -> String {
    format!("net{i}")
}

/// `-netdev` and `-device` values of a machine's interfaces, in order.
pub(crate) fn arguments(
    nics: &[Nic],
    disks: usize,
    version: Version,
) -> Vec<(&'static str, Value)> {
    let mut out = Vec::new();
    for (i, nic) in nics.iter().enumerate() {
        let id = format!("nic{i}");
        let netdev = format!("net{i}");
        let mut device = json!({
            "driver": "virtio-net-pci",
            "id": id,
            "mac": nic.mac,
            // The firmware has its own driver; without this a package of boot ROMs is needed.
            "romfile": "",
        });
        match &nic.network {
            Network::User { forwards, isolated } => {
                let ways: Vec<_> = forwards.iter().map(forward).collect();
                let mut value = json!({"type": "user", "id": netdev, "restrict": isolated});
                if !ways.is_empty() {
                    value["hostfwd"] = json!(ways);
                }
                out.push(("-netdev", value));
                device["netdev"] = json!(netdev);
            }
            Network::Switch(port) => {
                let path = format!("{}/{}", switch_link(i), port.socket());
                let mut value = json!({
                    "type": "stream",
                    "id": netdev,
                    "server": false,
                    "addr": {"type": "unix", "path": path},
                });
                // `reconnect` came with 8.0 and gave way to `reconnect-ms` in 9.2.
                if version >= Version::new(9, 2, 0) {
                    value["reconnect-ms"] = json!(500);
                } else if version >= Version::new(8, 0, 0) {
                    value["reconnect"] = json!(1);
                }
                out.push(("-netdev", value));
                // The switch's end of the socket is blocking: while a system that has not come to its
                // network takes no frames, nobody else on the switch would get any. So a hub
                // reads them always, for one of its ports takes everything and leads nowhere.
                let (inside, drain) = (format!("inside{i}"), format!("drain{i}"));
                let outside = format!("outside{i}");
                out.push((
                    "-netdev",
                    json!({"type": "hubport", "id": outside, "hubid": i, "netdev": netdev}),
                ));
                for id in [&inside, &drain] {
                    out.push(("-netdev", json!({"type": "hubport", "id": id, "hubid": i})));
                }
                device["netdev"] = json!(inside);
            }
            Network::Nothing => {}
        }
        if nic.netboot {
            device["bootindex"] = json!(disks + i + 1);
        }
        out.push(("-device", device));
    }
    out
}

fn forward(forward: &Forward) -> Value {
    let protocol = match forward.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    json!({"str": format!("{protocol}:127.0.0.1:{}-:{}", forward.host, forward.guest)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_text() {
        let mac = Mac::local(0x0001_02ff);
        assert_eq!(mac.to_string(), "52:54:00:01:02:ff");
        assert_eq!("52:54:00:01:02:FF".parse(), Ok(mac));
        for wrong in [
            "52:54:00:01:02",
            "52:54:00:01:02:ff:00",
            "52:54:00:01:02:f",
            "+2:54:00:01:02:ff",
        ] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn forwards_listen_on_this_computer_only() {
        let nic = Nic::user(
            Mac::local(1),
            [Forward {
                host: 2222,
                ..Forward::tcp(22)
            }],
        );
        let args = arguments(&[nic], 0, Version::new(7, 2, 0));
        assert_eq!(
            args[0].1,
            json!({"type": "user", "id": "net0", "restrict": false,
                   "hostfwd": [{"str": "tcp:127.0.0.1:2222-:22"}]})
        );
        assert_eq!(args[1].1["mac"], "52:54:00:00:00:01");
    }

    #[test]
    fn switches_are_reached_by_a_short_path() {
        let port = Port::new("/a/very/deep/folder", "h1-eth0");
        let nic = Nic {
            netboot: true,
            ..Nic::switch(Mac::local(1), port)
        };
        let args = arguments(std::slice::from_ref(&nic), 2, Version::new(7, 2, 0));
        assert_eq!(
            args[0].1,
            json!({"type": "stream", "id": "net0", "server": false,
                   "addr": {"type": "unix", "path": "net0/h1-eth0.sock"}})
        );
        let device = &args.last().unwrap().1;
        assert_eq!(
            (&device["bootindex"], &device["netdev"]),
            (&json!(3), &json!("inside0"))
        );
        let newer = arguments(std::slice::from_ref(&nic), 0, Version::new(8, 1, 0));
        assert_eq!(newer[0].1["reconnect"], 1);
        let newest = arguments(&[nic], 0, Version::new(10, 0, 0));
        assert_eq!(newest[0].1["reconnect-ms"], 500);
    }
}
