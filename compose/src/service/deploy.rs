//! `deploy:` and `restart:` of a service.

use std::collections::HashMap;

use bollard::models::{
    EndpointSpecModeEnum, GenericResourcesInner, GenericResourcesInnerDiscreteResourceSpec, Limit,
    ResourceObject, ServiceSpecMode, ServiceSpecModeReplicated, ServiceSpecRollbackConfig,
    ServiceSpecRollbackConfigFailureActionEnum as RollbackAction,
    ServiceSpecRollbackConfigOrderEnum as RollbackOrder, ServiceSpecUpdateConfig,
    ServiceSpecUpdateConfigFailureActionEnum as UpdateAction,
    ServiceSpecUpdateConfigOrderEnum as UpdateOrder, TaskSpecPlacement,
    TaskSpecPlacementPreferences, TaskSpecPlacementSpread, TaskSpecResources,
    TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum as Condition,
};

use super::NOTHING;
use crate::fields::Fields;
use crate::ignored;
use crate::scalar;
use hive_site::yaml::report::Report;
use hive_site::yaml::tree::{Node, Value};

const KNOWN: [&str; 9] = [
    "mode",
    "replicas",
    "labels",
    "update_config",
    "rollback_config",
    "resources",
    "restart_policy",
    "placement",
    "endpoint_mode",
];
const ROLLOUT: [&str; 6] = [
    "parallelism",
    "delay",
    "failure_action",
    "monitor",
    "max_failure_ratio",
    "order",
];
const ACTIONS: [(&str, UpdateAction); 3] = [
    ("continue", UpdateAction::CONTINUE),
    ("rollback", UpdateAction::ROLLBACK),
    ("pause", UpdateAction::PAUSE),
];
const ORDERS: [(&str, UpdateOrder); 2] = [
    ("start-first", UpdateOrder::START_FIRST),
    ("stop-first", UpdateOrder::STOP_FIRST),
];
const CONDITIONS: [(&str, Condition); 3] = [
    ("none", Condition::NONE),
    ("on-failure", Condition::ON_FAILURE),
    ("any", Condition::ANY),
];

/// What it says, with docker's defaults.
pub(super) struct Deploy {
    pub labels: HashMap<String, String>,
    pub mode: ServiceSpecMode,
    pub resources: Option<TaskSpecResources>,
    pub restart: Option<TaskSpecRestartPolicy>,
    pub placement: Option<TaskSpecPlacement>,
    pub update: Option<ServiceSpecUpdateConfig>,
    pub rollback: Option<ServiceSpecRollbackConfig>,
    pub endpoint_mode: EndpointSpecModeEnum,
}

pub(super) fn read(service: &Fields<'_>, what: &str, report: &mut Report<'_>) -> Deploy {
    let mut deploy = Deploy {
        labels: HashMap::new(),
        mode: replicated(1),
        resources: None,
        restart: None,
        placement: None,
        update: None,
        rollback: None,
        endpoint_mode: EndpointSpecModeEnum::VIP,
    };
    let mut policy = false;
    let what = format!("`deploy` of {what}");
    let node = service.get("deploy");
    let fields = node.and_then(|node| Fields::of(node, &what, &KNOWN, &NOTHING, report));
    if let Some(fields) = fields {
        deploy.labels = fields.labels("labels", report).into_iter().collect();
        if let Some(mode) = mode(&fields, &what, report) {
            deploy.mode = mode;
        }
        let choices = [
            ("vip", EndpointSpecModeEnum::VIP),
            ("dnsrr", EndpointSpecModeEnum::DNSRR),
        ];
        if let Some(mode) = fields.choice("endpoint_mode", &choices, report) {
            deploy.endpoint_mode = mode;
        }
        deploy.update = fields
            .get("update_config")
            .and_then(|node| update(node, "update_config", &what, report));
        deploy.rollback = fields
            .get("rollback_config")
            .and_then(|node| rollback(node, &what, report));
        deploy.resources = fields
            .get("resources")
            .and_then(|node| resources(node, &what, report));
        deploy.placement = fields
            .get("placement")
            .and_then(|node| placement(node, &what, report));
        policy = fields.get("restart_policy").is_some();
        deploy.restart = fields
            .get("restart_policy")
            .and_then(|node| restart_policy(node, &what, report));
    }
    if let Some(word) = service.text("restart", report) {
        let policy = restart(&word, service, policy, report);
        deploy.restart = deploy.restart.or(policy);
    }
    deploy
}

fn replicated(replicas: i64) -> ServiceSpecMode {
    ServiceSpecMode {
        replicated: Some(ServiceSpecModeReplicated {
            replicas: Some(replicas),
        }),
        ..Default::default()
    }
}

