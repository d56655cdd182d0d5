//! `secrets:` and `configs:` at the top of a file.
//!
//! Docker can change neither, and its own command gives up when the content is another one. Here the
//! name in the swarm follows the content, `<stack>_<name>-<hash>`, so that a new content is a new
//! object and the services that use it are updated. With a `name:` in the file it is that name; then a
//! new content is told as blocked, as for docker.

use std::collections::BTreeMap;
use std::path::Path;

use hive_deploy::desired::{Content, DesiredMaterial, hashed_name};

use crate::fields::Fields;
use crate::ignored::Ignored;
use crate::network::{external, named};
use crate::stack::scoped;
use crate::{CONTENT_LABEL, Surroundings};
use hive_site::yaml::report::{Place, Report};
use hive_site::yaml::tree::Node;

const KNOWN: [&str; 8] = [
    "file",
    "external",
    "environment",
    "content",
    "name",
    "labels",
    "driver",
    "template_driver",
];
const NOTHING: [Ignored; 0] = [];
/// Docker's limits.
const LARGEST_SECRET: usize = 500 * 1024;
const LARGEST_CONFIG: usize = 1000 * 1024;

/// Secrets or configs by their names in the file.
pub(crate) struct Materials {
    /// `secret` or `config`.
    pub what: &'static str,
    found: BTreeMap<String, Option<DesiredMaterial>>,
}

impl Materials {
    /// The names in the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.found.keys().map(String::as_str)
    }

    /// The name in the swarm; `None` within if the definition is wrong, which is told already.
    pub fn name(&self, key: &str) -> Option<Option<&str>> {
        let found = self.found.get(key)?;
        Some(found.as_ref().map(|material| material.name.as_str()))
    }

    pub fn into_desired(self) -> Vec<DesiredMaterial> {
        self.found.into_values().flatten().collect()
    }
}

pub(crate) fn read(
    what: &'static str,
    node: Option<&Node>,
    stack: &str,
    surroundings: &dyn Surroundings,
    key: &[u8],
    report: &mut Report<'_>,
) -> Materials {
    let mut found = BTreeMap::new();
    for (name, place, node) in named(node, &format!("{what}s"), report) {
        let material = one(what, &name, place, node, stack, surroundings, key, report);
        found.insert(name, material);
    }
    Materials { what, found }
}

#[allow(clippy::too_many_arguments)]
fn one(
    kind: &'static str,
    key: &str,
    place: Place,
    node: &Node,
    stack: &str,
    surroundings: &dyn Surroundings,
    hash_key: &[u8],
    report: &mut Report<'_>,
) -> Option<DesiredMaterial> {
    let what = format!("{kind} `{key}`");
    let fields = Fields::of(node, &what, &KNOWN, &NOTHING, report)?;
    let (external, name) = external(&fields, &what, &[], node, report)?;
    if external {
        let name = name.unwrap_or_else(|| key.to_owned());
        return Some(DesiredMaterial::external(key, &name));
    }
    for unsupported in ["driver", "template_driver"] {
        if fields.get(unsupported).is_some() {
            report.error(
                fields.place_of(unsupported),
                format!("`{unsupported}` of {what} is not supported"),
                "give the content itself: file, environment or content",
            );
            return None;
        }
    }
    let bytes = content(&what, place, &fields, surroundings, report)?;
    let largest = match kind {
        "secret" => LARGEST_SECRET,
        _ => LARGEST_CONFIG,
    };
    if bytes.is_empty() || bytes.len() > largest {
        report.error(
            place,
            format!("{what} has {} bytes", bytes.len()),
            format!("docker takes 1 to {largest} bytes"),
        );
        return None;
    }
    let labels = fields.labels("labels", report);
    let source = scoped(stack, key);
    Some(match name {
        Some(name) => {
            let hash = hashed_name("", &bytes, hash_key);
            let mut labels = labels;
            let hash = hash.trim_start_matches('-').to_owned();
            labels.insert(CONTENT_LABEL.to_owned(), hash);
            DesiredMaterial {
                source,
                name,
                content: Content::Bytes(bytes),
                labels,
            }
        }
        None => DesiredMaterial {
            labels,
            ..DesiredMaterial::hashed(&source, bytes, hash_key)
        },
    })
}

fn content(
    what: &str,
    place: Place,
    fields: &Fields<'_>,
    surroundings: &dyn Surroundings,
    report: &mut Report<'_>,
) -> Option<Vec<u8>> {
    let sources = ["file", "environment", "content"];
    let given: Vec<&str> = sources
        .into_iter()
        .filter(|s| fields.get(s).is_some())
        .collect();
    let [source] = given[..] else {
        let place = given.last().map_or(place, |source| fields.place_of(source));
        let message = match given.is_empty() {
            true => format!("{what} does not say where its content is from"),
            false => format!("{what} has several contents: {}", given.join(", ")),
        };
        let help = "give one of: file, environment, content, external";
        report.error(place, message, help);
        return None;
    };
    let said = fields.text(source, report)?;
    let at = fields.get(source)?.place;
    match source {
        "content" => Some(said.into_bytes()),
        "environment" => {
            let value = surroundings.variable(&said);
            if value.is_none() {
                let message = format!("the variable {said}, content of {what}, is not set");
                report.error(at, message, format!("{said}=… hive stack deploy …"));
            }
            value.map(String::into_bytes)
        }
        _ => match surroundings.read_file(Path::new(&said)) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let folder = surroundings.folder();
                report.error(
                    at,
                    format!("{what}: {said}: {error}"),
                    format!("paths start from {}", folder.display()),
                );
                None
            }
        },
    }
}
