//! What a task's container is told.

use std::collections::BTreeSet;

use bollard::models::{
    ResourcesUlimits, TaskSpecContainerSpec, TaskSpecContainerSpecConfigs,
    TaskSpecContainerSpecDnsConfig, TaskSpecContainerSpecFile, TaskSpecContainerSpecFile1,
    TaskSpecContainerSpecSecrets,
};
use hive_deploy::desired::Owner;

use super::{NOTHING, environment, health, mount};
use crate::fields::Fields;
use crate::grant;
use crate::stack::Context;
use hive_site::yaml::report::Report;
use hive_site::yaml::tree::Value;

pub(super) fn read(
    service: &Fields<'_>,
    what: &str,
    image: Option<String>,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> TaskSpecContainerSpec {
    let mut labels = service.labels("labels", report);
    let owner = Owner::stack(context.name);
    labels.insert(owner.label, owner.value);
    let sysctls = service.labels("sysctls", report);
    let (added, dropped) = capabilities(service, report);
    let secrets = grant::read(service, what, &context.secrets, report).into_iter();
    let secrets = secrets.map(|grant| TaskSpecContainerSpecSecrets {
        file: Some(TaskSpecContainerSpecFile {
            name: Some(grant.target),
            uid: Some(grant.uid),
            gid: Some(grant.gid),
            mode: Some(grant.mode),
        }),
        secret_id: None,
        secret_name: Some(grant.name),
    });
    let configs = grant::read(service, what, &context.configs, report).into_iter();
    let configs = configs.map(|grant| TaskSpecContainerSpecConfigs {
        file: Some(TaskSpecContainerSpecFile1 {
            name: Some(grant.target),
            uid: Some(grant.uid),
            gid: Some(grant.gid),
            mode: Some(grant.mode),
        }),
        runtime: None,
        config_id: None,
        config_name: Some(grant.name),
    });
    TaskSpecContainerSpec {
        image,
        labels: Some(labels.into_iter().collect()),
        command: service.command("entrypoint", report),
        args: service.command("command", report),
        hostname: service.text("hostname", report),
        env: some(environment::read(service, what, context, report)),
        dir: service.text("working_dir", report),
        user: service.text("user", report),
        tty: service.flag("tty", report).filter(|tty| *tty),
        open_stdin: service.flag("stdin_open", report).filter(|open| *open),
        read_only: service.flag("read_only", report).filter(|only| *only),
        mounts: some(mount::read(service, what, context, report)),
        stop_signal: service.text("stop_signal", report),
        stop_grace_period: service.duration("stop_grace_period", report),
        health_check: health::read(service, what, report),
        hosts: some(hosts(service, report)),
        dns_config: dns(service, report),
        secrets: some(secrets.collect()),
        configs: some(configs.collect()),
        init: service.flag("init", report),
        sysctls: (!sysctls.is_empty()).then(|| sysctls.into_iter().collect()),
        capability_add: some(added),
        capability_drop: some(dropped),
        ulimits: some(ulimits(service, what, report)),
        ..Default::default()
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// As docker's command does: what is added is not dropped.
fn capabilities(service: &Fields<'_>, report: &mut Report<'_>) -> (Vec<String>, Vec<String>) {
    let full = |name: String| match name.to_uppercase() {
        name if name == "ALL" || name.starts_with("CAP_") => name,
        name => format!("CAP_{name}"),
    };
    let mut read = |key: &str| -> BTreeSet<String> {
        let names = service.texts(key, report).into_iter();
        names.map(full).collect()
    };
    let mut added = read("cap_add");
    let mut dropped = read("cap_drop");
    if added.contains("ALL") {
        added = BTreeSet::from(["ALL".to_owned()]);
        dropped.remove("ALL");
    } else if dropped.contains("ALL") {
        dropped = BTreeSet::from(["ALL".to_owned()]);
    }
    dropped.retain(|name| !added.contains(name));
    (added.into_iter().collect(), dropped.into_iter().collect())
}

/// `NAME:ADDRESS` as docker has it: address first.
fn hosts(service: &Fields<'_>, report: &mut Report<'_>) -> Vec<String> {
    let Some(node) = service.get("extra_hosts") else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    let mut add = |name: &str, address: &str| {
        let address = address.trim().trim_start_matches('[').trim_end_matches(']');
        lines.push(format!("{address} {}", name.trim()));
    };
    if let Value::Map(entries) = &node.value {
        for entry in entries {
            let addresses = match &entry.node.value {
                Value::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&entry.node),
            };
            for address in addresses {
                match address.as_text() {
                    Some(address) => add(&entry.key, address),
                    None => report.error(
                        address.place,
                        format!("the address of `{}` is {}", entry.key, address.kind()),
                        "write NAME: ADDRESS",
                    ),
                }
            }
        }
        return lines;
    }
    for node in service.list("extra_hosts", report) {
        let text = node.as_text().unwrap_or_default();
        match text.split_once(['=', ':']) {
            Some((name, address)) if !name.is_empty() && !address.is_empty() => add(name, address),
            _ => report.error(
                node.place,
                format!("`{text}` is no host with its address"),
                "write \"NAME:ADDRESS\"",
            ),
        }
    }
    lines
}

fn dns(service: &Fields<'_>, report: &mut Report<'_>) -> Option<TaskSpecContainerSpecDnsConfig> {
    let config = TaskSpecContainerSpecDnsConfig {
        nameservers: some(service.texts("dns", report)),
        search: some(service.texts("dns_search", report)),
        options: some(service.texts("dns_opt", report)),
    };
    (config != TaskSpecContainerSpecDnsConfig::default()).then_some(config)
}

fn ulimits(service: &Fields<'_>, what: &str, report: &mut Report<'_>) -> Vec<ResourcesUlimits> {
    let Some(node) = service.get("ulimits") else {
        return Vec::new();
    };
    let shall = "write NAME: NUMBER, or NAME: with soft: and hard: below it";
    if !matches!(node.value, Value::Map(_)) {
        let message = format!("`ulimits` of {what} is {}", node.kind());
        report.error(node.place, message, shall);
    }
    let mut limits = Vec::new();
    for entry in node.entries() {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= -1);
        let (soft, hard) = if let Value::Map(_) = entry.node.value {
            let what = format!("ulimit `{}` of {what}", entry.key);
            let Some(fields) = Fields::of(&entry.node, what, &["soft", "hard"], &NOTHING, report)
            else {
                continue;
            };
            for key in ["soft", "hard"] {
                if fields.get(key).is_none() {
                    let message = format!("ulimit `{}` has no `{key}`", entry.key);
                    report.error(entry.place, message, shall);
                }
            }
            (
                fields.parsed("soft", "a whole number", number, report),
                fields.parsed("hard", "a whole number", number, report),
            )
        } else {
            let limit = entry.node.as_text().and_then(number);
            if limit.is_none() {
                let message = format!("ulimit `{}` is {}", entry.key, entry.node.kind());
                report.error(entry.node.place, message, shall);
            }
            (limit, limit)
        };
        if let (Some(soft), Some(hard)) = (soft, hard) {
            limits.push(ResourcesUlimits {
                name: Some(entry.key.clone()),
                soft: Some(soft),
                hard: Some(hard),
            });
        }
    }
    limits.sort_by(|a, b| a.name.cmp(&b.name));
    limits
}
