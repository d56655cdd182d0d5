//! The seed: the small document that makes one machine *this* host.
//!
//! The golden image is the same for every host of a stage and holds nothing secret; all that
//! differs comes from here, signed by the site's key. A seed lies as `seed.json`, or one of many as
//! `HOST.seed.json`, on a FAT file system with the label `HIVE-SEED`, or is handed over by the
//! firmware or the kernel command line.

mod machine;
mod network;
mod signed;

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use machine::{Machine, MachineMatch};
pub use network::{Bond, Interface};
pub use signed::{SignatureError, SignedSeed, SigningKey, VerifyingKey};

/// The seed version that this release writes and reads.
pub const SEED_VERSION: u32 = 2;

/// What one machine is to become: the payload of a [`SignedSeed`].
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
    /// Every server of the stage, this one included, in the order of the inventory. For `/etc/hosts`,
    /// the packet filter and the swarm: every host of a stage must have the same list.
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
    /// What the host proves itself with to its peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// How the swarm is to be.
    #[serde(default)]
    pub swarm: SwarmOptions,
    /// Disks that the host may take for itself.
    #[serde(default)]
    pub disks: Disks,
}

/// A server of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Full name.
    pub host: String,
    /// Private address.
    pub address: IpAddr,
    /// Groups of the inventory that it belongs to; a hive's node labels are named after them.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// What it is in the swarm; `None`: it stays outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// How its machine is recognised. Empty: by nothing but having been given this seed.
    #[serde(default, skip_serializing_if = "MachineMatch::is_empty")]
    pub machine: MachineMatch,
}

/// What a hive may be in the swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Member {
    /// It may be made a manager; how many are is the swarm's own odd number.
    Manager,
    /// It only ever works.
    Worker,
}

/// The host's certificate and key, and the authority that its peers are checked against. PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Certificate of the host, signed by the stage's authority: DNS name the full host name, IP
    /// addresses the private one and 127.0.0.1.
    pub certificate: String,
    /// Private key of the certificate, PKCS #8.
    pub key: String,
    /// Certificate of the stage's authority.
    pub authority: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// How the site's swarm is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwarmOptions {
    /// The swarm that the site has had when the seed was written: with it, the host joins that swarm
    /// or none, and never founds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownSwarm>,
    /// UDP port of overlay networks (VXLAN); `None` is docker's 4789.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_path_port: Option<u16>,
    /// Network of `docker_gwbridge`, with prefix length; `None`: docker chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gwbridge: Option<String>,
    /// IPv6 network of `docker_gwbridge`, with prefix length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gwbridge_v6: Option<String>,
    /// Network of the ingress, with prefix length; its first address is the gateway. `None`: docker chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<String>,
}

/// A swarm, and how often a person has replaced it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownSwarm {
    /// 0 for the one that the site founded; one more each time a person decided which part of it, or
    /// which new one, is the site's from now on (`hive recover`). The higher one counts.
    pub epoch: u64,
    /// Docker's cluster id.
    pub cluster: String,
}

/// Disks besides the one that the machine boots from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disks {
    /// The disk for mirrored volumes; `None`: the host has none and is diskless in every volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<MirroredDisk>,
}

/// How the disk for mirrored volumes is found, and what is made on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirroredDisk {
    /// The one disk that is meant, as a path below `/dev` (`/dev/disk/by-id/…` is best). Chosen by a
    /// person, so it may hold partitions, whose free remainder is used. `None`: the one empty disk of
    /// the right size; two of them are doubt, and none is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Its size in GB (2^30 bytes) where the inventory says it: a disk of another size is not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gigabytes: Option<u64>,
    /// Name of the volume group, `drbdvg`.
    pub volume_group: String,
    /// Name of the thin pool in it, `drbdpool`.
    pub pool: String,
}

/// Why a text is not a seed.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Not JSON, or not of this shape.
    #[error("the seed does not read as a seed document: {0}")]
    Shape(#[from] serde_json::Error),
    /// Written by another release.
    #[error(
        "the seed has version {found}, this image reads version {SEED_VERSION}; write it again with the `hive` command that baked the image: `hive seed HOST`"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// A name that can't be a host's.
    #[error("the seed's host name {0:?} is not the name of a host")]
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
        for name in seed.peers.iter().map(|p| &p.host).chain([&seed.host]) {
            if !is_host_name(name) {
                return Err(SeedError::HostName(name.clone()));
            }
        }
        Ok(seed)
    }

    /// This host among its peers.
    pub fn me(&self) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.host == self.host)
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
        r#"{"version":2,"site":"example.com","stage":"private","host":"p-hive0.example.com"}"#;

    #[test]
    fn a_minimal_seed_reads() {
        let seed = Seed::from_json(MINIMAL).unwrap();
        assert_eq!(seed.short_name(), "p-hive0");
        assert!(seed.interfaces.is_empty());
    }

    #[test]
    fn another_version_is_named() {
        let error = Seed::from_json(&MINIMAL.replace(":2", ":7")).unwrap_err();
        assert!(error.to_string().contains("version 7"), "{error}");
    }

    #[test]
    fn a_host_name_with_a_slash_is_refused() {
        let error = Seed::from_json(&MINIMAL.replace("p-hive0.", "../x.")).unwrap_err();
        assert!(matches!(error, SeedError::HostName(_)), "{error}");
    }
}
