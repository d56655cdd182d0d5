//! What containers are made from: a reference, or a recipe of roles.

use super::evaluate::{Evaluate, whole};
use super::model::{Image, ImageBuild};
use super::surroundings::Surroundings;
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::spelling;
use crate::yaml::tree::{Entry, Node, Value};

const KEYS: &[&str] = &[
    "from",
    "roles",
    "env",
    "stop_signal",
    "user",
    "working_dir",
    "standalone",
    "entrypoint",
    "command",
    "privileged",
    "expose",
    "pull_on",
    "pull_from",
];

/// How a reference is written, for messages.
const REFERENCE: &str =
    "write it as docker pull takes it, such as `nginx:1.29` or `registry.example.com/web:1.0`";

/// The name under which a service's image is built, which is a host for its variables, too.
pub fn built_name(service: &str) -> String {
    format!("image_{service}")
}

/// Reads `image` of a service, whose templates are not evaluated yet.
pub(crate) fn read(
    entry: &Entry,
    service: &str,
    standalone: bool,
    around: &Surroundings<'_>,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> Option<Image> {
    if !matches!(entry.node.value, Value::Map(_)) {
        let node = whole(evaluate, &entry.node, service, report)?;
        if !matches!(node.value, Value::Map(_)) {
            let written = reference(&node, "image", report)?;
            return Some(Image::Reference(around.hive.mapped(&written)));
        }
    }
    let name = built_name(service);
    let node = whole(evaluate, &entry.node, &name, report)?;
    let what = format!("`image` of service `{service}`");
    let fields = Fields::open(&node, entry.place, what, KEYS, report)?;
    let from = fields
        .required("from", "debian:13", report)
        .and_then(|from| reference(&from.node, "from", report));
    let roles = fields.required("roles", "[python-aptk, web]", report);
    let roles = roles.map(|roles| role_names(&roles.node, "roles", around, report));
    let pull_on = fields
        .entry("pull_on")
        .map(|entry| values::stages(&entry.node, "pull_on", report))
        .unwrap_or_default();
    let pull_from = fields
        .entry("pull_from")
        .and_then(|entry| reference(&entry.node, "pull_from", report));
    for (one, other, example) in [
        ("pull_from", "pull_on", "pull_on: [production]"),
        ("pull_on", "pull_from", "pull_from: example.com/web:1.0"),
    ] {
        if let Some(entry) = fields.entry(one)
            && fields.entry(other).is_none()
        {
            report.error(
                entry.place,
                format!("`{one}` has no meaning without `{other}`"),
                format!("add it, such as `{example}`"),
            );
        }
    }
    let own_standalone = fields.flag("standalone", report);
    let build = ImageBuild {
        from: around.hive.mapped(&from?),
        roles: roles?,
        standalone: own_standalone.unwrap_or(standalone),
        env: fields
            .entry("env")
            .map(|entry| values::text_map(&entry.node, "env", report))
            .unwrap_or_default(),
        stop_signal: fields.text("stop_signal", report),
        user: fields.text("user", report),
        working_dir: fields.text("working_dir", report),
        entrypoint: values::command(&fields, "entrypoint", report),
        command: values::command(&fields, "command", report),
        privileged: fields.flag("privileged", report).unwrap_or(standalone),
        expose: expose(&fields, report),
        pull_on,
        pull_from,
    };
    let deployed = match &build.pull_from {
        Some(elsewhere) if build.pull_on.contains(&around.stage.name) => elsewhere.clone(),
        _ => format!("{}/{name}:latest", around.hive.registry),
    };
    Some(Image::Built {
        reference: around.hive.mapped(&deployed),
        build: Box::new(build),
    })
}

/// An image reference; the registry itself has the last word, so only what can't be one is refused.
pub(crate) fn reference(node: &Node, key: &str, report: &mut Report<'_>) -> Option<String> {
    let Some(text) = node.as_text() else {
        report.error(
            node.place,
            format!("`{key}` can't be {}", node.kind()),
            REFERENCE,
        );
        return None;
    };
    let text = text.trim();
    let name = text.split('@').next().unwrap_or_default();
    // A colon behind the last slash begins a tag; before it, a port.
    let repository = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    };
    let path = repository.split_once('/').map_or(repository, |(_, p)| p);
    let reason = if text.is_empty() {
        "it is empty"
    } else if text.contains(char::is_whitespace) {
        "it has a blank inside"
    } else if path.chars().any(|c| c.is_ascii_uppercase()) {
        "repository names are written in small letters"
    } else if name.ends_with(':') || name.ends_with('/') || text.ends_with('@') {
        "something is missing at its end"
    } else {
        return Some(text.to_owned());
    };
    report.error(
        node.place,
        format!("`{text}` in `{key}` is not an image reference: {reason}"),
        REFERENCE,
    );
    None
}

/// Names of roles, known ones if anybody looked.
pub(crate) fn role_names(
    node: &Node,
    key: &str,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Vec<String> {
    let mut names = Vec::new();
    for item in values::items(node, key, report) {
        if let Some(role) = item.get("role") {
            report.error(
                role.place,
                format!("an item of `{key}` is the name of a role, without variables"),
                "write the name alone; variables of the role go to `host_vars/`",
            );
            continue;
        }
        let Some(name) = fields::text(item, key, report) else {
            continue;
        };
        if let Some(known) = &around.hive.roles
            && !known.contains(&name)
        {
            let help = match spelling::nearest(&name, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("make the folder `roles/{name}` in the site folder"),
            };
            report.error(item.place, format!("there is no role `{name}`"), help);
        }
        names.push(name);
    }
    names
}

/// `expose`: numbers or `80/tcp`, as docker writes them.
fn expose(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<String> {
    let Some(entry) = fields.entry("expose") else {
        return Vec::new();
    };
    let mut ports = Vec::new();
    for item in values::items(&entry.node, "expose", report) {
        let Some(text) = fields::text(item, "expose", report) else {
            continue;
        };
        let (port, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
        if port.parse::<u16>().is_ok_and(|port| port > 0)
            && matches!(protocol, "tcp" | "udp" | "sctp")
        {
            ports.push(format!("{port}/{protocol}"));
        } else {
            report.error(
                item.place,
                format!("`{text}` in `expose` is not a port"),
                "write a number from 1 to 65535, with `/udp` behind it if need be",
            );
        }
    }
    ports
}
