//! The network of a stage's machines: one interface to this computer and beyond, one to the others.

use hive_inventory::seed::Interface;
use hive_qemu::Mac;
use hive_site::{Host, StageName};

/// Interfaces of a machine, in the order that it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cable {
    /// QEMU's own network: the way out, and ssh in.
    Outside,
    /// The stage's private switch, where the host has its address of the inventory.
    Inside,
}

/// The hardware address of an interface: always the same for a host of a stage.
pub fn mac(stage: StageName, host: &Host, cable: Cable) -> Mac {
    let stage = match stage {
        StageName::Private => 0,
        StageName::Staging => 1,
        StageName::Production => 2,
    };
    let cable = match cable {
        Cable::Outside => 0,
        Cable::Inside => 1,
    };
    let index = u32::try_from(host.index).unwrap_or(u32::MAX) & 0xffff;
    Mac::local(stage << 20 | index << 4 | cable)
}

/// What the seed says about the interfaces.
pub fn interfaces(stage: StageName, host: &Host) -> Vec<Interface> {
    vec![
        Interface {
            mac: Some(mac(stage, host, Cable::Outside).to_string()),
            dhcp: true,
            ..Interface::default()
        },
        Interface {
            mac: Some(mac(stage, host, Cable::Inside).to_string()),
            addresses: vec![host.address_with_prefix()],
            ..Interface::default()
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site_keys::tests::stage;

    #[test]
    fn every_interface_has_an_address_of_its_own() {
        let stage = stage();
        let mut seen = std::collections::BTreeSet::new();
        for name in StageName::ALL {
            for host in stage.hosts() {
                for cable in [Cable::Outside, Cable::Inside] {
                    assert!(seen.insert(mac(name, host, cable).to_string()));
                }
            }
        }
        assert_eq!(seen.len(), 18);
    }

    #[test]
    fn the_inside_has_the_address_of_the_inventory() {
        let stage = stage();
        let found = interfaces(StageName::Private, &stage.hosts()[1]);
        assert_eq!(found[1].addresses, ["192.168.77.5/24"]);
        assert_eq!(found[1].mac.as_deref(), Some("52:54:00:00:00:11"));
        assert!(found[0].dhcp && !found[1].dhcp);
    }
}
