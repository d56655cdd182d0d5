//! A service of the files as docker is told of it: every attribute.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{
    EndpointPortConfig, EndpointPortConfigProtocolEnum, EndpointPortConfigPublishModeEnum,
    EndpointSpec, EndpointSpecModeEnum, HealthConfig, Limit, Mount as MountSpec, MountType,
    NetworkAttachmentConfig, ResourceObject, ResourcesUlimits, ServiceSpec, ServiceSpecMode,
    ServiceSpecModeReplicated, ServiceSpecRollbackConfig,
    ServiceSpecRollbackConfigFailureActionEnum, ServiceSpecRollbackConfigOrderEnum,
    ServiceSpecUpdateConfig, ServiceSpecUpdateConfigFailureActionEnum,
    ServiceSpecUpdateConfigOrderEnum, TaskSpec, TaskSpecContainerSpec,
    TaskSpecContainerSpecDnsConfig, TaskSpecLogDriver, TaskSpecPlacement,
    TaskSpecPlacementPreferences, TaskSpecPlacementSpread, TaskSpecResources,
    TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum,
};
use hive_site::service::model::{
    EndpointMode, FailureAction, Healthcheck, Mode, Mount, MountKind, Placement, Port, Protocol,
    PublishMode, Resources, Restart, RestartCondition, Rollout, Service, UpdateOrder,
};

use super::material::Names;
use super::{Error, standalone};
use crate::desired::{DesiredService, Owner};

/// Maps one service.
pub fn map(service: &Service, names: &Names, owner: &Owner) -> Result<DesiredService, Error> {
    let service = &standalone::complete(service);
    let mut labels = strings(&service.labels);
    labels.insert(owner.label.clone(), owner.value.clone());
    let (mode, keep_replicas) = match service.mode {
        Mode::Replicated(wanted) => {
            let replicas = i64::try_from(wanted.unwrap_or(1)).unwrap_or(i64::MAX);
            let replicated = ServiceSpecModeReplicated {
                replicas: Some(replicas),
            };
            let mode = ServiceSpecMode {
                replicated: Some(replicated),
                ..Default::default()
            };
            (mode, wanted.is_none())
        }
        Mode::Global => {
            let mode = ServiceSpecMode {
                global: Some(HashMap::new()),
                ..Default::default()
            };
            (mode, false)
        }
    };
    let spec = ServiceSpec {
        name: Some(service.name.clone()),
        labels: Some(labels),
        task_template: Some(TaskSpec {
            container_spec: Some(container(service, names)?),
            resources: resources(&service.limits, &service.reservations),
            restart_policy: service.restart.as_ref().map(restart),
            placement: placement(&service.placement),
            networks: list(service.networks.iter().map(|name| NetworkAttachmentConfig {
                target: Some(name.clone()),
                aliases: service.network_aliases.get(name).cloned(),
                driver_opts: None,
            })),
            log_driver: service.logging.as_ref().map(|logging| TaskSpecLogDriver {
                name: Some(logging.driver.clone()),
                options: Some(strings(&logging.options)),
            }),
            ..Default::default()
        }),
        mode: Some(mode),
        update_config: service.update.as_ref().map(update),
        rollback_config: service.rollback.as_ref().map(rollback),
        networks: None,
        endpoint_spec: Some(EndpointSpec {
            mode: Some(match service.endpoint_mode {
                EndpointMode::Vip => EndpointSpecModeEnum::VIP,
                EndpointMode::Dnsrr => EndpointSpecModeEnum::DNSRR,
            }),
            ports: list(service.ports.iter().map(port)),
        }),
    };
    Ok(DesiredService {
        name: service.name.clone(),
        spec,
        keep_replicas,
    })
}

fn container(service: &Service, names: &Names) -> Result<TaskSpecContainerSpec, Error> {
    let dns = &service.dns;
    let env = service.environment.iter();
    let hosts = service.hosts.iter();
    Ok(TaskSpecContainerSpec {
        image: Some(service.image.reference().to_owned()),
        command: service.entrypoint.clone(),
        args: service.command.clone(),
        hostname: Some(service.name.clone()),
        env: list(env.map(|(name, value)| format!("{name}={value}"))),
        dir: service.working_dir.clone(),
        user: service.user.clone(),
        read_only: service.read_only.then_some(true),
        mounts: list(service.mounts.iter().map(mount)),
        stop_grace_period: Some(nanoseconds(service.stop_grace_period)),
        health_check: service.healthcheck.as_ref().map(health),
        hosts: list(hosts.map(|(name, address)| format!("{address} {name}"))),
        dns_config: (*dns != Default::default()).then(|| TaskSpecContainerSpecDnsConfig {
            nameservers: list(dns.servers.iter().cloned()),
            search: list(dns.search.iter().cloned()),
            options: list(dns.options.iter().cloned()),
        }),
        secrets: list(names.secrets(&service.name, &service.secrets)?.into_iter()),
        configs: list(names.configs(&service.name, &service.configs)?.into_iter()),
        init: service.init,
        sysctls: (!service.sysctls.is_empty()).then(|| strings(&service.sysctls)),
        capability_add: list(service.cap_add.iter().map(|name| capability(name))),
        capability_drop: list(service.cap_drop.iter().map(|name| capability(name))),
        ulimits: list(
            service
                .ulimits
                .iter()
                .map(|(name, &(soft, hard))| ResourcesUlimits {
                    name: Some(name.clone()),
                    soft: Some(soft),
                    hard: Some(hard),
                }),
        ),
        privileges: service.standalone.then(standalone::privileges),
        ..Default::default()
    })
}

