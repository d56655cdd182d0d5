//! The attributes of one service.

use std::collections::BTreeMap;
use std::time::Duration;

use super::definitions::Definition;
use super::evaluate::{Evaluate, whole};
use super::lifecycle;
use super::materials::{self, Kind};
use super::model::{Dns, Placement, Service};
use super::mounts::{self, Declared};
use super::ports::{self, Wanted};
use super::surroundings::Surroundings;
use super::{
    backup, capabilities, connection, image, json_text, logging, mode, placement, resources,
    standalone, ulimits, values,
};
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;
use crate::yaml::spelling;
use crate::yaml::tree::{Entry, Node, Value};

/// Attributes that are variables of the service, `hive_ATTRIBUTE`, so that `host_vars/` and
/// `group_vars/services.yml` may give them, too.
const VARIABLES: &[&str] = &[
    "backup_scripts",
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "cpu_limit",
    "dns",
    "endpoint_mode",
    "entrypoint",
    "environment",
    "healthcheck",
    "hosts",
    "ignore_error",
    "image",
    "init",
    "initialize_roles",
    "labels",
    "logging",
    "mem_limit",
    "mode",
    "monitor_error",
    "networks",
    "placement",
    "read_only",
    "replicas",
    "reservations",
    "restart_config",
    "rollback_config",
    "secrets",
    "standalone",
    "stop_grace_period",
    "sysctls",
    "ulimits",
    "update_config",
    "user",
    "working_dir",
];
/// Attributes that only a definition can give.
const OTHERS: &[&str] = &["available_on", "ports", "volumes"];

/// How long a container may take to stop, unless the definition says otherwise: docker's own default.
const STOP_GRACE_PERIOD: Duration = Duration::from_secs(10);

/// A service before its ports have numbers.
pub(crate) struct Draft {
    pub service: Service,
    pub ports: Vec<Wanted>,
    pub volumes: Vec<Declared>,
}

/// Whether all attributes are known; said of services of other stages, too.
pub(crate) fn check_keys(definition: &Definition<'_>, report: &mut Report<'_>) {
    let Value::Map(entries) = &definition.node.value else {
        return;
    };
    let known: Vec<&str> = VARIABLES.iter().chain(OTHERS).copied().collect();
    for entry in entries {
        if !known.contains(&entry.key.as_str()) {
            report.error(
                entry.place,
                format!(
                    "unknown attribute `{}` in service `{}`",
                    entry.key, definition.name
                ),
                spelling::advice(&entry.key, &known),
            );
        }
    }
}

/// Reads a service of the stage.
pub(crate) fn read(
    definition: &Definition<'_>,
    known: &connection::Known<'_>,
    around: &Surroundings<'_>,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> Option<Draft> {
    let name = definition.name;
    let what = format!("service `{name}`");
    // Opened before it is evaluated, to say that it must be a mapping.
    Fields::open_any(definition.node, definition.place, &what, report)?;
    let given = effective(definition, evaluate);
    let evaluated = Node {
        value: Value::Map(evaluated(&given, name, evaluate, report)),
        place: definition.node.place,
    };
    let fields = Fields::open_any(&evaluated, definition.place, &what, report)?;
    let image_entry = given
        .iter()
        .find(|entry| entry.key == "image" && !matches!(entry.node.value, Value::Null));
    if image_entry.is_none() {
        report.error(
            definition.place,
            format!("{what} lacks `image`"),
            "add it, such as `image: nginx`",
        );
    }
    let standalone = fields.flag("standalone", report).unwrap_or(false);
    let image = image_entry
        .and_then(|entry| image::read(entry, name, standalone, around, evaluate, report));
    let (mounts, volumes) = fields
        .entry("volumes")
        .map(|entry| mounts::read(&entry.node, &definition.available_on, around, report))
        .unwrap_or_default();
    let ports = fields
        .entry("ports")
        .map(|entry| ports::read(&entry.node, report))
        .unwrap_or_default();
    let (networks, network_aliases) = connection::networks(&fields, known, report);
    let (limits, reservations) = resources::read(&fields, report);
    let endpoint_mode = connection::endpoint_mode(&fields, &ports, report);
    let source = &around.sources[definition.place.file];
    let mut service = Service {
        name: name.to_owned(),
        defined: (source.path.clone(), definition.place.line),
        available_on: definition.available_on.clone(),
        image: super::model::Image::Reference(String::new()),
        command: values::command(&fields, "command", report),
        entrypoint: values::command(&fields, "entrypoint", report),
        environment: environment(&fields, around, report),
        mounts,
        ports: Vec::new(),
        networks,
        network_aliases,
        labels: labels(&fields, standalone, report),
        logging: Some(logging::read(&fields, name, around, report)),
        mode: mode::read(&fields, report),
        placement: match fields.entry("placement") {
            Some(entry) => placement::read(entry, around, report),
            None => Placement::default(),
        },
        endpoint_mode,
        healthcheck: fields
            .entry("healthcheck")
            .and_then(|entry| lifecycle::healthcheck(entry, report)),
        restart: fields
            .entry("restart_config")
            .and_then(|entry| lifecycle::restart(entry, report)),
        stop_grace_period: values::duration(&fields, "stop_grace_period", report)
            .unwrap_or(STOP_GRACE_PERIOD),
        dns: Dns {
            servers: connection::dns(&fields, report),
            ..Dns::default()
        },
        hosts: connection::hosts(&fields, around, report),
        user: fields.text("user", report).filter(|user| !user.is_empty()),
        working_dir: working_dir(&fields, report),
        cap_add: capabilities::read(&fields, "cap_add", report),
        cap_drop: capabilities::read(&fields, "cap_drop", report),
        sysctls: values::map_field(&fields, "sysctls", report),
        limits,
        reservations,
        standalone,
        backup_scripts: fields
            .entry("backup_scripts")
            .map(|entry| backup::read(entry, report))
            .unwrap_or_default(),
        initialize_roles: fields
            .entry("initialize_roles")
            .map(|entry| image::role_names(&entry.node, "initialize_roles", around, report))
            .unwrap_or_default(),
        monitor_error: values::list_field(&fields, "monitor_error", report),
        ignore_error: values::list_field(&fields, "ignore_error", report),
        secrets: materials::grants(Kind::Secret, &fields, &known.secrets, report),
        configs: materials::grants(Kind::Config, &fields, &known.configs, report),
        update: fields
            .entry("update_config")
            .and_then(|entry| lifecycle::rollout(entry, report)),
        rollback: fields
            .entry("rollback_config")
            .and_then(|entry| lifecycle::rollout(entry, report)),
        init: fields.flag("init", report),
        read_only: fields.flag("read_only", report).unwrap_or(false),
        ulimits: fields
            .entry("ulimits")
            .map(|entry| ulimits::read(entry, report))
            .unwrap_or_default(),
    };
    service.image = image?;
    if standalone {
        standalone::complete(&mut service);
    }
    Some(Draft {
        service,
        ports,
        volumes,
    })
}

