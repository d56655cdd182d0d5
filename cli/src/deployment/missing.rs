//! What services need and nobody made yet. Networks and volumes have phases of their own, and what is
//! there is theirs to change; what is not there is made along with the services.

use std::collections::BTreeSet;

use anyhow::anyhow;
use hive_deploy::actual::Actual;
use hive_deploy::desired::{Desired, DesiredService, VolumeSource};
use hive_deploy::plan::{Kind, Request};
use hive_site::service::model::{Services, VolumeKind};
use hive_volumes::record::document::CONFIG_PREFIX;

use crate::error::{CommandError, Result};

/// Names of the networks and volumes that services use.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    networks: BTreeSet<String>,
    volumes: BTreeSet<String>,
}

impl Needs {
    /// Those of these services.
    pub fn of(services: &[&DesiredService]) -> Self {
        let mut needs = Self::default();
        for service in services {
            let Some(task) = &service.spec.task_template else {
                continue;
            };
            let networks = task.networks.iter().flatten();
            needs
                .networks
                .extend(networks.filter_map(|network| network.target.clone()));
            let container = task.container_spec.as_ref();
            let mounts = container
                .and_then(|c| c.mounts.as_ref())
                .into_iter()
                .flatten();
            needs
                .volumes
                .extend(mounts.filter_map(|mount| mount.source.clone()));
        }
        needs
    }

    /// Whether any of them is a volume that docker's drivers or a cloud keep on each host.
    pub fn has_volumes(&self, desired: &Desired) -> bool {
        let mut volumes = desired.volumes.iter();
        volumes.any(|volume| self.volumes.contains(&volume.name))
    }

    /// Leaves of networks and volumes those that are needed and missing, and asks for them, too.
    pub fn narrow(&self, desired: &mut Desired, actual: &Actual, mut request: Request) -> Request {
        desired.networks.retain(|network| {
            let name = &network.request.name;
            self.networks.contains(name) && !actual.networks.contains_key(name)
        });
        desired.volumes.retain(|volume| {
            let mut hosts = actual.volumes.values();
            let driver = matches!(volume.source, VolumeSource::Driver { .. });
            driver
                && self.volumes.contains(&volume.name)
                && hosts.any(|has| !has.contains_key(&volume.name))
        });
        if !desired.networks.is_empty() {
            request.kinds.insert(Kind::Network);
        }
        if !desired.volumes.is_empty() {
            request.kinds.insert(Kind::Volume);
        }
        request
    }

    /// Volumes that docker does not make must be there: services that wait for one that nobody makes wait
    /// for ever, and in place of a share docker would put an empty volume.
    ///
    /// # Errors
    /// One is missing, in the swarm's records or on a host.
    pub fn check_volumes(&self, services: &Services, actual: &Actual) -> Result<()> {
        let mut missing = Vec::new();
        for name in &self.volumes {
            let absent = absent(name, services, actual);
            missing.extend(absent);
        }
        if missing.is_empty() {
            return Ok(());
        }
        let error =
            anyhow!(missing.join("\n")).context("volumes are missing; nothing was deployed");
        Err(CommandError::from(error).hint(
            "`hive build-volumes` makes them, or tells what does; `-l` deploys the services that don't need them",
        ))
    }
}

/// What to say of a volume that is not made through docker and is missing somewhere.
pub fn absent(name: &str, services: &Services, actual: &Actual) -> Option<String> {
    let volume = services.volumes.get(name)?;
    let (file, line) = &volume.defined;
    match volume.kind {
        VolumeKind::Driver { .. } => return None,
        VolumeKind::Drbd { .. } => {
            let record = format!("{CONFIG_PREFIX}{name}");
            return (!actual.configs.contains_key(&record)).then(|| {
                format!(
                    "volume {name} ({file}:{line}) is mirrored, and the swarm has no record of it"
                )
            });
        }
        VolumeKind::Nfs { .. } => {}
    }
    let hosts = actual.volumes.iter();
    let hosts: Vec<&str> = hosts
        .filter(|(_, has)| !has.contains_key(name))
        .map(|(host, _)| host.as_str())
        .collect();
    (!hosts.is_empty()).then(|| {
        format!(
            "volume {name} ({file}:{line}) is a share of the cloud's file service, this version of hive does not make it yet, and it is not on {}",
            hosts.join(", ")
        )
    })
}