fn mount(mount: &Mount) -> MountSpec {
    MountSpec {
        target: Some(mount.target.clone()),
        source: (!mount.source.is_empty()).then(|| mount.source.clone()),
        typ: Some(match mount.kind {
            MountKind::Bind => MountType::BIND,
            MountKind::Volume => MountType::VOLUME,
            MountKind::Tmpfs => MountType::TMPFS,
        }),
        read_only: mount.read_only.then_some(true),
        ..Default::default()
    }
}

fn port(port: &Port) -> EndpointPortConfig {
    EndpointPortConfig {
        name: None,
        protocol: Some(match port.protocol {
            Protocol::Tcp => EndpointPortConfigProtocolEnum::TCP,
            Protocol::Udp => EndpointPortConfigProtocolEnum::UDP,
            Protocol::Sctp => EndpointPortConfigProtocolEnum::SCTP,
        }),
        target_port: Some(port.target.into()),
        published_port: Some(port.published.into()),
        publish_mode: Some(match port.mode {
            PublishMode::Ingress => EndpointPortConfigPublishModeEnum::INGRESS,
            PublishMode::Host => EndpointPortConfigPublishModeEnum::HOST,
        }),
    }
}

fn health(check: &Healthcheck) -> HealthConfig {
    HealthConfig {
        test: list(check.test.iter().cloned()),
        interval: check.interval.map(nanoseconds),
        timeout: check.timeout.map(nanoseconds),
        retries: check.retries.map(number),
        start_period: check.start_period.map(nanoseconds),
        start_interval: None,
    }
}

fn restart(restart: &Restart) -> TaskSpecRestartPolicy {
    TaskSpecRestartPolicy {
        condition: restart.condition.map(|condition| match condition {
            RestartCondition::None => TaskSpecRestartPolicyConditionEnum::NONE,
            RestartCondition::OnFailure => TaskSpecRestartPolicyConditionEnum::ON_FAILURE,
            RestartCondition::Any => TaskSpecRestartPolicyConditionEnum::ANY,
        }),
        delay: restart.delay.map(nanoseconds),
        max_attempts: restart.max_attempts.map(number),
        window: restart.window.map(nanoseconds),
    }
}

fn placement(placement: &Placement) -> Option<TaskSpecPlacement> {
    let spread = placement.spread.iter();
    (*placement != Placement::default()).then(|| TaskSpecPlacement {
        constraints: list(placement.constraints.iter().cloned()),
        preferences: list(spread.map(|label| TaskSpecPlacementPreferences {
            spread: Some(TaskSpecPlacementSpread {
                spread_descriptor: Some(label.clone()),
            }),
        })),
        max_replicas: placement.max_replicas_per_node.map(number),
        platforms: None,
    })
}

fn resources(limits: &Resources, reservations: &Resources) -> Option<TaskSpecResources> {
    let none = Resources::default();
    if *limits == none && *reservations == none {
        return None;
    }
    Some(TaskSpecResources {
        limits: (*limits != none).then_some(Limit {
            nano_cpus: limits.nano_cpus,
            memory_bytes: limits.memory,
            pids: limits.pids,
        }),
        reservations: (*reservations != none).then_some(ResourceObject {
            nano_cpus: reservations.nano_cpus,
            memory_bytes: reservations.memory,
            generic_resources: None,
        }),
        ..Default::default()
    })
}

fn update(rollout: &Rollout) -> ServiceSpecUpdateConfig {
    ServiceSpecUpdateConfig {
        // Docker reads a missing number as 0, which is all at once; its own command says 1.
        parallelism: Some(number(rollout.parallelism.unwrap_or(1))),
        delay: rollout.delay.map(nanoseconds),
        failure_action: rollout.failure_action.map(|action| match action {
            FailureAction::Pause => ServiceSpecUpdateConfigFailureActionEnum::PAUSE,
            FailureAction::Continue => ServiceSpecUpdateConfigFailureActionEnum::CONTINUE,
            FailureAction::Rollback => ServiceSpecUpdateConfigFailureActionEnum::ROLLBACK,
        }),
        monitor: rollout.monitor.map(nanoseconds),
        max_failure_ratio: rollout.max_failure_ratio,
        order: rollout.order.map(|order| match order {
            UpdateOrder::StopFirst => ServiceSpecUpdateConfigOrderEnum::STOP_FIRST,
            UpdateOrder::StartFirst => ServiceSpecUpdateConfigOrderEnum::START_FIRST,
        }),
    }
}

fn rollback(rollout: &Rollout) -> ServiceSpecRollbackConfig {
    ServiceSpecRollbackConfig {
        parallelism: Some(number(rollout.parallelism.unwrap_or(1))),
        delay: rollout.delay.map(nanoseconds),
        failure_action: rollout.failure_action.map(|action| match action {
            // A rollback that fails is not rolled back again.
            FailureAction::Pause | FailureAction::Rollback => {
                ServiceSpecRollbackConfigFailureActionEnum::PAUSE
            }
            FailureAction::Continue => ServiceSpecRollbackConfigFailureActionEnum::CONTINUE,
        }),
        monitor: rollout.monitor.map(nanoseconds),
        max_failure_ratio: rollout.max_failure_ratio,
        order: rollout.order.map(|order| match order {
            UpdateOrder::StopFirst => ServiceSpecRollbackConfigOrderEnum::STOP_FIRST,
            UpdateOrder::StartFirst => ServiceSpecRollbackConfigOrderEnum::START_FIRST,
        }),
    }
}

/// As docker writes it: `CAP_NET_ADMIN`.
pub fn capability(name: &str) -> String {
    let name = name.to_uppercase();
    match name.as_str() {
        "ALL" => name,
        _ if name.starts_with("CAP_") => name,
        _ => format!("CAP_{name}"),
    }
}

fn strings(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.clone().into_iter().collect()
}

/// An empty list is left out.
fn list<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
