//! Services.

use std::collections::BTreeMap;

use bollard::models::{EndpointPortConfigPublishModeEnum, ServiceSpec, TaskSpecContainerSpec};

use super::image::{Images, settle};
use super::material::granted;
use super::network::reason;
use super::{Action, Change, Kind, Leftover, Request, Step, differences, owned};
use crate::actual::{Actual, Found};
use crate::desired::{Desired, DesiredService};
use crate::shape::{self, Shape};

/// Label that services of the predecessor have, and ours.
const PREDECESSORS_LABEL: &str = "HIVE_STANDALONE";

/// `before` are the steps for what services need.
pub fn steps(
    desired: &Desired,
    actual: &Actual,
    images: &Images,
    request: &Request,
    before: &[Step],
) -> Vec<Step> {
    let mut steps = Vec::new();
    if !request.has(Kind::Service) {
        return steps;
    }
    for service in &desired.services {
        if request.remove || !request.picks(Kind::Service, &service.name) {
            continue;
        }
        let found = actual.services.get(&service.name);
        let step = change(service, found, actual, images);
        steps.push(match obstacle(service, found, desired, actual, before) {
            Some((why, way_out)) => {
                let changes = match step.action {
                    Action::Create { changes } | Action::Update { changes, .. } => changes,
                    _ => Vec::new(),
                };
                let blocked = Action::Blocked {
                    changes,
                    why,
                    way_out,
                };
                Step::new(Kind::Service, &service.name, blocked)
            }
            None => step,
        });
    }
    for (name, found) in &actual.services {
        let mut wanted = desired.services.iter();
        let wanted = wanted.any(|service| service.name == *name);
        let labels = found.spec.labels.as_ref();
        let ours = owned(&desired.owner, labels.into_iter().flatten())
            || (wanted && labels.is_some_and(|labels| labels.contains_key(PREDECESSORS_LABEL)));
        let removes = request.remove || (request.prune && !wanted && request.only.is_none());
        if !removes || !request.picks(Kind::Service, name) || !(ours || wanted) {
            continue;
        }
        let action = match ours {
            true => Action::Remove {
                why: reason(request).into(),
            },
            false => Action::Blocked {
                changes: Vec::new(),
                why: "it has the name of a service of this site, but was made by somebody else"
                    .into(),
                way_out: format!("if it is to go: docker service rm {name}"),
            },
        };
        steps.push(Step::new(Kind::Service, name, action).at(&found.id, found.version));
    }
    steps
}

/// Services of the owner that nothing wants any more, and that stay.
pub fn leftovers(
    desired: &Desired,
    actual: &Actual,
    request: &Request,
    steps: &[Step],
) -> Vec<Leftover> {
    if !request.has(Kind::Service) || request.only.is_some() {
        return Vec::new();
    }
    let services = actual.services.iter();
    services
        .filter(|(_, found)| owned(&desired.owner, found.spec.labels.iter().flatten()))
        .filter(|(name, _)| desired.services.iter().all(|s| s.name != **name))
        .filter(|(name, _)| {
            let mut steps = steps.iter();
            !steps.any(|step| step.kind == Kind::Service && step.name == **name)
        })
        .map(|(name, _)| Leftover {
            kind: Kind::Service,
            name: name.clone(),
        })
        .collect()
}

/// What creates the service or makes it what is wanted.
pub fn change(
    service: &DesiredService,
    found: Option<&Found<ServiceSpec>>,
    actual: &Actual,
    images: &Images,
) -> Step {
    let mut spec = service.spec.clone();
    shape::remember_health(&mut spec);
    let there = found.and_then(|found| container(&found.spec)?.image.as_deref());
    let (image, force) = settle(&service.name, service.image(), there, images);
    if let Some(task) = &mut spec.task_template
        && let Some(container) = &mut task.container_spec
    {
        container.image = Some(image);
    }
    let names = &actual.network_names;
    let Some(found) = found else {
        let changes = differences(&Shape::new(), &shape::service(&spec, names));
        let action = Action::Create { changes };
        return Step::new(Kind::Service, &service.name, action).with(spec);
    };
    if service.keep_replicas
        && let Some(mode) = &mut spec.mode
        && let Some(there) = found.spec.mode.as_ref().and_then(|m| m.replicated.clone())
        && mode.replicated.is_some()
    {
        mode.replicated = Some(there);
    }
    let old = shape::service(&found.spec, names);
    let mut changes = differences(&old, &shape::service(&spec, names));
    // The same once more is how docker is told to go on.
    if changes.is_empty() && force.is_none() && found.paused {
        changes.push(Change {
            path: "update".into(),
            old: Some("paused".into()),
            new: Some("goes on".into()),
        });
    }
    if changes.is_empty() && force.is_none() {
        let step = Step::new(Kind::Service, &service.name, Action::Unchanged);
        return step.at(&found.id, found.version);
    }
    // The counter has to stay where it is, or tasks would start anew.
    let task = found.spec.task_template.as_ref();
    let counter = task.and_then(|task| task.force_update).unwrap_or_default();
    if let Some(task) = &mut spec.task_template {
        task.force_update = Some(counter + u64::from(force.is_some()));
    }
    let action = Action::Update { changes, force };
    let step = Step::new(Kind::Service, &service.name, action);
    step.with(spec).at(&found.id, found.version)
}

