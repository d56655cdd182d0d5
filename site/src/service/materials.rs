//! Secrets and configs: where their bytes come from, and which service may read them.

use std::collections::BTreeMap;

use super::definitions::Definition;
use super::evaluate::{Evaluate, whole};
use super::model::{Grant, Material};
use super::names;
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::spelling;
use crate::yaml::tree::{Entry, Node, Value};

/// In the swarm a name gets a hyphen and eight digits more, and 64 characters are the most there.
const LONGEST_NAME: usize = 55;
const SOURCES: &[&str] = &["file", "environment", "content", "generate", "external"];
const GRANT_KEYS: &[&str] = &["source", "target", "uid", "gid", "mode"];
/// Characters of a generated secret, when nobody says how many.
const GENERATED_LENGTH: usize = 32;
/// The most bytes that the swarm keeps for a secret; configs may be twice as long.
const LARGEST: usize = 500 * 1024;

/// Which of the two; they are read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Secret,
    Config,
}

impl Kind {
    /// A word for messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Config => "config",
        }
    }

    /// The attribute of a service, and the key at the top of a file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::Config => "configs",
        }
    }

    fn default_target(self, source: &str) -> String {
        match self {
            Self::Secret => source.to_owned(),
            Self::Config => format!("/{source}"),
        }
    }
}

