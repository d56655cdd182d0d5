//! A stage of a site: where its machines are, and what they become.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};

use hive_inventory::image::{DrbdSettings, ImageSettings};
use hive_inventory::settings::HostSettings;

use super::host::{Host, Role};
use super::internal::InternalNetworks;
use super::kickstart::Kickstart;
use super::provider::Provider;
use super::shared_repository::SharedRepository;

/// Which of the three stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageName {
    /// A developer's own.
    Private,
    /// Where a release is tried.
    Staging,
    /// The real thing.
    Production,
}

impl StageName {
    /// All stages.
    pub const ALL: [Self; 3] = [Self::Private, Self::Staging, Self::Production];

    /// The name as written in a hive definition.
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    /// The stage with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// What the names of its hosts begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Private => "p-",
            Self::Staging => "s-",
            Self::Production => "",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for StageName {
    type Err = UnknownStage;

    fn from_str(name: &str) -> Result<Self, UnknownStage> {
        Self::from_name(name).ok_or_else(|| UnknownStage(name.to_owned()))
    }
}

/// A word that is not the name of a stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no stage `{0}`; stages are private, staging and production")]
pub struct UnknownStage(pub String);

/// A stage with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Which one.
    pub name: StageName,
    /// Name of the site that it belongs to.
    pub site: String,
    /// Who makes its machines.
    pub provider: Provider,
    /// The whole network.
    pub cidr: Ipv4Net,
    /// Its parts: at least one, an invented one when the definition gives none.
    pub subnets: Vec<Subnet>,
    /// The base of the host names.
    pub custom_hostname: String,
    /// Whether the repository is a host of its own.
    pub separate_repository: bool,
    /// The repository as a container on the operator's machine, shared with other hives.
    pub shared_repository: Option<SharedRepository>,
    /// How `internal_cidr` is shared out among docker's networks; `None`: docker chooses.
    pub internal: Option<InternalNetworks>,
    /// IPv6 network of `docker_gwbridge`.
    pub internal_cidr_v6: Option<Ipv6Net>,
    /// UDP port of overlay networks; `None` is docker's own choice.
    pub data_path_port: Option<u16>,
    /// The cloud's region.
    pub region: Option<String>,
    /// The virtual machine image that the provider starts from, where it is not the baked one.
    pub image_name: Option<ImageName>,
    /// Key that encrypts disks in EC2, an ARN.
    pub kms_key_id: Option<String>,
    /// Azure: the resource group exists already and is not ours to delete.
    pub prepared_resource_group: bool,
    /// Azure: the region has no availability zones.
    pub not_support_az: bool,
    /// GCP: network of Filestore.
    pub filestore_cidr: Option<Ipv4Net>,
    /// Vagrant: make a bridge of this name.
    pub bridge: Option<String>,
    /// Vagrant: attach to this bridge.
    pub dev: Option<String>,
    /// Kickstart: the install medium and the networks of the machines.
    pub kickstart: Option<Kickstart>,
    /// Kickstart: name servers.
    pub nameservers: Vec<String>,
    /// The password of the first login as root, where that is how the admin user is made.
    pub root_password: Option<Password>,
    /// Kernel package version that the predecessor's hosts get.
    pub kernel_version: Option<String>,
    /// Where the predecessor's hosts fetch DRBD.
    pub drbd_download_url: Option<String>,
    /// What the sealed image is made of.
    pub image: ImageSettings,
    /// Where the DRBD module comes from.
    pub drbd: DrbdSettings,
    /// What the variables of the site say about its hosts. `admin_keys` is empty: keys are files of
    /// the operator, and nothing here opens files.
    pub settings: HostSettings,
    pub(crate) hosts: Vec<Host>,
}

impl Stage {
    /// The hosts, in the order of their indexes; the last one is the repository.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Makes another hive the first one; whether the host of this number is a hive.
    pub(crate) fn choose_first_hive(&mut self, number: usize) -> bool {
        if !self.hosts.get(number).is_some_and(Host::is_hive) {
            return false;
        }
        for (index, host) in self.hosts.iter_mut().enumerate() {
            host.roles.remove(&Role::FirstHive);
            if index == number {
                host.roles.insert(Role::FirstHive);
            }
        }
        true
    }

    /// The host with this full or short name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts
            .iter()
            .find(|host| host.name == name || host.short_name() == name)
    }

    /// The repository host.
    pub fn repository(&self) -> Option<&Host> {
        self.hosts.last()
    }

    /// The name that stands for the operator's machine.
    pub fn mother(&self) -> String {
        format!("{}mother.{}", self.name.prefix(), self.site)
    }

    /// The address of the operator's side of the network: the first usable one.
    pub fn router(&self) -> Ipv4Addr {
        super::internal::first(self.cidr)
    }
}

/// A part of a stage's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// Its availability zone.
    pub available_zone: Option<String>,
}

/// A virtual machine image of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageName {
    /// An id or a name.
    Id(String),
    /// Azure's description: publisher, offer, sku, version.
    Described(std::collections::BTreeMap<String, String>),
}

/// A password, which never shows in a debug print.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Keeps a password.
    pub fn new(password: String) -> Self {
        Self(password)
    }

    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
