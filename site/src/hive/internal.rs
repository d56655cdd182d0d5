//! How `internal_cidr` is shared out among docker's networks (spec: internal_cidr split).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The parts of `internal_cidr`: two quarters, then four eighths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternalNetworks {
    /// First quarter: the overlay `hive_default_network`.
    pub default_network: Ipv4Net,
    /// Second quarter: the swarm's ingress network; its gateway is [`first`] of it.
    pub ingress: Ipv4Net,
    /// Fifth eighth: `docker_gwbridge` on every hive.
    pub gwbridge: Ipv4Net,
    /// Sixth eighth: `docker0` on every server; the bridge has [`first`] of it.
    pub docker0: Ipv4Net,
    /// Seventh eighth: the registry's network on the repository.
    pub registry: Ipv4Net,
    /// Last eighth: Zabbix' network on the repository.
    pub zabbix: Ipv4Net,
}

/// The longest prefix that leaves every part the four addresses Zabbix needs.
pub const LONGEST_PREFIX: u8 = 26;

impl InternalNetworks {
    /// Shares out a network; `None` when it is smaller than [`LONGEST_PREFIX`] allows.
    pub fn split(whole: Ipv4Net) -> Option<Self> {
        if whole.prefix_len() > LONGEST_PREFIX {
            return None;
        }
        let mut quarters = whole.subnets(whole.prefix_len() + 2).ok()?;
        let mut eighths = whole.subnets(whole.prefix_len() + 3).ok()?.skip(4);
        Some(Self {
            default_network: quarters.next()?,
            ingress: quarters.next()?,
            gwbridge: eighths.next()?,
            docker0: eighths.next()?,
            registry: eighths.next()?,
            zabbix: eighths.next()?,
        })
    }

    /// `docker0`'s own address with its prefix length, as dockerd's `--bip` takes it.
    pub fn docker0_bip(&self) -> String {
        format!("{}/{}", first(self.docker0), self.docker0.prefix_len())
    }

    /// Zabbix' fixed addresses: server, web, database.
    pub fn zabbix_addresses(&self) -> [Ipv4Addr; 3] {
        let network = u32::from(self.zabbix.network());
        [2, 3, 4].map(|offset| Ipv4Addr::from(network + offset))
    }
}

/// The first address after the network's own.
pub fn first(net: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(net.network()).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_network_splits_as_documented() {
        let parts = InternalNetworks::split("172.31.252.0/22".parse().unwrap()).unwrap();
        assert_eq!(parts.default_network.to_string(), "172.31.252.0/24");
        assert_eq!(parts.ingress.to_string(), "172.31.253.0/24");
        assert_eq!(first(parts.ingress).to_string(), "172.31.253.1");
        assert_eq!(parts.gwbridge.to_string(), "172.31.254.0/25");
        assert_eq!(parts.docker0_bip(), "172.31.254.129/25");
        assert_eq!(parts.registry.to_string(), "172.31.255.0/25");
        assert_eq!(parts.zabbix.to_string(), "172.31.255.128/25");
        assert_eq!(
            parts.zabbix_addresses().map(|a| a.to_string()),
            ["172.31.255.130", "172.31.255.131", "172.31.255.132"]
        );
    }

    #[test]
    fn too_small_a_network_is_not_split() {
        assert!(InternalNetworks::split("10.0.0.0/26".parse().unwrap()).is_some());
        assert!(InternalNetworks::split("10.0.0.0/27".parse().unwrap()).is_none());
    }
}
