//! One machine of a stage, as its definition makes it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use hive_inventory::seed::Member;

use super::hardware::Hardware;
use super::stage::StageName;

/// What a host is for (spec: roles of hosts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Hosts containers; a member of the swarm.
    Hive,
    /// The first of the hives, which deploys services and formats new volumes.
    FirstHive,
    /// Carries registry, monitoring, backup and logs.
    Repository,
}

/// One machine of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Full name, `p-hive0.example.com`.
    pub name: String,
    /// Position in the stage, counted from 0.
    pub index: usize,
    /// What it is for.
    pub roles: BTreeSet<Role>,
    /// Its address in the stage's network.
    pub private_ip: Ipv4Addr,
    /// The network that the address belongs to: its subnet, or the stage's `cidr`.
    pub network: Ipv4Net,
    /// Name of its subnet.
    pub subnet: String,
    /// Availability zone, where there are such.
    pub zone: Option<String>,
    /// Memory in MB; `None` leaves it to the provider.
    pub memory_mb: Option<u64>,
    /// Number of processors; `None` leaves it to the provider.
    pub cpus: Option<u64>,
    /// Boot disk in GB; `None` leaves it to the provider.
    pub disk_gb: Option<u64>,
    /// Extra disk for mirrored volumes in GB; `None`: there is none.
    pub mirrored_disk_gb: Option<u64>,
    /// The cloud's name for a machine of this size.
    pub instance_type: Option<String>,
    /// Whether the boot disk is encrypted by the cloud.
    pub disk_encrypted: bool,
    /// Whether the disk for mirrored volumes is encrypted by the cloud.
    pub mirrored_disk_encrypted: bool,
    /// Whether it may manage the swarm; a hive that may not only ever works.
    pub may_manage: bool,
    /// How its machine is recognised.
    pub hardware: Hardware,
}

impl Host {
    /// The first label of the name: what the kernel and the swarm call the host.
    pub fn short_name(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }

    /// Whether it hosts containers.
    pub fn is_hive(&self) -> bool {
        self.roles.contains(&Role::Hive)
    }

    /// What it may be in the swarm; a host that is no hive stays outside.
    pub fn member(&self) -> Option<Member> {
        self.is_hive().then_some(match self.may_manage {
            true => Member::Manager,
            false => Member::Worker,
        })
    }

    /// Whether it is the first among the hives.
    pub fn is_first_hive(&self) -> bool {
        self.roles.contains(&Role::FirstHive)
    }

    /// Whether it carries registry, monitoring, backup and logs.
    pub fn is_repository(&self) -> bool {
        self.roles.contains(&Role::Repository)
    }

    /// The mask of its network, `255.255.255.0`.
    pub fn netmask(&self) -> Ipv4Addr {
        self.network.netmask()
    }

    /// Address and prefix length as network configuration takes them, `192.168.0.4/24`.
    pub fn address_with_prefix(&self) -> String {
        format!("{}/{}", self.private_ip, self.network.prefix_len())
    }

    /// The groups that the host belongs to in `stage`, from wide to narrow; a hive's node labels are
    /// named after them.
    pub fn groups(&self, stage: StageName) -> Vec<&'static str> {
        let mut groups = vec!["hosts", stage.name(), "servers"];
        if self.is_hive() {
            groups.push("hives");
        }
        if self.is_repository() {
            groups.push("repository");
        }
        if self.is_first_hive() {
            groups.push("first_hive");
        }
        groups
    }
}
