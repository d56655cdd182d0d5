//! A model of what docker makes of what it is told, for tests: ids for names, defaults filled in.

use bollard::models::{EndpointSpecModeEnum, ServiceSpec};
use bollard::models::{Network, SecretSpec};

use super::{Action, Kind, Plan};
use crate::actual::{Actual, Found};
use crate::desired::{Desired, SOURCE_LABEL};

/// Carries a plan out.
pub fn apply(plan: &Plan, desired: &Desired, actual: &mut Actual) {
    for step in &plan.steps {
        let name = step.name.clone();
        let version = 1 + newest(actual);
        match (step.kind, &step.action) {
            (_, Action::Blocked { .. }) => panic!("{step:?}"),
            (Kind::Network, Action::Create { .. }) => {
                let wanted = desired.networks.iter().find(|n| n.request.name == name);
                let wanted = wanted.unwrap().request.clone();
                let id = format!("id-of-{name}");
                actual.network_names.insert(id.clone(), name.clone());
                let mut ipam = wanted.ipam.unwrap();
                ipam.driver = Some("default".into());
                for pool in ipam.config.iter_mut().flatten() {
                    pool.gateway.get_or_insert("10.99.0.1".into());
                }
                let mut options = wanted.options.unwrap_or_default();
                options.insert(
                    "com.docker.network.driver.overlay.vxlanid_list".into(),
                    "4097".into(),
                );
                let network = Network {
                    name: Some(name.clone()),
                    id: Some(id),
                    scope: Some("swarm".into()),
                    driver: wanted.driver,
                    attachable: wanted.attachable,
                    internal: Some(false),
                    ipam: Some(ipam),
                    options: Some(options),
                    labels: wanted.labels,
                    ..Default::default()
                };
                actual.networks.insert(name, network);
            }
            (Kind::Secret, Action::Create { .. }) => {
                let secret = desired.secrets.iter().find(|s| s.name == name).unwrap();
                let owner = desired.owner.clone();
                let labels = [
                    (owner.label, owner.value),
                    (SOURCE_LABEL.to_owned(), secret.source.clone()),
                ];
                let spec = SecretSpec {
                    name: Some(name.clone()),
                    labels: Some(labels.into()),
                    ..Default::default()
                };
                actual.secrets.insert(name, found(version, spec));
            }
            (Kind::Config, Action::Create { .. }) => {
                actual
                    .configs
                    .insert(name, found(version, Default::default()));
            }
            (Kind::Service, Action::Create { .. } | Action::Update { .. }) => {
                let spec = normal(step.target.spec.as_deref().unwrap());
                actual.services.insert(name, found(version, spec));
            }
            (Kind::Service, Action::Remove { .. }) => {
                actual.services.remove(&name);
            }
            (Kind::Secret, Action::Remove { .. }) => {
                actual.secrets.remove(&name);
            }
            (_, Action::Unchanged | Action::Elsewhere) => {}
            _ => panic!("not in the model: {step:?}"),
        }
    }
}

fn newest(actual: &Actual) -> u64 {
    let services = actual.services.values().map(|found| found.version);
    let secrets = actual.secrets.values().map(|found| found.version);
    services.chain(secrets).max().unwrap_or_default()
}

fn found<T>(version: u64, spec: T) -> Found<T> {
    Found {
        id: format!("id{version}"),
        version,
        spec,
        tasks: None,
        paused: false,
    }
}

/// A service specification as docker gives it back.
fn normal(spec: &ServiceSpec) -> ServiceSpec {
    let mut spec = spec.clone();
    let task = spec.task_template.get_or_insert_default();
    for network in task.networks.iter_mut().flatten() {
        network.target = network.target.as_ref().map(|name| format!("id-of-{name}"));
    }
    task.force_update.get_or_insert(0);
    task.runtime = Some("container".into());
    let resources = task.resources.get_or_insert_default();
    resources.limits.get_or_insert_default();
    resources.reservations.get_or_insert_default();
    task.placement.get_or_insert_default();
    let container = task.container_spec.get_or_insert_default();
    container.dns_config.get_or_insert_default();
    // What the library does not read back.
    container.health_check = None;
    container.isolation = Some(bollard::models::TaskSpecContainerSpecIsolationEnum::DEFAULT);
    if let Some(env) = &mut container.env {
        env.reverse();
    }
    let endpoint = spec.endpoint_spec.get_or_insert_default();
    endpoint.mode.get_or_insert(EndpointSpecModeEnum::VIP);
    if let Some(update) = &mut spec.update_config {
        update.monitor.get_or_insert(5_000_000_000);
        update.max_failure_ratio.get_or_insert(0.0);
    }
    spec
}
