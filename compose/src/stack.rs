//! The files of a stack, read together.

use std::collections::{BTreeMap, BTreeSet};

use hive_deploy::desired::{Desired, Owner};
use hive_site::SourceFile;

use crate::fields::Fields;
use crate::interpolation::interpolate;
use crate::material::{self, Materials};
use crate::network::{self, Network};
use crate::volume::{self, Volume};
use crate::{Diagnostics, IMAGE_LABEL, Stack, Surroundings, ignored, merge, service};
use hive_site::yaml::report::Report;
use hive_site::yaml::tree::{self, Node, Value};

const KNOWN: [&str; 7] = [
    "version", "name", "services", "networks", "volumes", "secrets", "configs",
];
/// What is read with variables put in; `version` and `x-` parts are not.
const SECTIONS: [&str; 5] = ["services", "networks", "volumes", "secrets", "configs"];

/// What services refer to.
pub(crate) struct Context<'a> {
    /// The stack's name.
    pub name: &'a str,
    pub surroundings: &'a dyn Surroundings,
    pub networks: BTreeMap<String, Network>,
    pub volumes: BTreeMap<String, Volume>,
    pub secrets: Materials,
    pub configs: Materials,
}

impl Context<'_> {
    /// `<stack>_<name>`.
    pub fn scoped(&self, name: &str) -> String {
        scoped(self.name, name)
    }
}

pub(crate) fn scoped(stack: &str, name: &str) -> String {
    format!("{stack}_{name}")
}

/// The name that the files give the stack, by `name:`.
pub fn name_of(files: &[SourceFile]) -> Option<String> {
    let mut report = Report::new(files);
    let nodes = (0..files.len()).rev();
    let mut nodes = nodes.filter_map(|file| tree::read(files, file, false, &mut report));
    nodes.find_map(|node| node.get("name")?.node.as_text().map(str::to_owned))
}

pub(crate) fn map(
    name: &str,
    files: &[SourceFile],
    surroundings: &dyn Surroundings,
    key: &[u8],
) -> Result<Stack, Diagnostics> {
    let mut report = Report::new(files);
    let stack = read(name, files, surroundings, key, &mut report);
    let warnings = report.finish()?;
    let mut stack = stack.unwrap_or_else(|| Stack {
        desired: Desired::default(),
        warnings: Vec::new(),
        images: BTreeMap::new(),
    });
    stack.warnings = warnings;
    Ok(stack)
}

fn read(
    name: &str,
    files: &[SourceFile],
    surroundings: &dyn Surroundings,
    key: &[u8],
    report: &mut Report<'_>,
) -> Option<Stack> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(good) {
        report.error_anywhere(
            format!("`{name}` can't be the name of a stack"),
            "it begins with a letter or digit; these, `-`, `_` and `.` may follow",
        );
    }
    let mut whole: Option<Node> = None;
    for file in 0..files.len() {
        let Some(mut node) = tree::read(files, file, false, report) else {
            continue;
        };
        if !check_top(&node, &files[file].path, report) {
            continue;
        }
        if let Value::Map(entries) = &mut node.value {
            let lookup = |name: &str| surroundings.variable(name);
            for entry in entries {
                if SECTIONS.contains(&entry.key.as_str()) {
                    interpolate(&mut entry.node, &lookup, report);
                }
            }
        }
        match &mut whole {
            Some(whole) => merge::merge(whole, node),
            None => whole = Some(node),
        }
    }
    let whole = whole?;
    let fields = Fields::of(&whole, "the file", &KNOWN, &ignored::TOP, report)?;
    let context = Context {
        name,
        surroundings,
        networks: network::read(fields.get("networks"), name, report),
        volumes: volume::read(fields.get("volumes"), name, report),
        secrets: material::read(
            "secret",
            fields.get("secrets"),
            name,
            surroundings,
            key,
            report,
        ),
        configs: material::read(
            "config",
            fields.get("configs"),
            name,
            surroundings,
            key,
            report,
        ),
    };
    let Some(services) = fields.get("services") else {
        report.error(
            fields.place_of("services"),
            "there are no services",
            "a file has at least `services:` with a name and an `image:` below it",
        );
        return None;
    };
    if !matches!(services.value, Value::Map(_)) {
        report.error(
            services.place,
            format!("`services` is {}", services.kind()),
            "it has to be a mapping of names to services",
        );
        return None;
    }
    let mut desired = Desired {
        owner: Owner::stack(name),
        ..Desired::default()
    };
    let mut used = BTreeSet::new();
    let mut ports = BTreeMap::new();
    let mut images = BTreeMap::new();
    for entry in services.entries() {
        if entry.key.starts_with("x-") {
            continue;
        }
        let Some(read) = service::read(entry, &context, report) else {
            continue;
        };
        for (port, place) in &read.ports {
            if let Some(other) = ports.insert(port.clone(), entry.key.clone()) {
                let (number, protocol) = port;
                report.error(
                    *place,
                    format!("port {number}/{protocol} is published by service `{other}` already"),
                    "publish another port: a port belongs to one service on all hosts",
                );
            }
        }
        used.extend(read.networks);
        images.insert(read.service.name.clone(), read.service.image().to_owned());
        desired.services.push(read.service);
    }
    for (key, network) in &context.networks {
        match (used.contains(key), network.external) {
            (true, false) => desired.networks.push(network.desired.clone()),
            (false, _) if network.written => report.warn(
                network.place,
                format!("no service uses network `{key}`, so it is not made"),
                "",
            ),
            _ => {}
        }
    }
    desired.secrets = context.secrets.into_desired();
    desired.configs = context.configs.into_desired();
    for service in &mut desired.services {
        let image = service.image().to_owned();
        let labels = service.spec.labels.get_or_insert_default();
        labels.insert(IMAGE_LABEL.to_owned(), image);
    }
    Some(Stack {
        desired,
        warnings: Vec::new(),
        images,
    })
}

/// Whether a file can be a compose file at all.
fn check_top(node: &Node, path: &str, report: &mut Report<'_>) -> bool {
    if !matches!(node.value, Value::Map(_)) {
        report.error(
            node.place,
            format!("{path} is not a compose file: it holds {}", node.kind()),
            "a compose file is a mapping with `services:`",
        );
        return false;
    }
    let Some(version) = node.get("version") else {
        // Before there were versions, services stood at the top.
        let old = node.entries().iter().find(|entry| {
            !KNOWN.contains(&entry.key.as_str())
                && (entry.node.get("image").is_some() || entry.node.get("build").is_some())
        });
        if let Some(entry) = old {
            let message = format!("service `{}` stands at the top of the file", entry.key);
            report.error(entry.place, message, "put it below `services:`");
            return false;
        }
        return true;
    };
    let written = version.node.as_text().unwrap_or_default();
    let major = written.split('.').next().unwrap_or_default();
    match major {
        "3" => true,
        "1" | "2" => {
            report.error(
                version.node.place,
                format!("version {written} of compose files knows no swarm"),
                "write version: \"3.8\", or no version, and what a swarm needs below `deploy`",
            );
            false
        }
        _ => {
            report.error(
                version.node.place,
                format!("unknown version `{written}`"),
                "3 to 3.8 are known, and files without version",
            );
            false
        }
    }
}
