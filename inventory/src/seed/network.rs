//! Network interfaces of a host.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A network interface, found by name or by hardware address, or made: a bond, or a VLAN on another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Kernel name, such as `eth0` or `enp1s0`; for a bond, the name that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Hardware address, `52:54:00:12:34:56`; wins over the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The interface is made of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bond: Option<Bond>,
    /// The addresses are on a VLAN of this number on the interface, 1 to 4094. Several entries of one
    /// interface with different VLANs, and one without, may stand side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Whether addresses come by DHCP.
    #[serde(default)]
    pub dhcp: bool,
    /// Static addresses with prefix length, `192.168.0.4/24`.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Default gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Name servers.
    #[serde(default)]
    pub nameservers: Vec<IpAddr>,
}

/// Interfaces that work as one: 802.3ad, looked at every 100 ms, up and down after 600 ms, spread
/// by layers 2 and 3 (spec: kickstart_config).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bond {
    /// Kernel names of its parts.
    pub interfaces: Vec<String>,
}
