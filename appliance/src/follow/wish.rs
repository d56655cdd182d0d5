//! What the labels of a service ask for. A label that can't be read is a complaint about that service
//! and costs only the virtual IP that it belongs to.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hive_links::{PortList, VirtualAddress};

const VIP: &str = "HIVE_VIP";
const ROUTER: &str = "HIVE_ROUTER";
const MARK: &str = "HIVE_MARK";
const PORTS: &str = "HIVE_DNAT_PORTS";
const SNAT: &str = "HIVE_ENABLE_VIP_SNAT";
/// Numbers that the labels of further virtual IPs end in, besides none.
const NUMBERS: std::ops::RangeInclusive<u8> = b'0'..=b'5';
const V6: &str = "_V6";

/// A virtual IP that a service asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The address, and where it goes if the label says so.
    pub address: VirtualAddress,
    /// The neighbour that must answer to it.
    pub router: Option<IpAddr>,
    /// Ports that lead to the container.
    pub ports: Option<PortList>,
    /// Whether what the container sends out through the address's interface leaves with it.
    pub snat: bool,
}

/// All that the labels of a service ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Virtual IPs, in the order of their labels' names.
    pub addresses: Vec<Wish>,
    /// Name of the node label.
    pub mark: Option<String>,
    /// What can't be read, with the next step.
    pub complaints: Vec<String>,
}

/// Whether a label is ours.
pub fn ours(label: &str) -> bool {
    [VIP, ROUTER, MARK, PORTS, SNAT]
        .iter()
        .any(|name| label.starts_with(name))
}

/// Number and family of a label: `HIVE_VIP0_V6` is `("0", true)`. The order is the order of wishes.
type Place<'a> = (&'a str, bool);

/// Reads the labels.
pub fn wishes(labels: &BTreeMap<String, String>) -> Wishes {
    let mut out = Wishes::default();
    let mut places: BTreeMap<Place<'_>, BTreeMap<&str, &str>> = BTreeMap::new();
    for (label, value) in labels.iter().filter(|(label, _)| ours(label)) {
        if label == MARK {
            match mark(value) {
                Ok(name) => out.mark = Some(name),
                Err(words) => out.complaints.push(format!("{MARK}: {words}")),
            }
        } else if let Some((name, place)) = place(label) {
            places.entry(place).or_default().insert(name, value.trim());
        } else {
            out.complaints.push(format!(
                "hive knows no label {label}; numbers go from 0 to 5, and IPv6 ends in {V6}"
            ));
        }
    }
    for ((number, v6), labels) in places {
        let named = |name: &str| format!("{name}{number}{}", if v6 { V6 } else { "" });
        match wish(&labels, v6, &named) {
            Ok(wish)
                if out
                    .addresses
                    .iter()
                    .any(|w| w.address.ip == wish.address.ip) =>
            {
                let text = format!("{}: {} is there twice", named(VIP), wish.address.ip);
                out.complaints.push(text);
            }
            Ok(wish) => out.addresses.push(wish),
            Err(words) => out.complaints.push(words),
        }
    }
    out
}

fn place(label: &str) -> Option<(&'static str, Place<'_>)> {
    let (base, v6) = match label.strip_suffix(V6) {
        Some(base) => (base, true),
        None => (label, false),
    };
    [VIP, ROUTER, PORTS, SNAT].into_iter().find_map(|name| {
        let number = base.strip_prefix(name)?;
        let known = match number.as_bytes() {
            [] => true,
            [digit] => NUMBERS.contains(digit),
            _ => false,
        };
        known.then_some((name, (number, v6)))
    })
}

fn wish(
    labels: &BTreeMap<&str, &str>,
    v6: bool,
    named: &dyn Fn(&str) -> String,
) -> Result<Wish, String> {
    let Some(text) = labels.get(VIP) else {
        let lone = labels.keys().next().copied().unwrap_or_default();
        return Err(format!("{} has no {} beside it", named(lone), named(VIP)));
    };
    let address: VirtualAddress = text.parse().map_err(|e| format!("{}: {e}", named(VIP)))?;
    family(address.ip, v6).map_err(|e| format!("{}: {e}", named(VIP)))?;
    let router = match labels.get(ROUTER) {
        None => None,
        Some(text) => {
            let parsed = text.parse::<IpAddr>();
            let words = || format!("{}: `{text}` is no IP address", named(ROUTER));
            let ip = parsed.map_err(|_| words())?;
            family(ip, v6).map_err(|e| format!("{}: {e}", named(ROUTER)))?;
            if ip == address.ip {
                return Err(format!("{}: {ip} is the virtual IP itself", named(ROUTER)));
            }
            Some(ip)
        }
    };
    let ports = match labels.get(PORTS) {
        None => None,
        Some(text) => Some(text.parse().map_err(|e| format!("{}: {e}", named(PORTS)))?),
    };
    let snat = match labels.get(SNAT).map(|text| text.to_ascii_lowercase()) {
        None => false,
        Some(text) => match text.as_str() {
            "true" | "yes" | "1" => true,
            "false" | "no" | "0" => false,
            _ => {
                return Err(format!(
                    "{}: write true or false, not `{text}`",
                    named(SNAT)
                ));
            }
        },
    };
    Ok(Wish {
        address,
        router,
        ports,
        snat,
    })
}

