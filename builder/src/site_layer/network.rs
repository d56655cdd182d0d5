//! Who is who, and who may come in: hosts file, sshd's port, rules of the packet filter.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use hive_inventory::seed::is_host_name;
use hive_inventory::settings::HostSettings;

use super::{LayerFile, SettingError};

/// sshd's port when the site names none, or no sources.
const SSH_PORT: u16 = 22;

/// Files about the network.
pub fn render(settings: &HostSettings) -> Result<Vec<LayerFile>, SettingError> {
    let mut files = vec![LayerFile::text("hosts", hosts(settings)?)];
    if !settings.servers.is_empty() {
        files.push(LayerFile::text(
            "hive/firewall.d/20-peers.nft",
            peers(settings),
        ));
    }
    if !settings.ssh_source_ips.is_empty() {
        // As ever with hive: a port of its own counts only together with sources.
        let port = settings.sshd_port.unwrap_or(SSH_PORT);
        if port == 0 {
            return Err(SettingError::new(
                "hive_safe_sshd_port",
                "0 is not a port",
                "choose one from 1 to 65535",
            ));
        }
        files.push(LayerFile::text(
            "hive/firewall.d/10-ssh.nft",
            ssh_rules(settings, port)?,
        ));
        files.push(LayerFile::text(
            "ssh/sshd_config.d/05-site.conf",
            format!("Port {port}\n"),
        ));
    }
    Ok(files)
}

fn hosts(settings: &HostSettings) -> Result<String, SettingError> {
    let mut text = String::from("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
    for (name, address) in &settings.servers {
        if !is_host_name(name) {
            return Err(SettingError::new(
                "the stage's servers",
                format!("{name:?} is not a host name"),
                "correct `name` or `custom_hostname`",
            ));
        }
        let _ = writeln!(text, "{address} {name}");
    }
    Ok(text)
}

fn peers(settings: &HostSettings) -> String {
    let addresses: BTreeSet<IpAddr> = settings.servers.iter().map(|(_, a)| *a).collect();
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
    set("peers4", IpAddr::is_ipv4) + &set("peers6", IpAddr::is_ipv6)
}

/// One rule a source, each with its own limit, so that one address that knocks without end locks nobody else out.
fn ssh_rules(settings: &HostSettings, port: u16) -> Result<String, SettingError> {
    let mut text = String::new();
    for source in &settings.ssh_source_ips {
        let source = network(source).ok_or_else(|| {
            SettingError::new(
                "hive_ssh_source_ips",
                format!("{source:?} is neither an address nor a network"),
                "write 198.51.100.7 or 198.51.100.0/24",
            )
        })?;
        let family = if source.contains(':') { "ip6" } else { "ip" };
        let _ = writeln!(
            text,
            "add rule inet hive ssh {family} saddr {source} tcp dport {port} limit rate 5/second burst 20 packets accept"
        );
    }
    Ok(text)
}

/// An address or a network, written as nft takes it.
fn network(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    prefix_of::<IpAddr>(text, 128)
        .filter(|(address, prefix)| address.is_ipv6() || *prefix <= 32)
        .map(|(address, prefix)| format!("{address}/{prefix}"))
}

/// Reads `ADDRESS/LENGTH` with a length up to `longest`.
pub fn prefix_of<A: FromStr>(text: &str, longest: u8) -> Option<(A, u8)> {
    let (address, length) = text.split_once('/')?;
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length = length.parse().ok().filter(|l| digits && *l <= longest)?;
    Some((address.parse().ok()?, length))
}

/// Whether a text can stand where a server is named.
pub fn is_host_or_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || is_host_name(text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{content, error, full};

    #[test]
    fn the_network_reads_like_this() {
        let of = |path| content(&full(), path).unwrap();
        assert_eq!(
            of("hosts"),
            "\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
192.168.0.4 p-hive0.example.com
fd00::5 p-hive1.example.com
"
        );
        assert_eq!(
            of("hive/firewall.d/10-ssh.nft"),
            "\
add rule inet hive ssh ip saddr 198.51.100.7 tcp dport 2222 limit rate 5/second burst 20 packets accept
add rule inet hive ssh ip6 saddr 2001:db8::/32 tcp dport 2222 limit rate 5/second burst 20 packets accept
"
        );
        assert_eq!(
            of("hive/firewall.d/20-peers.nft"),
            "add element inet hive peers4 { 192.168.0.4 }\nadd element inet hive peers6 { fd00::5 }\n"
        );
        assert_eq!(of("ssh/sshd_config.d/05-site.conf"), "Port 2222\n");
    }

    #[test]
    fn a_port_without_sources_is_ignored() {
        let mut settings = full();
        settings.ssh_source_ips.clear();
        assert_eq!(content(&settings, "ssh/sshd_config.d/05-site.conf"), None);
        assert_eq!(content(&settings, "hive/firewall.d/10-ssh.nft"), None);
    }

    #[test]
    fn sources_without_a_port_mean_22() {
        let mut settings = full();
        settings.sshd_port = None;
        let rules = content(&settings, "hive/firewall.d/10-ssh.nft").unwrap();
        assert!(rules.contains("tcp dport 22 "), "{rules}");
    }

    #[test]
    fn what_is_no_source_is_refused() {
        for source in [
            "",
            "anyone",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/+8",
            "::/129",
            "1.2.3.4 }",
            "300.1.1.1",
        ] {
            let mut settings = full();
            settings.ssh_source_ips = vec![source.into()];
            assert!(
                error(&settings).starts_with("hive_ssh_source_ips: "),
                "{source:?}"
            );
        }
    }

    #[test]
    fn a_server_with_an_impossible_name_is_refused() {
        let mut settings = full();
        settings.servers[0].0 = "p_hive 0".into();
        assert!(error(&settings).contains("\"p_hive 0\" is not a host name"));
    }
}
