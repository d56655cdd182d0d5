//! What the kernel has: interfaces and their addresses.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// A hardware address of Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name, for people: bytes that are not UTF-8 are replaced. Work goes by the index.
    pub name: String,
    /// The kernel's number for it, which no other interface gets before the next boot.
    pub index: u32,
    /// Its hardware address; `None` where neighbours are not asked for one (loopback, tunnels).
    pub mac: Option<Mac>,
    /// Whether frames can pass: switched on and with a carrier.
    pub up: bool,
    /// Its addresses, in the kernel's order.
    pub addresses: Vec<Address>,
}

impl Interface {
    /// The first address of the host itself (not ours) whose network contains `ip`, the longest
    /// prefix first.
    pub fn covering(&self, ip: IpAddr) -> Option<&Address> {
        self.addresses
            .iter()
            .filter(|address| !address.ours && address.network().contains(&ip))
            .max_by_key(|address| address.prefix)
    }
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Length of its network's prefix in bits.
    pub prefix: u8,
    /// Whether it carries our mark, so that it was added by [`crate::Links::add`], by whichever
    /// process and however long ago.
    pub ours: bool,
}

impl Address {
    /// The network that the prefix makes of it.
    pub fn network(&self) -> IpNet {
        // The kernel has no longer prefix than the address has bits.
        IpNet::new(self.ip, self.prefix).map_or_else(|_| self.ip.into(), |net| net.trunc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_printed_as_people_write_it() {
        assert_eq!(
            Mac([2, 0, 0x5e, 0x10, 0xff, 1]).to_string(),
            "02:00:5e:10:ff:01"
        );
    }

    #[test]
    fn only_addresses_of_the_host_cover_others() {
        let address = |ip: &str, prefix, ours| Address {
            ip: ip.parse().unwrap(),
            prefix,
            ours,
        };
        let interface = Interface {
            name: "eth0".into(),
            index: 2,
            mac: None,
            up: true,
            addresses: vec![
                address("10.0.0.1", 8, false),
                address("10.0.0.2", 24, false),
                address("10.0.0.3", 30, true),
            ],
        };
        let covering = |ip: &str| interface.covering(ip.parse().unwrap()).map(|a| a.prefix);
        assert_eq!(covering("10.0.0.1"), Some(24));
        assert_eq!(covering("10.9.0.1"), Some(8));
        assert_eq!(covering("11.0.0.1"), None);
        assert_eq!(covering("fd00::1"), None);
    }
}
