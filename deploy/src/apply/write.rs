//! The write of one step.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bollard::models::{ConfigSpec, SecretSpec, ServiceSpec, VolumeCreateRequest};
use bollard::query_parameters::{InspectNetworkOptions, UpdateServiceOptions};

use super::{Cause, Inputs, Outcome};
use crate::desired::{Content, DesiredMaterial, Owner, SOURCE_LABEL, VolumeSource};
use crate::error::Error;
use crate::images::registry_of;
use crate::managers::{Managers, Swarm};
use crate::plan::{Action, Kind, Step};

/// A network is in use until the last task of a removed service is gone.
const LAST_TASKS: Duration = Duration::from_secs(60);

/// Ids of secrets and configs by name, read when a service needs them first.
#[derive(Default)]
pub struct Ids(Option<(BTreeMap<String, String>, BTreeMap<String, String>)>);

pub async fn write<M: Managers>(
    swarm: &mut Swarm<M>,
    step: &Step,
    inputs: &Inputs<'_>,
    ids: &mut Ids,
) -> Result<Outcome, Cause> {
    let doing = format!("{} {} {:?}", gerund(&step.action), step.kind, step.name);
    match (step.kind, &step.action) {
        (Kind::Service, Action::Remove { .. }) => {
            let id = step.target.id.as_str();
            let ask = swarm.ask(&doing, |d| async move { d.delete_service(id).await });
            ask.await?;
        }
        (Kind::Service, _) => return service(swarm, step, inputs, ids, &doing).await,
        (Kind::Network, Action::Remove { .. }) => remove_network(swarm, step, &doing).await?,
        (Kind::Network, action) => {
            if let Action::Recreate { .. } = action {
                remove_network(swarm, step, &doing).await?;
            }
            let mut networks = inputs.desired.networks.iter();
            let network = networks.find(|network| network.request.name == step.name);
            if let Some(network) = network {
                let request = &network.request;
                let ask = swarm.ask(&doing, |docker| {
                    let request = request.clone();
                    async move { docker.create_network(request).await }
                });
                let answer = ask.await?;
                let remark = Some(answer.warning).filter(|remark| !remark.is_empty());
                return Ok(Outcome::Done {
                    warnings: remark.into_iter().collect(),
                });
            }
        }
        (Kind::Volume, _) => create_volume(step, inputs, &doing).await?,
        (Kind::Secret | Kind::Config, Action::Remove { .. }) => {
            return remove_material(swarm, step, &doing).await;
        }
        (Kind::Secret | Kind::Config, _) => {
            create_material(swarm, step, inputs, &doing).await?;
            *ids = Ids::default();
        }
    }
    let warnings = Vec::new();
    Ok(Outcome::Done { warnings })
}

fn gerund(action: &Action) -> &'static str {
    match action {
        Action::Create { .. } => "creating",
        Action::Update { .. } => "updating",
        Action::Recreate { .. } => "making anew",
        Action::Remove { .. } => "removing",
        Action::Unchanged | Action::Blocked { .. } | Action::Elsewhere => "looking at",
    }
}

async fn service<M: Managers>(
    swarm: &mut Swarm<M>,
    step: &Step,
    inputs: &Inputs<'_>,
    ids: &mut Ids,
    doing: &str,
) -> Result<Outcome, Cause> {
    let mut spec = step.target.spec.as_deref().cloned().unwrap_or_default();
    fill_in(swarm, &mut spec, ids).await?;
    let image = spec.task_template.as_ref();
    let image = image.and_then(|task| task.container_spec.as_ref()?.image.as_deref());
    let registry = registry_of(image.unwrap_or_default());
    let credentials = inputs.credentials.get(&registry);
    let warnings = if let Action::Create { .. } = step.action {
        let ask = swarm.ask(doing, |docker| {
            let (spec, credentials) = (spec.clone(), credentials.cloned());
            async move { docker.create_service(spec, credentials).await }
        });
        ask.await?.warnings
    } else {
        let version = version_number(step.target.version).map_err(Error::doing(doing))?;
        let ask = swarm.ask(doing, |docker| {
            let (spec, credentials) = (spec.clone(), credentials.cloned());
            let options = UpdateServiceOptions {
                version,
                ..Default::default()
            };
            let id = step.target.id.as_str();
            async move { docker.update_service(id, spec, options, credentials).await }
        });
        ask.await?.warnings
    };
    Ok(Outcome::Done {
        warnings: warnings.unwrap_or_default(),
    })
}

/// The library carries versions as 32 bits.
pub fn version_number(version: u64) -> Result<i32, bollard::errors::Error> {
    i32::try_from(version).map_err(|_| {
        let told = format!("version {version} of the swarm's object is beyond 32 bits");
        io::Error::new(io::ErrorKind::InvalidData, told).into()
    })
}

