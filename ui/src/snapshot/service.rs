//! Services, without what may be secret.
//!
//! An engine tells the definition of a service whole. Of that the page never gets: values of environment variables,
//! command and arguments, the health check's command, options of log and volume drivers (all of these carry
//! passwords on some site), and values of labels whose names look like credentials.

use std::collections::{BTreeSet, HashMap};

use bollard::models::{
    EndpointPortConfig, EndpointPortConfigPublishModeEnum, EndpointSpecModeEnum,
    Mount as ToldMount, NetworkAttachmentConfig, Service as Told, ServiceSpecMode,
    ServiceUpdateStatus, TaskSpecRestartPolicyConditionEnum,
};

use super::host::{cpus, filled};
use super::{Host, HostState, Mode, Mount, Phase, Port, Service, Share, Task, Update, instant};

/// Stands for a value that the page does not get.
pub const CONCEALED: &str = "(concealed)";

/// Parts of label names whose values are concealed.
const CREDENTIALS: [&str; 9] = [
    "password",
    "passwd",
    "secret",
    "token",
    "basicauth",
    "credential",
    "apikey",
    "api_key",
    "private_key",
];

/// A service as the swarm tells it; tasks are counted later by [`count`].
pub(super) fn of(told: &Told, networks: &HashMap<&str, &str>) -> Service {
    let spec = told.spec.clone().unwrap_or_default();
    let template = spec.task_template.unwrap_or_default();
    let container = template.container_spec.unwrap_or_default();
    let placement = template.placement.unwrap_or_default();
    let resources = template.resources.unwrap_or_default();
    let limits = resources.limits.unwrap_or_default();
    let reservations = resources.reservations.unwrap_or_default();
    let restart = template.restart_policy.unwrap_or_default();
    let (image, digest) = image(container.image.as_deref().unwrap_or_default());
    let status = told.service_status.clone().unwrap_or_default();
    let (mode, defined) = mode(&spec.mode.unwrap_or_default());
    let labels = spec.labels.unwrap_or_default();
    let attached = template.networks.or(spec.networks).unwrap_or_default();
    let endpoint = told.endpoint.clone().unwrap_or_default();
    let endpoint_spec = spec.endpoint_spec.or(endpoint.spec).unwrap_or_default();
    Service {
        id: told.id.clone().unwrap_or_default(),
        name: spec.name.unwrap_or_default(),
        stack: labels.get("com.docker.stack.namespace").cloned(),
        image,
        digest,
        mode,
        wanted: defined.or(status.desired_tasks).unwrap_or_default(),
        running: 0,
        completed: status.completed_tasks.unwrap_or_default(),
        created_at: told.created_at.as_deref().and_then(instant::parse),
        updated_at: told.updated_at.as_deref().and_then(instant::parse),
        update: told.update_status.as_ref().and_then(update),
        ports: ports(endpoint.ports.or(endpoint_spec.ports)),
        networks: names(&attached, networks),
        endpoint: endpoint_spec
            .mode
            .filter(|mode| *mode != EndpointSpecModeEnum::EMPTY)
            .map(|mode| mode.to_string()),
        constraints: placement.constraints.unwrap_or_default(),
        spread: placement
            .preferences
            .unwrap_or_default()
            .into_iter()
            .filter_map(|preference| preference.spread?.spread_descriptor)
            .collect(),
        most_per_host: placement.max_replicas.filter(|most| *most > 0),
        limits: share(limits.nano_cpus, limits.memory_bytes),
        reservations: share(reservations.nano_cpus, reservations.memory_bytes),
        restart: match restart.condition {
            None | Some(TaskSpecRestartPolicyConditionEnum::EMPTY) => "any".to_owned(),
            Some(condition) => condition.to_string(),
        },
        most_restarts: restart.max_attempts.filter(|most| *most > 0),
        mounts: container
            .mounts
            .unwrap_or_default()
            .into_iter()
            .map(mount)
            .collect(),
        secrets: container
            .secrets
            .unwrap_or_default()
            .into_iter()
            .filter_map(|secret| secret.secret_name)
            .collect(),
        configs: container
            .configs
            .unwrap_or_default()
            .into_iter()
            .filter_map(|config| config.config_name)
            .collect(),
        environment: environment(container.env.unwrap_or_default()),
        log_driver: template.log_driver.and_then(|driver| driver.name),
        health_check: container
            .health_check
            .and_then(|check| check.test)
            .is_some_and(|test| !test.is_empty() && test[0] != "NONE"),
        labels: labels.into_iter().map(concealed).collect(),
    }
}

