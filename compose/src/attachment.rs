//! `networks:` of a service.

use std::collections::HashMap;

use bollard::models::NetworkAttachmentConfig;

use crate::fields::Fields;
use crate::ignored;
use crate::network::DEFAULT;
use crate::stack::Context;
use hive_site::yaml::report::{Place, Report};
use hive_site::yaml::spelling;
use hive_site::yaml::tree::{Node, Value};

/// The networks' names in the file, and what docker is told.
pub(crate) fn read(
    service: &Fields<'_>,
    name: &str,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> (Vec<String>, Vec<NetworkAttachmentConfig>) {
    let mut wanted: Vec<(String, Place, Option<&Node>)> = Vec::new();
    match service.get("networks").map(|node| &node.value) {
        Some(Value::Map(entries)) => {
            for entry in entries {
                wanted.push((entry.key.clone(), entry.place, Some(&entry.node)));
            }
        }
        _ => {
            for node in service.list("networks", report) {
                match node.as_text() {
                    Some(text) => wanted.push((text.to_owned(), node.place, None)),
                    None => report.error(
                        node.place,
                        format!("a network of service `{name}` is {}", node.kind()),
                        "write `- NAME`; with more to say, `NAME:` without the hyphen",
                    ),
                }
            }
        }
    }
    if wanted.is_empty() {
        wanted.push((DEFAULT.to_owned(), service.place, None));
    }
    let mut keys = Vec::new();
    let mut attachments: Vec<NetworkAttachmentConfig> = Vec::new();
    for (key, place, node) in wanted {
        let Some(network) = context.networks.get(&key) else {
            let known: Vec<&str> = context.networks.keys().map(String::as_str).collect();
            report.error(
                place,
                format!("network `{key}` is not defined"),
                match known.len() {
                    1 => "define it below `networks:` at the top of the file".to_owned(),
                    _ => spelling::advice(&key, known),
                },
            );
            continue;
        };
        let mut aliases = Vec::new();
        let mut options = HashMap::new();
        if let Some(node) = node {
            let what = format!("network `{key}` of service `{name}`");
            let known = ["aliases", "driver_opts"];
            if let Some(fields) = Fields::of(node, what, &known, &ignored::ATTACHMENT, report) {
                aliases = fields.texts("aliases", report);
                options = fields.labels("driver_opts", report).into_iter().collect();
            }
        }
        // By its name in the file, too; networks of one host have no names.
        if !["host", "none", "bridge"].contains(&network.name.as_str()) {
            aliases.push(name.to_owned());
        }
        if keys.contains(&key) {
            continue;
        }
        attachments.push(NetworkAttachmentConfig {
            target: Some(network.name.clone()),
            aliases: (!aliases.is_empty()).then_some(aliases),
            driver_opts: (!options.is_empty()).then_some(options),
        });
        keys.push(key);
    }
    attachments.sort_by(|a, b| a.target.cmp(&b.target));
    (keys, attachments)
}
