//! What a stage's files say, as what is wanted of its swarm. Pure: contents of secrets and configs
//! come from the caller.

mod material;
pub mod mirrored;
mod network;
mod service;
mod standalone;

use std::collections::BTreeMap;

use hive_site::service::model::{Services, VolumeKind};
use thiserror::Error;

pub(crate) use service::capability;

use crate::desired::{Desired, DesiredVolume, Owner, VolumeSource};

/// The contents of a stage's secrets and configs, by their names in the files.
#[derive(Clone, Default)]
pub struct Contents {
    /// Key of the hash in their names in the swarm; the same from run to run.
    pub key: Vec<u8>,
    /// Contents of secrets that are not external.
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// Contents of configs that are not external.
    pub configs: BTreeMap<String, Vec<u8>>,
}

/// Why a stage can't be mapped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The caller has no content for it.
    #[error("the content of {what} {name:?} is not known")]
    Content {
        /// `secret` or `config`.
        what: &'static str,
        /// Its name in the files.
        name: String,
    },
    /// A service is granted what is not defined.
    #[error("service {service:?} wants {what} {name:?}, which is not defined")]
    Undefined {
        /// The service.
        service: String,
        /// `secret` or `config`.
        what: &'static str,
        /// The name that it gives.
        name: String,
    },
}

/// Maps the services of a stage and all that they need.
pub fn desired(services: &Services, contents: &Contents) -> Result<Desired, Error> {
    let owner = Owner::site();
    let key = &contents.key;
    let secrets = material::map("secret", &services.secrets, &contents.secrets, key)?;
    let configs = material::map("config", &services.configs, &contents.configs, key)?;
    let names = material::Names::new(&secrets, &configs);
    let mapped = services.services.values();
    Ok(Desired {
        services: mapped
            .map(|service| service::map(service, &names, &owner))
            .collect::<Result<_, _>>()?,
        networks: services.networks.values().map(network::map).collect(),
        volumes: volumes(services),
        secrets,
        configs,
        owner,
    })
}

/// Mirrored volumes are records in the swarm, with a plan of their own.
fn volumes(services: &Services) -> Vec<DesiredVolume> {
    let volumes = services.volumes.values();
    volumes
        .filter_map(|volume| {
            let source = match &volume.kind {
                VolumeKind::Driver { driver, options } => VolumeSource::Driver {
                    driver: driver.clone(),
                    options: options.clone(),
                },
                VolumeKind::Nfs { .. } => VolumeSource::Elsewhere,
                VolumeKind::Drbd { .. } => return None,
            };
            Some(DesiredVolume {
                name: volume.name.clone(),
                source,
                labels: BTreeMap::new(),
            })
        })
        .collect()
}

#[cfg(test)]
#[path = "../../tests/site/mod.rs"]
mod sample;
#[cfg(test)]
pub(crate) mod tests;