fn mode(fields: &Fields<'_>, what: &str, report: &mut Report<'_>) -> Option<ServiceSpecMode> {
    let choices = [("replicated", false), ("global", true)];
    let global = fields.choice("mode", &choices, report).unwrap_or_default();
    let replicas = fields.number("replicas", report);
    if !global {
        return Some(replicated(replicas.unwrap_or(1)));
    }
    if replicas.is_some() {
        report.error(
            fields.place_of("replicas"),
            format!("{what} has replicas, and is global: one task on each host"),
            "remove `replicas`, or `mode: global`",
        );
        return None;
    }
    Some(ServiceSpecMode {
        global: Some(HashMap::new()),
        ..Default::default()
    })
}

fn update(
    node: &Node,
    key: &str,
    what: &str,
    report: &mut Report<'_>,
) -> Option<ServiceSpecUpdateConfig> {
    let fields = Fields::of(
        node,
        format!("`{key}` of {what}"),
        &ROLLOUT,
        &NOTHING,
        report,
    )?;
    let share = |text: &str| {
        text.parse()
            .ok()
            .filter(|share| (0.0..=1.0).contains(share))
    };
    Some(ServiceSpecUpdateConfig {
        parallelism: Some(fields.number("parallelism", report).unwrap_or(1)),
        delay: fields.duration("delay", report),
        failure_action: fields.choice("failure_action", &ACTIONS, report),
        monitor: fields.duration("monitor", report),
        max_failure_ratio: fields.parsed("max_failure_ratio", "a share from 0 to 1", share, report),
        order: fields.choice("order", &ORDERS, report),
    })
}

fn rollback(node: &Node, what: &str, report: &mut Report<'_>) -> Option<ServiceSpecRollbackConfig> {
    let update = update(node, "rollback_config", what, report)?;
    if update.failure_action == Some(UpdateAction::ROLLBACK) {
        let place = node
            .get("failure_action")
            .map_or(node.place, |entry| entry.node.place);
        report.error(
            place,
            "a rollback that fails can't be rolled back",
            "write pause or continue",
        );
    }
    Some(ServiceSpecRollbackConfig {
        parallelism: update.parallelism,
        delay: update.delay,
        failure_action: update.failure_action.map(|action| match action {
            UpdateAction::CONTINUE => RollbackAction::CONTINUE,
            _ => RollbackAction::PAUSE,
        }),
        monitor: update.monitor,
        max_failure_ratio: update.max_failure_ratio,
        order: update.order.map(|order| match order {
            UpdateOrder::START_FIRST => RollbackOrder::START_FIRST,
            _ => RollbackOrder::STOP_FIRST,
        }),
    })
}

fn resources(node: &Node, what: &str, report: &mut Report<'_>) -> Option<TaskSpecResources> {
    let what = format!("`resources` of {what}");
    let fields = Fields::of(node, &what, &["limits", "reservations"], &NOTHING, report)?;
    let shall = "a share of processors: 0.5";
    let limits = fields.get("limits").and_then(|node| {
        let what = format!("`limits` of {what}");
        let fields = Fields::of(node, what, &["cpus", "memory", "pids"], &NOTHING, report)?;
        Some(Limit {
            nano_cpus: fields.parsed("cpus", shall, scalar::nano_cpus, report),
            memory_bytes: fields.bytes("memory", report),
            pids: fields.number("pids", report),
        })
    });
    let reservations = fields.get("reservations").and_then(|node| {
        let what = format!("`reservations` of {what}");
        let known = ["cpus", "memory", "generic_resources"];
        let fields = Fields::of(node, &what, &known, &ignored::RESERVATIONS, report)?;
        let generic: Vec<GenericResourcesInner> = fields
            .list("generic_resources", report)
            .iter()
            .filter_map(|node| generic(node, &what, report))
            .collect();
        Some(ResourceObject {
            nano_cpus: fields.parsed("cpus", shall, scalar::nano_cpus, report),
            memory_bytes: fields.bytes("memory", report),
            generic_resources: (!generic.is_empty()).then_some(generic),
        })
    });
    Some(TaskSpecResources {
        limits,
        reservations,
        ..Default::default()
    })
}

