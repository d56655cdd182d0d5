//! What services take from the rest of the site, and what is kept between two runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::yaml::report::Place;
use crate::{Site, SourceFile, Stage};

/// Port of the registry, unless `hive_registry_port` says otherwise.
const REGISTRY_PORT: u64 = 5000;
/// Port that takes logs, unless `hive_syslog_port` says otherwise.
const SYSLOG_PORT: u64 = 10514;

/// Variables of the whole hive that decide how services look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiveWide {
    /// `hive_registry`: host and port of the site's own registry.
    pub registry: String,
    /// Name of the host that takes logs.
    pub repository: String,
    /// Port there, `hive_syslog_port`.
    pub syslog_port: u16,
    /// `hive_tls_logging`: where the certificates lie on the hosts, when logs travel encrypted.
    pub tls_logging: Option<TlsLogging>,
    /// Environment variables of proxies and package mirrors, which every service gets.
    pub proxies: BTreeMap<String, String>,
    /// `hive_network_attachable`.
    pub network_attachable: bool,
    /// `tag-mapping.json` of the stage: image references, and what is taken in their place.
    pub tag_mapping: BTreeMap<String, String>,
    /// Names of all roles, the built-in ones too; `None` when nobody looked.
    pub roles: Option<BTreeSet<String>>,
}

/// Files on a host with which its engine sends logs encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsLogging {
    /// Certificate of the authority.
    pub ca_cert: String,
    /// Certificate of the host.
    pub cert: String,
    /// Key of the host.
    pub key: String,
}

impl HiveWide {
    /// What holds for a stage when no variable says otherwise.
    pub fn of_stage(stage: &Stage) -> Self {
        let (repository, registry_port, syslog_port) = match &stage.shared_repository {
            Some(shared) => (
                // The name that its container has on every host.
                "shared-repository".to_owned(),
                shared.registry_port,
                shared.syslog_port.unwrap_or(SYSLOG_PORT),
            ),
            None => (
                stage
                    .repository()
                    .map(|host| host.name.clone())
                    .unwrap_or_default(),
                REGISTRY_PORT,
                SYSLOG_PORT,
            ),
        };
        Self {
            registry: format!("{repository}:{registry_port}"),
            repository,
            syslog_port: u16::try_from(syslog_port).unwrap_or(SYSLOG_PORT as u16),
            tls_logging: None,
            proxies: BTreeMap::new(),
            network_attachable: true,
            tag_mapping: BTreeMap::new(),
            roles: None,
        }
    }

    /// The reference that is taken in place of `reference`.
    pub(crate) fn mapped(&self, reference: &str) -> String {
        self.tag_mapping
            .get(reference)
            .cloned()
            .unwrap_or_else(|| reference.to_owned())
    }
}

/// Numbers that stay with a volume or port once they are given, per stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// `drbd_device_map`: volume → device id.
    pub device_ids: BTreeMap<String, u16>,
    /// `published_port_map`: see [`super::port_numbers`].
    pub published_ports: BTreeMap<String, u16>,
}

/// All that reading services asks for.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'s> {
    /// The files that places point into.
    pub sources: &'s [SourceFile],
    pub site: &'s Site,
    pub stage: &'s Stage,
    pub hive: &'s HiveWide,
    pub kept: &'s Kept,
}

impl Surroundings<'_> {
    /// The file and line of a place, as `inventory/services.yml:12`.
    pub fn place_of(&self, place: Place) -> String {
        format!("{}:{}", self.sources[place.file].path, place.line)
    }

    /// Whether any stage has a host of this name, full or short.
    pub fn is_host(&self, name: &str) -> bool {
        self.site
            .stages
            .values()
            .any(|stage| stage.host(name).is_some())
    }

    /// Names of the stage's hosts.
    pub fn hosts(&self) -> Vec<&str> {
        self.stage
            .hosts()
            .iter()
            .map(|host| host.name.as_str())
            .collect()
    }
}
