//! Which host gets which address in which subnet and zone (spec: IP and zone assignment).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Usable addresses left free at the start of a subnet: router, and what clouds keep for themselves.
const RESERVED_IN_SUBNET: usize = 4;
/// Usable addresses left free at the start of a stage's network without subnets.
const RESERVED_IN_CIDR: usize = 3;

/// A network without room for another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// Which of the networks, counted from 0.
    pub subnet: usize,
    /// How many hosts it has room for.
    pub room: usize,
}

/// Gives each of `count` hosts an address: host *i* goes to subnet *i* mod their number and gets its
/// next unused address after the first four usable ones. Returns address and subnet index per host.
pub fn in_subnets(count: usize, subnets: &[Ipv4Net]) -> Result<Vec<(Ipv4Addr, usize)>, Exhausted> {
    spread(count, subnets, RESERVED_IN_SUBNET)
}

/// As [`in_subnets`] in one network, after the first three usable addresses.
pub fn in_cidr(count: usize, cidr: Ipv4Net) -> Result<Vec<(Ipv4Addr, usize)>, Exhausted> {
    spread(count, &[cidr], RESERVED_IN_CIDR)
}

fn spread(
    count: usize,
    subnets: &[Ipv4Net],
    reserved: usize,
) -> Result<Vec<(Ipv4Addr, usize)>, Exhausted> {
    let mut pools: Vec<_> = subnets
        .iter()
        .map(|subnet| subnet.hosts().skip(reserved))
        .collect();
    let mut used = BTreeSet::new();
    let mut given = Vec::with_capacity(count);
    for host in 0..count {
        let subnet = host % subnets.len();
        // Subnets may overlap, so what another one gave away is skipped here too.
        let address = pools[subnet]
            .find(|address| used.insert(*address))
            .ok_or_else(|| Exhausted {
                subnet,
                room: given.iter().filter(|(_, at)| *at == subnet).count(),
            })?;
        given.push((address, subnet));
    }
    Ok(given)
}

/// The availability zone of a host in a region, where its subnet names none: Azure numbers them from
/// 1 to 3, elsewhere the suffixes take turns behind the region's name.
pub fn default_zone(host: usize, region: &str, suffixes: &[String], numbered: bool) -> String {
    if numbered {
        (host % 3 + 1).to_string()
    } else if suffixes.is_empty() {
        format!("{region}-{}", ["a", "b", "c"][host % 3])
    } else {
        format!("{region}{}", suffixes[host % suffixes.len()])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_host_of_a_24_gets_4() {
        let given = in_cidr(3, net("192.168.0.0/24")).unwrap();
        let last: Vec<u8> = given.iter().map(|(a, _)| a.octets()[3]).collect();
        assert_eq!(last, [4, 5, 6]);
    }

    #[test]
    fn the_first_host_of_a_26_subnet_gets_5() {
        let subnets = [
            net("10.0.0.0/26"),
            net("10.0.0.64/26"),
            net("10.0.0.128/26"),
        ];
        let given = in_subnets(4, &subnets).unwrap();
        let text: Vec<String> = given.iter().map(|(a, s)| format!("{s} {a}")).collect();
        assert_eq!(
            text,
            ["0 10.0.0.5", "1 10.0.0.69", "2 10.0.0.133", "0 10.0.0.6"]
        );
    }

    #[test]
    fn a_full_network_says_how_much_room_it_has() {
        let full = in_cidr(4, net("10.0.0.0/29")).unwrap_err();
        assert_eq!(full, Exhausted { subnet: 0, room: 3 });
        assert!(in_cidr(3, net("10.0.0.0/29")).is_ok());
        assert_eq!(in_cidr(1, net("10.0.0.0/32")).unwrap_err().room, 0);
    }

    #[test]
    fn zones_take_turns() {
        let zones = |numbered| -> Vec<String> {
            (0..4)
                .map(|i| default_zone(i, "r1", &[], numbered))
                .collect()
        };
        assert_eq!(zones(false), ["r1-a", "r1-b", "r1-c", "r1-a"]);
        assert_eq!(zones(true), ["1", "2", "3", "1"]);
        assert_eq!(
            default_zone(1, "r1", &["a".into(), "d".into()], false),
            "r1d"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn addresses_are_distinct_and_lie_in_their_subnet(
            count in 0usize..40,
            bases in prop::collection::vec((any::<u32>(), 20u8..=30), 1..4),
        ) {
            let subnets: Vec<Ipv4Net> = bases
                .iter()
                .map(|(base, prefix)| Ipv4Net::new((*base).into(), *prefix).unwrap().trunc())
                .collect();
            if let Ok(given) = in_subnets(count, &subnets) {
                prop_assert_eq!(given.len(), count);
                let distinct: BTreeSet<_> = given.iter().map(|(a, _)| *a).collect();
                prop_assert_eq!(distinct.len(), count);
                for (host, (address, subnet)) in given.iter().enumerate() {
                    let net = subnets[*subnet];
                    prop_assert_eq!(*subnet, host % subnets.len());
                    prop_assert!(net.contains(address));
                    prop_assert!(u32::from(*address) - u32::from(net.network()) > 4);
                    prop_assert_ne!(*address, net.broadcast());
                }
            }
        }
    }
}