/// What is to be evaluated: the definition's attributes, with those of variable files above and below.
fn effective(definition: &Definition<'_>, evaluate: &dyn Evaluate) -> Vec<Entry> {
    let own = match &definition.node.value {
        Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    let mut given: Vec<Entry> = own
        .iter()
        .filter(|entry| OTHERS.contains(&entry.key.as_str()))
        .cloned()
        .collect();
    for key in VARIABLES {
        let variable = format!("hive_{key}");
        let entry = evaluate
            .overriding(definition.name, &variable)
            .or_else(|| own.iter().find(|entry| entry.key == *key).cloned())
            .or_else(|| evaluate.fallback(definition.name, &variable));
        given.extend(entry.map(|entry| Entry {
            key: (*key).to_owned(),
            ..entry
        }));
    }
    given
}

/// Every attribute evaluated as its own kind of thing sees it; `image` is left to [`image::read`].
fn evaluated(
    given: &[Entry],
    service: &str,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> Vec<Entry> {
    given
        .iter()
        .filter_map(|entry| {
            let node = match entry.key.as_str() {
                "image" | "available_on" => return None,
                "volumes" => mounts::evaluate(&entry.node, service, evaluate, report)?,
                _ => whole(evaluate, &entry.node, service, report)?,
            };
            Some(Entry {
                key: entry.key.clone(),
                place: entry.place,
                node,
            })
        })
        .collect()
}

fn environment(
    fields: &Fields<'_>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> BTreeMap<String, String> {
    let mut environment = around.hive.proxies.clone();
    environment.extend(values::map_field(fields, "environment", report));
    environment
}

fn labels(
    fields: &Fields<'_>,
    standalone: bool,
    report: &mut Report<'_>,
) -> BTreeMap<String, String> {
    // Python's spelling: hosts of the predecessor look for it.
    let word = if standalone { "True" } else { "False" };
    let mut labels = BTreeMap::from([("HIVE_STANDALONE".to_owned(), word.to_owned())]);
    if let Some(entry) = fields.entry("labels")
        && let Some(given) = Fields::open_any(&entry.node, entry.place, "`labels`", report)
    {
        for label in given.entries() {
            if label.key.trim().is_empty() {
                report.error(label.place, "a label has no name", "write `name: value`");
            }
            labels.insert(label.key.clone(), json_text::label(&label.node));
        }
    }
    labels
}

fn working_dir(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<String> {
    let dir = fields
        .text("working_dir", report)
        .filter(|dir| !dir.is_empty())?;
    if !dir.starts_with('/') {
        report.error(
            fields.entry("working_dir")?.node.place,
            format!("`working_dir` can't be `{dir}`: it is no absolute path"),
            format!("write `/{dir}`"),
        );
    }
    Some(dir)
}