fn generic(node: &Node, what: &str, report: &mut Report<'_>) -> Option<GenericResourcesInner> {
    let known = ["discrete_resource_spec"];
    let what = format!("a generic resource in {what}");
    let fields = Fields::of(node, &what, &known, &NOTHING, report)?;
    let Some(below) = fields.get(known[0]) else {
        let help = "write `discrete_resource_spec:` with kind and value";
        report.error(node.place, format!("{what} says nothing"), help);
        return None;
    };
    let fields = Fields::of(below, what, &["kind", "value"], &NOTHING, report)?;
    Some(GenericResourcesInner {
        named_resource_spec: None,
        discrete_resource_spec: Some(GenericResourcesInnerDiscreteResourceSpec {
            kind: fields.text("kind", report),
            value: fields.number("value", report),
        }),
    })
}

fn placement(node: &Node, what: &str, report: &mut Report<'_>) -> Option<TaskSpecPlacement> {
    let what = format!("`placement` of {what}");
    let known = ["constraints", "preferences", "max_replicas_per_node"];
    let fields = Fields::of(node, &what, &known, &NOTHING, report)?;
    let mut constraints: Vec<String> = Vec::new();
    for node in fields.list("constraints", report) {
        let text = node.as_text().unwrap_or_default();
        let good = ["==", "!="].iter().any(|sign| {
            let sides = text.split_once(sign);
            sides.is_some_and(|(left, right)| !left.trim().is_empty() && !right.trim().is_empty())
        });
        match good {
            true if constraints.iter().any(|known| known == text) => {}
            true => constraints.push(text.to_owned()),
            false => report.error(
                node.place,
                format!("a constraint is {}", node.kind()),
                "write node.role==manager or node.labels.NAME!=VALUE, both signs doubled",
            ),
        }
    }
    let mut preferences = Vec::new();
    for node in fields.list("preferences", report) {
        let what = format!("a preference of {what}");
        if let Value::Map(_) = node.value
            && let Some(fields) = Fields::of(node, &what, &["spread"], &NOTHING, report)
            && let Some(label) = fields.text("spread", report)
        {
            preferences.push(TaskSpecPlacementPreferences {
                spread: Some(TaskSpecPlacementSpread {
                    spread_descriptor: Some(label),
                }),
            });
        } else {
            let help = "write `- spread: node.labels.NAME`";
            report.error(node.place, format!("{what} is {}", node.kind()), help);
        }
    }
    Some(TaskSpecPlacement {
        constraints: (!constraints.is_empty()).then_some(constraints),
        preferences: (!preferences.is_empty()).then_some(preferences),
        max_replicas: fields.number("max_replicas_per_node", report),
        platforms: None,
    })
}

fn restart_policy(
    node: &Node,
    what: &str,
    report: &mut Report<'_>,
) -> Option<TaskSpecRestartPolicy> {
    let what = format!("`restart_policy` of {what}");
    let known = ["condition", "delay", "max_attempts", "window"];
    let fields = Fields::of(node, what, &known, &NOTHING, report)?;
    Some(TaskSpecRestartPolicy {
        condition: fields.choice("condition", &CONDITIONS, report),
        delay: fields.duration("delay", report),
        max_attempts: fields.number("max_attempts", report),
        window: fields.duration("window", report),
    })
}

/// `restart:` is for containers without a swarm; docker's command takes some of it over, and so does
/// this one.
fn restart(
    word: &str,
    service: &Fields<'_>,
    policy: bool,
    report: &mut Report<'_>,
) -> Option<TaskSpecRestartPolicy> {
    let place = service.place_of("restart");
    let (name, attempts) = word.split_once(':').unwrap_or((word, ""));
    let attempts: Option<i64> = attempts.parse().ok();
    let (condition, instead) = match name {
        "always" | "unless-stopped" => (Some(Condition::ANY), "any"),
        "on-failure" => (Some(Condition::ON_FAILURE), "on-failure"),
        "no" | "false" | "" => (None, "none"),
        _ => {
            report.error(
                place,
                format!("`restart` is `{word}`"),
                "write deploy.restart_policy.condition: any, on-failure or none",
            );
            return None;
        }
    };
    if policy {
        report.warn(
            place,
            "`restart` has no effect in a swarm: deploy.restart_policy says it",
            "",
        );
        return None;
    }
    match condition {
        None => {
            report.warn(
                place,
                "`restart` has no effect in a swarm: ended tasks are replaced",
                format!("write deploy.restart_policy.condition: {instead}"),
            );
            None
        }
        Some(condition) => {
            report.warn(
                place,
                format!("`restart: {word}` is taken as restart_policy: {instead}"),
                format!("a swarm has deploy.restart_policy.condition: {instead}"),
            );
            Some(TaskSpecRestartPolicy {
                condition: Some(condition),
                max_attempts: attempts,
                ..Default::default()
            })
        }
    }
}
