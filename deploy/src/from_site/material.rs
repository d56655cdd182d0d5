//! Secrets and configs of the files, and the grants of services.

use std::collections::BTreeMap;

use bollard::models::{
    TaskSpecContainerSpecConfigs, TaskSpecContainerSpecFile, TaskSpecContainerSpecFile1,
    TaskSpecContainerSpecSecrets,
};
use hive_site::service::model::{Grant, Material};

use super::Error;
use crate::desired::DesiredMaterial;

/// Maps definitions; a generated one has its content from the caller, too.
pub fn map(
    what: &'static str,
    definitions: &BTreeMap<String, Material>,
    contents: &BTreeMap<String, Vec<u8>>,
    key: &[u8],
) -> Result<Vec<DesiredMaterial>, Error> {
    let definitions = definitions.iter();
    definitions
        .map(|(name, material)| match material {
            Material::External(external) => Ok(DesiredMaterial::external(name, external)),
            _ => {
                let bytes = contents.get(name).ok_or_else(|| Error::Content {
                    what,
                    name: name.clone(),
                })?;
                Ok(DesiredMaterial::hashed(name, bytes.clone(), key))
            }
        })
        .collect()
}

/// Names in the files to names in the swarm.
pub struct Names {
    secrets: BTreeMap<String, String>,
    configs: BTreeMap<String, String>,
}

impl Names {
    pub fn new(secrets: &[DesiredMaterial], configs: &[DesiredMaterial]) -> Self {
        let names = |materials: &[DesiredMaterial]| {
            let pairs = materials.iter();
            pairs.map(|m| (m.source.clone(), m.name.clone())).collect()
        };
        Self {
            secrets: names(secrets),
            configs: names(configs),
        }
    }

    /// What a service may read, as docker is told; ids are filled in when it is deployed.
    pub fn secrets(
        &self,
        service: &str,
        grants: &[Grant],
    ) -> Result<Vec<TaskSpecContainerSpecSecrets>, Error> {
        let grants = grants.iter();
        grants
            .map(|grant| {
                let name = find(&self.secrets, "secret", service, grant)?;
                Ok(TaskSpecContainerSpecSecrets {
                    file: Some(TaskSpecContainerSpecFile {
                        name: Some(grant.target.clone()),
                        uid: Some(grant.uid.clone()),
                        gid: Some(grant.gid.clone()),
                        mode: Some(grant.mode),
                    }),
                    secret_id: None,
                    secret_name: Some(name),
                })
            })
            .collect()
    }

    /// As for secrets.
    pub fn configs(
        &self,
        service: &str,
        grants: &[Grant],
    ) -> Result<Vec<TaskSpecContainerSpecConfigs>, Error> {
        let grants = grants.iter();
        grants
            .map(|grant| {
                let name = find(&self.configs, "config", service, grant)?;
                Ok(TaskSpecContainerSpecConfigs {
                    file: Some(TaskSpecContainerSpecFile1 {
                        name: Some(grant.target.clone()),
                        uid: Some(grant.uid.clone()),
                        gid: Some(grant.gid.clone()),
                        mode: Some(grant.mode),
                    }),
                    runtime: None,
                    config_id: None,
                    config_name: Some(name),
                })
            })
            .collect()
    }
}

fn find(
    names: &BTreeMap<String, String>,
    what: &'static str,
    service: &str,
    grant: &Grant,
) -> Result<String, Error> {
    names
        .get(&grant.source)
        .cloned()
        .ok_or_else(|| Error::Undefined {
            service: service.into(),
            what,
            name: grant.source.clone(),
        })
}
