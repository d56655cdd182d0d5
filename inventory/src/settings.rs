//! Settings of a stage's hosts that are the same for all of them and not secret: they travel in the
//! site layer of the boot image and never rebuild the root.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the variables of a site say about its hosts (`hive_timezone`, `hive_users`, …).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostSettings {
    /// `hive_timezone`: name in the zone database; `None` is UTC.
    pub timezone: Option<String>,
    /// `hive_ntp_servers`: take the place of the distribution's pool.
    pub ntp_servers: Vec<String>,
    /// `hive_admin`, or the provider's customary name: the user that operators log in as.
    pub admin: String,
    /// `hive_users`: further people.
    pub users: BTreeMap<String, User>,
    /// `hive_user_groups`: their groups; members may use sudo without a password.
    pub groups: BTreeMap<String, Group>,
    /// `hive_safe_sshd_port` or `hive_sshd_port`, in force only together with `ssh_source_ips`.
    pub sshd_port: Option<u16>,
    /// `hive_ssh_source_ips`: addresses or networks that may reach sshd; empty is everyone.
    pub ssh_source_ips: Vec<String>,
    /// `hive_registry_mirror`: mirrors of Docker Hub.
    pub registry_mirrors: Vec<String>,
    /// `docker0`'s address with prefix length, when the site gives `internal_cidr`.
    pub docker0: Option<String>,
    /// Public ssh keys that may log in as the admin user.
    pub admin_keys: Vec<String>,
    /// Every server of the stage: full name and private address.
    pub servers: Vec<(String, std::net::IpAddr)>,
}

/// A person with an account on every host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Name of the user's group, one of `hive_user_groups`.
    pub group: String,
    /// OpenSSH public key.
    pub id_rsa_pub: String,
}

/// A group of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Group id.
    pub gid: u32,
}