/// What keeps a service from becoming what is wanted, and what to do about it.
fn obstacle(
    service: &DesiredService,
    found: Option<&Found<ServiceSpec>>,
    desired: &Desired,
    actual: &Actual,
    before: &[Step],
) -> Option<(String, String)> {
    let comes = |kind: Kind, name: &str| {
        let mut before = before.iter();
        before.any(|step| step.kind == kind && step.name == name && step.leaves_it())
    };
    for network in actual.attached(&service.spec) {
        let there = actual.networks.contains_key(&network)
            || actual.network_names.values().any(|name| *name == network);
        if !there && !comes(Kind::Network, &network) {
            let why = format!("its network {network:?} is not there");
            return Some((why, "make it first: hive build-networks".into()));
        }
    }
    for kind in [Kind::Secret, Kind::Config] {
        let there = |name: &String| match kind {
            Kind::Secret => actual.secrets.contains_key(name),
            _ => actual.configs.contains_key(name),
        };
        for name in granted(&service.spec, kind) {
            if !there(&name) && !comes(kind, &name) {
                let way_out = format!("docker {kind} create {name} FILE");
                return Some((format!("its {kind} {name:?} is not in the swarm"), way_out));
            }
        }
    }
    if let Some(found) = found
        && mode(&found.spec) != mode(&service.spec)
    {
        let (old, new) = (mode(&found.spec), mode(&service.spec));
        let name = &service.name;
        return Some((
            format!("docker can't make a {new} service of a {old} one"),
            format!("remove it (hive deploy-services -D -l {name}), then deploy it"),
        ));
    }
    taken_port(service, desired, actual)
}

/// A port that a service holds which is none of ours.
fn taken_port(
    service: &DesiredService,
    desired: &Desired,
    actual: &Actual,
) -> Option<(String, String)> {
    let wanted = ingress_ports(&service.spec);
    for (name, found) in &actual.services {
        if desired.services.iter().any(|other| other.name == *name) {
            continue;
        }
        let held = ingress_ports(&found.spec);
        if let Some((port, protocol)) = held.keys().find(|port| wanted.contains_key(port)) {
            return Some((
                format!("port {port}/{protocol} is published by service {name:?} already"),
                format!("publish another port, or remove that service: docker service rm {name}"),
            ));
        }
    }
    None
}

/// The ports that a service has on every host: port and protocol to the port in the container.
pub fn ingress_ports(spec: &ServiceSpec) -> BTreeMap<(i64, String), i64> {
    let ports = spec.endpoint_spec.as_ref();
    let ports = ports.and_then(|endpoint| endpoint.ports.as_ref());
    let ports = ports.into_iter().flatten();
    ports
        .filter(|port| port.publish_mode != Some(EndpointPortConfigPublishModeEnum::HOST))
        .filter_map(|port| {
            let published = port.published_port.filter(|published| *published != 0)?;
            let protocol = port.protocol.map_or("tcp".into(), |p| p.to_string());
            Some(((published, protocol), port.target_port.unwrap_or_default()))
        })
        .collect()
}

fn mode(spec: &ServiceSpec) -> &'static str {
    let Some(mode) = &spec.mode else {
        return "replicated";
    };
    match mode {
        _ if mode.global.is_some() => "global",
        _ if mode.replicated_job.is_some() => "replicated-job",
        _ if mode.global_job.is_some() => "global-job",
        _ => "replicated",
    }
}

fn container(spec: &ServiceSpec) -> Option<&TaskSpecContainerSpec> {
    spec.task_template.as_ref()?.container_spec.as_ref()
}
