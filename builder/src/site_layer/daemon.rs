//! Settings of the host's own services: time zone, time servers, Docker.

use std::net::Ipv4Addr;

use hive_inventory::settings::HostSettings;
use serde_json::{Map, Value, json};

use super::network::{is_host_or_address, prefix_of};
use super::{LayerFile, SettingError};

/// What the image says to Docker; the site's settings are added to it.
const DOCKER_BASE: &str = include_str!("../../../images/node/tree/etc/docker/daemon.json");

/// Files of the services that the site says something about.
pub fn render(settings: &HostSettings) -> Result<Vec<LayerFile>, SettingError> {
    let mut files = Vec::new();
    if let Some(zone) = &settings.timezone {
        time_zone(zone)?;
        files.push(LayerFile::link(
            "localtime",
            format!("/usr/share/zoneinfo/{zone}"),
        ));
        // Containers mount it to have the host's zone.
        files.push(LayerFile::text("timezone", format!("{zone}\n")));
    }
    if !settings.ntp_servers.is_empty() {
        // The image has its pool in a file of the same name, which this one covers.
        let mut text = String::new();
        for server in &settings.ntp_servers {
            if !is_host_or_address(server) {
                return Err(SettingError::new(
                    "hive_ntp_servers",
                    format!("{server:?} is neither a host name nor an address"),
                    "name one server an entry",
                ));
            }
            text += &format!("server {server} iburst\n");
        }
        files.push(LayerFile::text("chrony/sources.d/hive.sources", text));
    }
    if settings.docker0.is_some() || !settings.registry_mirrors.is_empty() {
        files.push(LayerFile::text("docker/daemon.json", docker(settings)?));
    }
    Ok(files)
}

/// `Etc/UTC`, `America/Argentina/Ushuaia`: parts of letters, digits, `_`, `+` and `-`.
fn time_zone(zone: &str) -> Result<(), SettingError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-');
    let part = |part: &str| !part.is_empty() && part.bytes().all(plain);
    if zone.split('/').count() <= 3 && zone.split('/').all(part) {
        return Ok(());
    }
    Err(SettingError::new(
        "hive_timezone",
        format!("{zone:?} is not the name of a time zone"),
        "write it as the zone database does, such as Asia/Tokyo",
    ))
}

fn docker(settings: &HostSettings) -> Result<String, SettingError> {
    let mut config: Map<String, Value> = serde_json::from_str(DOCKER_BASE).map_err(|e| {
        SettingError::new(
            "images/node/tree/etc/docker/daemon.json",
            format!("does not read: {e}"),
            "correct the recipe",
        )
    })?;
    if let Some(address) = &settings.docker0 {
        bridge_address(address)?;
        config.insert("bip".into(), json!(address));
    }
    for mirror in &settings.registry_mirrors {
        let rest = mirror
            .strip_prefix("https://")
            .or_else(|| mirror.strip_prefix("http://"));
        if rest.is_none_or(|r| {
            r.is_empty() || r.contains(|c: char| c.is_whitespace() || c.is_control())
        }) {
            return Err(SettingError::new(
                "hive_registry_mirror",
                format!("{mirror:?} is not an address"),
                "write it with https:// or http:// before the host",
            ));
        }
    }
    if !settings.registry_mirrors.is_empty() {
        config.insert("registry-mirrors".into(), json!(settings.registry_mirrors));
    }
    // Pretty text of a map of strings can't fail; Docker reads it either way.
    let text = serde_json::to_string_pretty(&config).unwrap_or_default();
    Ok(text + "\n")
}

/// The first thing dockerd does with `bip`: an address of a host, not that of the network itself.
fn bridge_address(text: &str) -> Result<(), SettingError> {
    let refuse = |fault: String| {
        SettingError::new(
            "docker0 of internal_cidr",
            fault,
            "give an IPv4 address with its prefix length, such as 172.31.254.129/25",
        )
    };
    let (address, prefix) = prefix_of::<Ipv4Addr>(text, 30)
        .ok_or_else(|| refuse(format!("{text:?} is not an address of a bridge")))?;
    let host_bits = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or_default();
    let host = u32::from(address) & host_bits;
    if host == 0 || host == host_bits {
        return Err(refuse(format!(
            "{text:?} names a whole network, not a host in it"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{content, error, full};
    use super::super::{LayerFile, render};

    #[test]
    fn services_read_like_this() {
        let of = |path| content(&full(), path).unwrap();
        assert_eq!(
            of("chrony/sources.d/hive.sources"),
            "server ntp1.example.com iburst\nserver 192.0.2.123 iburst\n"
        );
        assert_eq!(of("timezone"), "Asia/Tokyo\n");
        assert_eq!(
            of("docker/daemon.json"),
            r#"{
  "bip": "172.31.254.129/25",
  "iptables": true,
  "log-driver": "json-file",
  "log-opts": {
    "max-file": "5",
    "max-size": "20m"
  },
  "registry-mirrors": [
    "https://mirror.example.com"
  ]
}
"#
        );
        let files = render("example.com", "private", &full(), None).unwrap();
        assert!(files.contains(&LayerFile::link(
            "localtime",
            "/usr/share/zoneinfo/Asia/Tokyo"
        )));
    }

    #[test]
    fn a_zone_can_not_lead_out_of_the_zone_database() {
        for zone in [
            "",
            "/etc/passwd",
            "../../x",
            "Asia/",
            "Asia/To kyo",
            "a/b/c/d",
            "x\ny",
        ] {
            let mut settings = full();
            settings.timezone = Some(zone.into());
            assert!(error(&settings).starts_with("hive_timezone: "), "{zone:?}");
        }
    }

    #[test]
    fn a_time_server_can_not_bring_a_second_line() {
        for server in ["", "a b", "x\nallow all", "-x"] {
            let mut settings = full();
            settings.ntp_servers = vec![server.into()];
            assert!(
                error(&settings).starts_with("hive_ntp_servers: "),
                "{server:?}"
            );
        }
    }

    #[test]
    fn docker_gets_no_setting_that_stops_it() {
        for bip in [
            "",
            "172.31.254.129",
            "172.31.254.128/25",
            "172.31.254.255/25",
            "1.2.3.4/33",
            "fd00::1/64",
            "10.0.0.1/31",
        ] {
            let mut settings = full();
            settings.docker0 = Some(bip.into());
            assert!(
                error(&settings).starts_with("docker0 of internal_cidr: "),
                "{bip:?}"
            );
        }
        for mirror in ["", "mirror.example.com", "https://", "https://a b"] {
            let mut settings = full();
            settings.registry_mirrors = vec![mirror.into()];
            assert!(
                error(&settings).starts_with("hive_registry_mirror: "),
                "{mirror:?}"
            );
        }
    }
}
