//! Who the other servers are: `/etc/hosts`, and the packet filter's sets.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hive_inventory::seed::{Seed, is_host_name};

use super::render::{EtcFile, RenderError, SiteLayer, UNSEEDED};

/// What every hosts file begins with.
const LOCALHOST: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n";

/// The hosts file: the site's, where the seed says nothing else of a name.
pub(super) fn hosts(seed: Option<&Seed>, site: &SiteLayer) -> Result<EtcFile, RenderError> {
    let known = |name: &str| {
        seed.is_some_and(|s| s.host == name || s.peers.iter().any(|peer| peer.host == name))
    };
    let mut out = String::new();
    let base = match &site.hosts {
        Some(text) if !text.trim().is_empty() => text.trim_end(),
        _ => LOCALHOST.trim_end(),
    };
    for line in base.lines() {
        let words = line.split('#').next().unwrap_or_default();
        if !words.split_ascii_whitespace().skip(1).any(known) {
            out.push_str(line);
            out.push('\n');
        }
    }
    let Some(seed) = seed else {
        out.push_str(&format!("127.0.1.1 {UNSEEDED}\n"));
        return Ok(EtcFile::text("hosts", out));
    };
    let short = seed.short_name();
    if seed.me().is_none() {
        // As Debian has it: a name for the machine itself that needs no network.
        out.push_str(&match short == seed.host {
            true => format!("127.0.1.1 {short}\n"),
            false => format!("127.0.1.1 {} {short}\n", seed.host),
        });
    }
    for peer in &seed.peers {
        if !is_host_name(&peer.host) {
            return Err(RenderError::Value {
                what: "peer",
                value: peer.host.clone(),
                wanted: "a host name",
            });
        }
        out.push_str(&format!("{} {}", peer.address, peer.host));
        // Its own name means the same address on every host; the short one is what the kernel calls it.
        if peer.host == seed.host && short != seed.host {
            out.push_str(&format!(" {short}"));
        }
        out.push('\n');
    }
    Ok(EtcFile::text("hosts", out))
}

/// The addresses that the packet filter lets in as servers; `None` leaves the site's.
pub(super) fn firewall(seed: &Seed) -> Option<EtcFile> {
    let addresses: BTreeSet<IpAddr> = seed.peers.iter().map(|peer| peer.address).collect();
    let set = |name: &str, wanted: fn(&IpAddr) -> bool| {
        let list: Vec<String> = addresses
            .iter()
            .filter(|a| wanted(a))
            .map(IpAddr::to_string)
            .collect();
        match list.is_empty() {
            true => String::new(),
            false => format!("add element inet hive {name} {{ {} }}\n", list.join(", ")),
        }
    };
    (!addresses.is_empty()).then(|| {
        EtcFile::text(
            "hive/firewall.d/20-peers.nft",
            set("peers4", IpAddr::is_ipv4)
                + &set("peers6", IpAddr::is_ipv6)
                + &overlay_port(seed.swarm.data_path_port),
        )
    })
}

/// Overlay networks elsewhere than at docker's own port, which the image's rules let in.
fn overlay_port(port: Option<u16>) -> String {
    port.map_or_else(String::new, |port| {
        format!("add rule inet hive peers udp dport {port} accept\n")
    })
}

#[cfg(test)]
mod tests {
    use super::super::render::tests::{seed, text};
    use super::*;

    #[test]
    fn the_seed_wins_over_the_sites_hosts() {
        let site = SiteLayer {
            hosts: Some(
                "127.0.0.1 localhost\n192.168.0.9 p-hive1.example.com # old\n10.0.0.1 mirror"
                    .into(),
            ),
            ..SiteLayer::default()
        };
        let hosts = hosts(Some(&seed()), &site).unwrap();
        assert_eq!(
            text(&[hosts], "hosts"),
            "127.0.0.1 localhost\n10.0.0.1 mirror\n192.168.0.1 p-hive0.example.com p-hive0\n192.168.0.2 p-hive1.example.com\n"
        );
    }

    #[test]
    fn a_host_outside_its_list_still_knows_its_name() {
        let mut seed = seed();
        seed.peers.remove(0);
        let hosts = hosts(Some(&seed), &SiteLayer::default()).unwrap();
        let file = [hosts];
        assert!(text(&file, "hosts").contains("\n127.0.1.1 p-hive0.example.com p-hive0\n"));
    }

    #[test]
    fn servers_are_let_in_by_both_families() {
        let mut seed = seed();
        seed.peers[1].address = "fd00::5".parse().unwrap();
        let rules = firewall(&seed).unwrap();
        assert_eq!(
            text(&[rules], "hive/firewall.d/20-peers.nft"),
            "add element inet hive peers4 { 192.168.0.1 }\nadd element inet hive peers6 { fd00::5 }\n"
        );
        seed.swarm.data_path_port = Some(8472);
        let rules = firewall(&seed).unwrap();
        let rules = text(std::slice::from_ref(&rules), "hive/firewall.d/20-peers.nft").to_owned();
        assert!(
            rules.ends_with("\nadd rule inet hive peers udp dport 8472 accept\n"),
            "{rules}"
        );
        seed.peers.clear();
        assert_eq!(firewall(&seed), None);
    }
}
