//! The seed: the small document that makes one machine *this* host.
//!
//! The golden image is the same for every host of a stage and holds nothing secret; all that
//! differs comes from here. A seed lies as `seed.json` on a FAT file system with the label
//! `HIVE-SEED`, or is handed over by the firmware or the kernel command line.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The seed version that this release writes and reads.
pub const SEED_VERSION: u32 = 1;

/// What one machine is to become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Version of this document, [`SEED_VERSION`].
    pub version: u32,
    /// Name of the site.
    pub site: String,
    /// Name of the stage.
    pub stage: String,
    /// Full name of the host, such as `p-hive0.example.com`.
    pub host: String,
    /// Every server of the stage with its private address, for `/etc/hosts`.
    #[serde(default)]
    pub peers: Vec<Peer>,
    /// Network interfaces. Empty: DHCP on every wired interface.
    #[serde(default)]
    pub interfaces: Vec<Interface>,
    /// Keys of the operators, one OpenSSH public key a line each, for the admin user.
    #[serde(default)]
    pub admin_keys: Vec<String>,
    /// The host's own ssh key (Ed25519, OpenSSH private key format), so that operators know it before the first login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_host_key: Option<String>,
}

/// A server of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Full name.
    pub host: String,
    /// Private address.
    pub address: IpAddr,
}

/// A network interface, found by name or by hardware address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Kernel name, such as `eth0` or `enp1s0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Hardware address, `52:54:00:12:34:56`; wins over the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
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

/// Why a text is not a seed.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Not JSON, or not of this shape.
    #[error("the seed does not read as a seed document: {0}")]
    Shape(#[from] serde_json::Error),
    /// Written by another release.
    #[error(
        "the seed has version {found}, this image reads version {SEED_VERSION}; write it again with the `hive` command that baked the image"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// A name that can't be a host's.
    #[error("the seed's host name {0:?} is not a host name")]
    HostName(String),
}

impl Seed {
    /// Reads a seed document.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.version != SEED_VERSION {
            return Err(SeedError::Version {
                found: head.version,
            });
        }
        let seed: Self = serde_json::from_str(text)?;
        if !is_host_name(&seed.host) {
            return Err(SeedError::HostName(seed.host));
        }
        Ok(seed)
    }

    /// The first label of the host's name, which is what the kernel calls it.
    pub fn short_name(&self) -> &str {
        self.host.split('.').next().unwrap_or(&self.host)
    }
}

/// Whether `name` is a host name after RFC 1123: labels of 1 to 63 letters, digits and inner hyphens, 253 in all.
pub fn is_host_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str =
        r#"{"version":1,"site":"example.com","stage":"private","host":"p-hive0.example.com"}"#;

    #[test]
    fn a_minimal_seed_reads() {
        let seed = Seed::from_json(MINIMAL).unwrap();
        assert_eq!(seed.short_name(), "p-hive0");
        assert!(seed.interfaces.is_empty());
    }

    #[test]
    fn another_version_is_named() {
        let error = Seed::from_json(&MINIMAL.replace(":1", ":7")).unwrap_err();
        assert!(error.to_string().contains("version 7"), "{error}");
    }

    #[test]
    fn a_host_name_with_a_slash_is_refused() {
        let error = Seed::from_json(&MINIMAL.replace("p-hive0.", "../x.")).unwrap_err();
        assert!(matches!(error, SeedError::HostName(_)), "{error}");
    }
}
