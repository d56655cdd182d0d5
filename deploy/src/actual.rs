//! What is there: one list of each kind of object, whatever their number.

use std::collections::{BTreeMap, BTreeSet};

use bollard::Docker;
use bollard::models::{
    ConfigSpec, Network, SecretSpec, ServiceSpec, ServiceUpdateStatusStateEnum as Update, Volume,
};
use bollard::query_parameters::{ListServicesOptions, ListVolumesOptions};

use crate::error::Error;
use crate::shape;

/// A swarm as it was read.
#[derive(Debug, Clone, Default)]
pub struct Actual {
    /// Services by name.
    pub services: BTreeMap<String, Found<ServiceSpec>>,
    /// Networks of the swarm by name.
    pub networks: BTreeMap<String, Network>,
    /// Names of all networks, those of one host among them, by id.
    pub network_names: BTreeMap<String, String>,
    /// Secrets by name, without what they hold.
    pub secrets: BTreeMap<String, Found<SecretSpec>>,
    /// Configs by name.
    pub configs: BTreeMap<String, Found<ConfigSpec>>,
    /// Volumes by host and name; empty unless read.
    pub volumes: BTreeMap<String, BTreeMap<String, Volume>>,
}

/// An object of the swarm.
#[derive(Debug, Clone, Default)]
pub struct Found<T> {
    /// Docker's id.
    pub id: String,
    /// A write has to name the version that it was made for.
    pub version: u64,
    /// What docker was told.
    pub spec: T,
    /// Running and wanted tasks, of a service.
    pub tasks: Option<(u64, u64)>,
    /// Docker stopped in the middle of an update of a service, and waits to be told again.
    pub paused: bool,
}

impl Actual {
    /// Reads the swarm through a manager, with four requests.
    pub async fn read(docker: &Docker) -> Result<Self, Error> {
        let with_tasks = ListServicesOptions {
            status: Some(true),
            ..Default::default()
        };
        let (services, networks, secrets, configs) = tokio::join!(
            docker.list_services(Some(with_tasks)),
            docker.list_networks(None),
            docker.list_secrets(None),
            docker.list_configs(None),
        );
        let mut actual = Self::default();
        for service in services.map_err(Error::doing("listing services"))? {
            let spec = service.spec.unwrap_or_default();
            let tasks = service.service_status.map(|status| {
                let number = |n: Option<u64>| n.unwrap_or_default();
                (number(status.running_tasks), number(status.desired_tasks))
            });
            let name = spec.name.clone().unwrap_or_default();
            let status = service.update_status.and_then(|status| status.state);
            let mut found = found(service.id, service.version, spec, tasks);
            found.paused = matches!(status, Some(Update::PAUSED | Update::ROLLBACK_PAUSED));
            actual.services.insert(name, found);
        }
        for network in networks.map_err(Error::doing("listing networks"))? {
            let name = network.name.clone().unwrap_or_default();
            let id = network.id.clone().unwrap_or_default();
            actual.network_names.insert(id, name.clone());
            if network.scope.as_deref() == Some("swarm") {
                actual.networks.insert(name, network);
            }
        }
        for secret in secrets.map_err(Error::doing("listing secrets"))? {
            let spec = secret.spec.unwrap_or_default();
            let name = spec.name.clone().unwrap_or_default();
            let found = found(secret.id, secret.version, spec, None);
            actual.secrets.insert(name, found);
        }
        for config in configs.map_err(Error::doing("listing configs"))? {
            let spec = config.spec.unwrap_or_default();
            let name = spec.name.clone().unwrap_or_default();
            let found = found(config.id, config.version, spec, None);
            actual.configs.insert(name, found);
        }
        Ok(actual)
    }

    /// Reads the volumes of each host, one request to each.
    pub async fn read_volumes(&mut self, hosts: &BTreeMap<String, Docker>) -> Result<(), Error> {
        for (host, docker) in hosts {
            let answer = docker.list_volumes(None::<ListVolumesOptions>).await;
            let answer = answer.map_err(Error::doing(format!("listing volumes of {host}")))?;
            let volumes = answer.volumes.unwrap_or_default().into_iter();
            let volumes = volumes.map(|volume| (volume.name.clone(), volume));
            self.volumes.insert(host.clone(), volumes.collect());
        }
        Ok(())
    }

    /// The networks that a service is attached to, by name.
    pub fn attached(&self, spec: &ServiceSpec) -> BTreeSet<String> {
        let shape = shape::service(spec, &self.network_names);
        let names = shape.keys();
        names
            .filter_map(|path| path.strip_prefix("networks."))
            .map(str::to_owned)
            .collect()
    }
}

fn found<T>(
    id: Option<String>,
    version: Option<bollard::models::ObjectVersion>,
    spec: T,
    tasks: Option<(u64, u64)>,
) -> Found<T> {
    let version = version.and_then(|version| version.index);
    Found {
        id: id.unwrap_or_default(),
        version: version.unwrap_or_default(),
        spec,
        tasks,
        paused: false,
    }
}