fn family(ip: IpAddr, v6: bool) -> Result<(), String> {
    match (ip.is_ipv6(), v6) {
        (false, true) => Err(format!(
            "{ip} is no IPv6 address; its label has no {V6} at its end"
        )),
        (true, false) => Err(format!("{ip} is an IPv6 address; its label ends in {V6}")),
        _ => Ok(()),
    }
}

fn mark(value: &str) -> Result<String, String> {
    let name = value.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(format!(
            "`{name}` can't be the name of a node label; take letters, digits, `-`, `_` and `.`"
        ));
    }
    if name.starts_with(super::marks::COMPANION) {
        return Err(format!(
            "names that begin with {} are hive's own",
            super::marks::COMPANION
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(labels: &[(&str, &str)]) -> Wishes {
        let labels = labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        wishes(&labels.collect())
    }

    #[test]
    fn all_labels_are_understood() {
        let wishes = read(&[
            ("HIVE_VIP", "192.168.0.101"),
            ("HIVE_ROUTER", "192.168.0.1"),
            ("HIVE_MARK", "zabbix"),
            ("HIVE_VIP0", "10.0.0.9/24@eth1"),
            ("HIVE_DNAT_PORTS0", "80,53/udp"),
            ("HIVE_ENABLE_VIP_SNAT0", "True"),
            ("HIVE_VIP5_V6", "2001:db8::9"),
            ("HIVE_ROUTER5_V6", "2001:db8::1"),
            ("HIVE_STANDALONE", "True"),
            ("com.example", "x"),
        ]);
        assert_eq!(wishes.complaints, [""; 0]);
        assert_eq!(wishes.mark.as_deref(), Some("zabbix"));
        let [plain, ported, six] = &wishes.addresses[..] else {
            panic!("{wishes:?}");
        };
        assert_eq!(plain.router.unwrap().to_string(), "192.168.0.1");
        assert_eq!(ported.address.named.as_ref().unwrap().interface, "eth1");
        assert_eq!(ported.ports.as_ref().unwrap().ports().len(), 2);
        assert!(ported.snat && !plain.snat);
        assert_eq!(six.address.ip.to_string(), "2001:db8::9");
    }

    #[test]
    fn what_does_not_read_is_told_with_its_label_and_costs_only_its_own_address() {
        for (label, value, word) in [
            ("HIVE_VIP", "300.1.1.1", "300.1.1.1"),
            ("HIVE_VIP", "10.0.0.1@eth0", "eth0"),
            ("HIVE_VIP", "2001:db8::1", "_V6"),
            ("HIVE_VIP_V6", "10.0.0.1", "_V6"),
            ("HIVE_VIP7", "10.0.0.1", "HIVE_VIP7"),
            ("HIVE_ROUTER", "10.0.0.1", "no HIVE_VIP beside it"),
            ("HIVE_MARK", "a b", "a b"),
            ("HIVE_MARK", "hive.mark.x", "hive's own"),
        ] {
            let wishes = read(&[(label, value), ("HIVE_VIP3", "10.0.0.3")]);
            let [complaint] = &wishes.complaints[..] else {
                panic!("{label}={value}: {wishes:?}");
            };
            assert!(complaint.contains(word), "{complaint}");
            assert_eq!(wishes.addresses.len(), 1, "{wishes:?}");
        }
        for (label, value) in [
            ("HIVE_ROUTER", "10.0.0.300"),
            ("HIVE_ROUTER", "10.0.0.1"),
            ("HIVE_DNAT_PORTS", "80,,"),
            ("HIVE_ENABLE_VIP_SNAT", "perhaps"),
        ] {
            let wishes = read(&[("HIVE_VIP", "10.0.0.1"), (label, value)]);
            assert!(wishes.addresses.is_empty(), "{wishes:?}");
            assert!(wishes.complaints[0].starts_with(label), "{wishes:?}");
        }
        let twice = read(&[("HIVE_VIP", "10.0.0.1"), ("HIVE_VIP0", "10.0.0.1")]);
        assert!(twice.complaints[0].contains("twice"), "{twice:?}");
    }
}