/// Reads the secrets or configs of a stage. `host` is who evaluates their templates.
pub(crate) fn read(
    kind: Kind,
    definitions: &[&Definition<'_>],
    host: &str,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> BTreeMap<String, Material> {
    let mut materials = BTreeMap::new();
    for definition in definitions {
        let name = definition.name;
        if !names::is_object(name) || name.len() > LONGEST_NAME {
            report.error(
                definition.place,
                format!("the swarm takes no {} called `{name}`", kind.word()),
                format!("use letters, digits, dots, hyphens and underscores, {LONGEST_NAME} at the most, a letter or digit first"),
            );
        }
        let Some(node) = whole(evaluate, definition.node, host, report) else {
            continue;
        };
        if let Some(material) = material(kind, definition, &node, report) {
            materials.insert(name.to_owned(), material);
        }
    }
    materials
}

fn material(
    kind: Kind,
    definition: &Definition<'_>,
    node: &Node,
    report: &mut Report<'_>,
) -> Option<Material> {
    let what = format!("{} `{}`", kind.word(), definition.name);
    let fields = Fields::open(node, definition.place, &what, SOURCES, report)?;
    let given: Vec<&Entry> = SOURCES.iter().filter_map(|key| fields.entry(key)).collect();
    let entry = match given[..] {
        [] => {
            report.error(
                definition.place,
                format!("{what} does not say where its bytes come from"),
                format!("write one of {} below it", SOURCES.join(", ")),
            );
            return None;
        }
        [entry] => entry,
        [first, second, ..] => {
            report.error(
                second.place,
                format!("{what} has both `{}` and `{}`", first.key, second.key),
                "keep one of them",
            );
            return None;
        }
    };
    if entry.key == "generate" {
        return generated(entry, report);
    }
    if entry.key == "external" {
        return match &entry.node.value {
            Value::Bool { value: true, .. } => Some(Material::External(definition.name.to_owned())),
            Value::Text(name) if !name.is_empty() => Some(Material::External(name.clone())),
            _ => {
                report.error(
                    entry.node.place,
                    format!(
                        "`external` must be True or a name, found {}",
                        entry.node.kind()
                    ),
                    "write `external: True`, or the name that it has in the swarm",
                );
                None
            }
        };
    }
    let text = fields::text(&entry.node, &entry.key, report)?;
    if entry.key == "content" {
        let most = match kind {
            Kind::Secret => LARGEST,
            Kind::Config => 2 * LARGEST,
        };
        if text.len() > most {
            report.error(
                entry.place,
                format!(
                    "{what} has {} bytes, and the swarm keeps {most} at the most",
                    text.len()
                ),
                "mount a file from a volume, or split it",
            );
        }
        return Some(Material::Content(text));
    }
    if text.trim().is_empty() {
        report.error(
            entry.node.place,
            format!("`{}` of {what} is empty", entry.key),
            "write a path in the site folder, or the name of a variable",
        );
        return None;
    }
    Some(match entry.key.as_str() {
        "file" => Material::File(text),
        _ => Material::Environment(text),
    })
}

fn generated(entry: &Entry, report: &mut Report<'_>) -> Option<Material> {
    let by_default = Material::Generated {
        length: GENERATED_LENGTH,
    };
    if matches!(entry.node.value, Value::Bool { value: true, .. }) {
        return Some(by_default);
    }
    let fields = Fields::open(&entry.node, entry.place, "`generate`", &["length"], report)?;
    if fields.entry("length").is_none() {
        return Some(by_default);
    }
    // Shorter ones are guessed.
    let length = fields.whole("length", 8..=4096, report)?;
    Some(Material::Generated {
        length: usize::try_from(length).ok()?,
    })
}

/// Reads the `secrets` or `configs` of a service; `known` are the names that the stage has.
pub(crate) fn grants(
    kind: Kind,
    fields: &Fields<'_>,
    known: &[&str],
    report: &mut Report<'_>,
) -> Vec<Grant> {
    let Some(entry) = fields.entry(kind.key()) else {
        return Vec::new();
    };
    let mut grants: Vec<Grant> = Vec::new();
    for item in values::items(&entry.node, kind.key(), report) {
        let Some((source_node, grant)) = grant(kind, item, report) else {
            continue;
        };
        if !known.contains(&grant.source.as_str()) {
            let help = match spelling::nearest(&grant.source, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "define it below `{}:` at the top of a service definition file",
                    kind.key()
                ),
            };
            report.error(
                source_node.place,
                format!(
                    "there is no {} `{}` on this stage",
                    kind.word(),
                    grant.source
                ),
                help,
            );
        }
        if grants.iter().any(|other| other.target == grant.target) {
            report.error(
                source_node.place,
                format!("two {}s would be the file `{}`", kind.word(), grant.target),
                "give one of them another `target`",
            );
        }
        grants.push(grant);
    }
    grants
}

fn grant<'n>(kind: Kind, item: &'n Node, report: &mut Report<'_>) -> Option<(&'n Node, Grant)> {
    let of = |source: &str| Grant {
        source: source.to_owned(),
        target: kind.default_target(source),
        uid: "0".to_owned(),
        gid: "0".to_owned(),
        mode: 0o444,
    };
    if let Some(name) = item.as_text() {
        return Some((item, of(name)));
    }
    let what = format!("an item of `{}`", kind.key());
    let fields = Fields::open(item, item.place, what, GRANT_KEYS, report)?;
    let source = &fields.required("source", "NAME", report)?.node;
    let mut grant = of(&fields::text(source, "source", report)?);
    if let Some(target) = fields.text("target", report) {
        grant.target = target;
    }
    for (key, id) in [("uid", &mut grant.uid), ("gid", &mut grant.gid)] {
        if let Some(number) = fields.whole(key, 0..=u64::from(u32::MAX), report) {
            *id = number.to_string();
        }
    }
    if let Some(entry) = fields.entry("mode") {
        grant.mode = mode(&entry.node, report).unwrap_or(grant.mode);
    }
    Some((source, grant))
}

/// Permissions as `0440`: the zero in front tells octal digits from a number that only looks like it.
fn mode(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    let written = node.as_text().unwrap_or_default();
    let digits = written
        .strip_prefix("0o")
        .or_else(|| written.strip_prefix('0'));
    let mode = digits.and_then(|digits| u32::from_str_radix(digits, 8).ok());
    if mode.is_none_or(|mode| mode > 0o7777) {
        report.error(
            node.place,
            format!("`mode` must be octal permissions, found {}", node.kind()),
            "write them with a zero in front, such as `0440`",
        );
        return None;
    }
    mode
}