/// Docker wants ids of secrets and configs beside their names.
async fn fill_in<M: Managers>(
    swarm: &mut Swarm<M>,
    spec: &mut ServiceSpec,
    ids: &mut Ids,
) -> Result<(), Cause> {
    let task = spec.task_template.as_mut();
    let Some(container) = task.and_then(|task| task.container_spec.as_mut()) else {
        return Ok(());
    };
    if container.secrets.is_none() && container.configs.is_none() {
        return Ok(());
    }
    if ids.0.is_none() {
        let list = swarm.ask(
            "listing secrets",
            |d| async move { d.list_secrets(None).await },
        );
        let secrets = list.await?.into_iter();
        let secrets = secrets
            .filter_map(|s| Some((s.spec?.name?, s.id?)))
            .collect();
        let list = swarm.ask(
            "listing configs",
            |d| async move { d.list_configs(None).await },
        );
        let configs = list.await?.into_iter();
        let configs = configs
            .filter_map(|c| Some((c.spec?.name?, c.id?)))
            .collect();
        ids.0 = Some((secrets, configs));
    }
    if let Some((secrets, configs)) = &ids.0 {
        for grant in container.secrets.iter_mut().flatten() {
            let name = grant.secret_name.as_deref().unwrap_or_default();
            grant.secret_id = secrets.get(name).cloned();
        }
        for grant in container.configs.iter_mut().flatten() {
            let name = grant.config_name.as_deref().unwrap_or_default();
            grant.config_id = configs.get(name).cloned();
        }
    }
    Ok(())
}

async fn remove_network<M: Managers>(
    swarm: &mut Swarm<M>,
    step: &Step,
    doing: &str,
) -> Result<(), Cause> {
    let start = Instant::now();
    let id = step.target.id.as_str();
    loop {
        let ask = swarm.ask(doing, |d| async move { d.remove_network(id).await });
        match ask.await {
            Ok(()) => break,
            // An engine lists a network for a moment longer than the swarm has it.
            Err(error) if error.told().contains("not found") => break,
            Err(error) if error.told().contains("in use") && start.elapsed() < LAST_TASKS => {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    // The engine of this host lists it until its last container is gone; who reads the swarm before
    // that would take it for one that can be used.
    while start.elapsed() < LAST_TASKS {
        let look = swarm.ask(doing, |docker| async move {
            docker
                .inspect_network(id, None::<InspectNetworkOptions>)
                .await
        });
        if look.await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

async fn create_volume(step: &Step, inputs: &Inputs<'_>, doing: &str) -> Result<(), Cause> {
    let host = step.host.as_deref().unwrap_or_default();
    let docker = inputs.hosts.get(host);
    let docker = docker.ok_or_else(|| Cause::NoHost(host.to_owned()))?;
    let mut volumes = inputs.desired.volumes.iter();
    let Some(volume) = volumes.find(|volume| volume.name == step.name) else {
        return Ok(());
    };
    if let VolumeSource::Driver { driver, options } = &volume.source {
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            driver: Some(driver.clone()),
            driver_opts: Some(options.clone().into_iter().collect()),
            labels: Some(labels(&inputs.desired.owner, &volume.labels)),
            cluster_volume_spec: None,
        };
        let doing = format!("{doing} on {host}");
        let made = docker.create_volume(request).await;
        made.map_err(Error::doing(doing))?;
    }
    Ok(())
}

async fn create_material<M: Managers>(
    swarm: &mut Swarm<M>,
    step: &Step,
    inputs: &Inputs<'_>,
    doing: &str,
) -> Result<(), Cause> {
    let desired = inputs.desired;
    let all = match step.kind {
        Kind::Secret => &desired.secrets,
        _ => &desired.configs,
    };
    let found: Option<&DesiredMaterial> = all.iter().find(|m| m.name == step.name);
    let Some((material, Content::Bytes(bytes))) = found.map(|m| (m, &m.content)) else {
        return Ok(());
    };
    let mut labels = labels(&desired.owner, &material.labels);
    labels.insert(SOURCE_LABEL.into(), material.source.clone());
    let data = Some(STANDARD.encode(bytes));
    let name = Some(material.name.clone());
    if step.kind == Kind::Secret {
        let spec = SecretSpec {
            name,
            labels: Some(labels),
            data,
            ..Default::default()
        };
        let ask = swarm.ask(doing, |docker| {
            let spec = spec.clone();
            async move { docker.create_secret(spec).await }
        });
        ask.await?;
    } else {
        let spec = ConfigSpec {
            name,
            labels: Some(labels),
            data,
            ..Default::default()
        };
        let ask = swarm.ask(doing, |docker| {
            let spec = spec.clone();
            async move { docker.create_config(spec).await }
        });
        ask.await?;
    }
    Ok(())
}

fn labels(owner: &Owner, more: &BTreeMap<String, String>) -> HashMap<String, String> {
    let mut labels: HashMap<String, String> = more.clone().into_iter().collect();
    labels.insert(owner.label.clone(), owner.value.clone());
    labels
}

/// One that somebody else's service uses stays; that is no reason to stop.
async fn remove_material<M: Managers>(
    swarm: &mut Swarm<M>,
    step: &Step,
    doing: &str,
) -> Result<Outcome, Cause> {
    let id = step.target.id.as_str();
    let answer = match step.kind {
        Kind::Secret => {
            let ask = swarm.ask(doing, |d| async move { d.delete_secret(id).await });
            ask.await
        }
        _ => {
            let ask = swarm.ask(doing, |d| async move { d.delete_config(id).await });
            ask.await
        }
    };
    match answer {
        Ok(()) => Ok(Outcome::Done {
            warnings: Vec::new(),
        }),
        Err(error) if error.told().contains("in use") => Ok(Outcome::Kept { why: error.told() }),
        Err(error) => Err(error.into()),
    }
}