/// Counts what runs; and what should, where the definition leaves that to the hosts.
pub(super) fn count(services: &mut [Service], tasks: &[Task], hosts: &[Host]) {
    let lost: BTreeSet<&str> = hosts
        .iter()
        .filter(|host| host.state == HostState::Down)
        .map(|host| host.id.as_str())
        .collect();
    for service in services {
        let place = |task: &Task| (task.slot, task.slot.is_none().then(|| task.host_id.clone()));
        let mine = || {
            tasks
                .iter()
                .filter(|task| task.service_id == service.id && task.current)
        };
        let running: BTreeSet<_> = mine()
            .filter(|task| task.phase == Phase::Running)
            .filter(|task| {
                task.host_id
                    .as_deref()
                    .is_none_or(|host| !lost.contains(host))
            })
            .map(place)
            .collect();
        let placed: BTreeSet<_> = mine().map(place).collect();
        let completed = tasks
            .iter()
            .filter(|task| task.service_id == service.id && task.phase == Phase::Complete)
            .map(place)
            .collect::<BTreeSet<_>>()
            .len() as u64;
        service.running = running.len() as u64;
        service.completed = service.completed.max(completed);
        if matches!(service.mode, Mode::Global | Mode::GlobalJob) {
            service.wanted = service.wanted.max(placed.len() as u64);
        }
    }
}

/// An image's reference without and with the digest that pins it.
pub(super) fn image(reference: &str) -> (String, Option<String>) {
    match reference.split_once('@') {
        Some((image, digest)) => (image.to_owned(), Some(digest.to_owned())),
        None => (reference.to_owned(), None),
    }
}

/// Published ports, in order.
pub(super) fn ports(told: Option<Vec<EndpointPortConfig>>) -> Vec<Port> {
    let mut ports: Vec<Port> = told
        .unwrap_or_default()
        .into_iter()
        // Not published, or host mode without a fixed port.
        .filter_map(|port| {
            Some(Port {
                published: port.published_port.filter(|number| *number > 0)?,
                protocol: port
                    .protocol
                    .map(|protocol| protocol.to_string())
                    .filter(|protocol| !protocol.is_empty())
                    .unwrap_or_else(|| "tcp".to_owned()),
                target: port.target_port.unwrap_or_default(),
                host_mode: port.publish_mode == Some(EndpointPortConfigPublishModeEnum::HOST),
            })
        })
        .collect();
    ports.sort();
    ports.dedup();
    ports
}

fn mode(told: &ServiceSpecMode) -> (Mode, Option<u64>) {
    let number = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    if told.global.is_some() {
        (Mode::Global, None)
    } else if told.global_job.is_some() {
        (Mode::GlobalJob, None)
    } else if let Some(job) = &told.replicated_job {
        (Mode::ReplicatedJob, number(job.total_completions))
    } else {
        let replicas = told
            .replicated
            .as_ref()
            .and_then(|replicated| replicated.replicas);
        (Mode::Replicated, number(replicas))
    }
}

fn update(told: &ServiceUpdateStatus) -> Option<Update> {
    Some(Update {
        state: filled(Some(told.state?.to_string()))?,
        started_at: told.started_at.as_deref().and_then(instant::parse),
        completed_at: told.completed_at.as_deref().and_then(instant::parse),
        message: filled(told.message.clone()),
    })
}

fn names(attached: &[NetworkAttachmentConfig], networks: &HashMap<&str, &str>) -> Vec<String> {
    let mut names: Vec<String> = attached
        .iter()
        .filter_map(|network| network.target.as_deref())
        .map(|id| networks.get(id).copied().unwrap_or(id).to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn share(billionths: Option<i64>, memory: Option<i64>) -> Share {
    Share {
        cpus: billionths.filter(|some| *some > 0).map(cpus),
        memory: memory.filter(|some| *some > 0),
    }
}

fn mount(told: ToldMount) -> Mount {
    Mount {
        kind: told
            .typ
            .map_or_else(|| "bind".to_owned(), |kind| kind.to_string()),
        source: filled(told.source),
        target: told.target.unwrap_or_default(),
        read_only: told.read_only == Some(true),
        driver: told
            .volume_options
            .and_then(|options| filled(options.driver_config?.name)),
    }
}

fn environment(told: Vec<String>) -> Vec<String> {
    let name = |line: &String| {
        let name = line.split('=').next().unwrap_or_default();
        name.to_owned()
    };
    let names: BTreeSet<String> = told.iter().map(name).collect();
    names.into_iter().collect()
}

fn concealed((name, value): (String, String)) -> (String, String) {
    let lower = name.to_ascii_lowercase();
    if CREDENTIALS.iter().any(|part| lower.contains(part)) {
        (name, CONCEALED.to_owned())
    } else {
        (name, value)
    }
}
