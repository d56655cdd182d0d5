//! The variables of one host, by name.

use std::sync::{Arc, PoisonError};

use hive_templates::{Error, ErrorKind, LazyMap, Value, Variables};

use super::asked::Asked;
use super::{Evaluation, Inner, OMIT};
use crate::variables::trace::{self, Trace};
use crate::variables::{facts, scalar};
use crate::yaml::spelling;
use crate::yaml::tree::{self, Entry, Node};

/// Names that every scope has.
const MAGIC: [&str; 10] = [
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "omit",
    "playbook_dir",
    "vars",
];

/// The variables of one host.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) evaluation: Evaluation,
    pub(super) host: Arc<str>,
}

impl Scope {
    fn inner(&self) -> &Inner {
        &self.evaluation.inner
    }

    /// What a text evaluates to; `None` when it is no template.
    pub(super) fn text(&self, node: &Node, text: &str) -> Result<Option<Value>, Error> {
        if scalar::is_encrypted(text) {
            let error = Error::new(
                ErrorKind::Encrypted,
                "the value is encrypted by ansible-vault",
            );
            return Err(self.traced(error, node, text));
        }
        if !hive_templates::is_template(text)
            || scalar::is_unsafe(node, &self.inner().world.sources)
        {
            return Ok(None);
        }
        let variables: Arc<dyn Variables> = Arc::new(self.clone());
        let rendered = self.inner().templates.render(text, variables);
        rendered
            .map(Some)
            .map_err(|error| self.traced(error, node, text))
    }

    /// Gives an error its place, unless it comes from further below.
    fn traced(&self, error: Error, node: &Node, text: &str) -> Error {
        if Trace::of(&error).is_some() {
            return error;
        }
        let sources = &self.inner().world.sources;
        let place = match error.range() {
            Some(range) => scalar::place_within(node.place, text, range, sources),
            None => node.place,
        };
        let first = trace::first(&error);
        let trace = Trace {
            message: first.message().to_owned(),
            place,
            help: self.meant(first).unwrap_or_else(|| trace::advice(first)),
            needed_by: Vec::new(),
        };
        trace.into_error(first.kind().clone())
    }

    /// The variable that was meant by a name that does not exist.
    fn meant(&self, error: &Error) -> Option<String> {
        let ErrorKind::Undefined(name) = error.kind() else {
            return None;
        };
        let root = name.split(['.', '[']).next()?.trim();
        if facts::is_fact(root) || root.is_empty() {
            return None;
        }
        let names = self.names();
        if names.iter().any(|known| known == root) {
            return None;
        }
        let meant = spelling::nearest(root, names.iter().map(String::as_str))?;
        Some(format!("did you mean `{meant}`?"))
    }

    /// The value of a tree.
    fn value_of(&self, node: &Node) -> Result<Value, Error> {
        match &node.value {
            tree::Value::Text(text) => Ok(self
                .text(node, text)?
                .unwrap_or_else(|| self.inner().world.plain(node))),
            tree::Value::List(items) => {
                let items: Result<Vec<Value>, Error> = items
                    .iter()
                    .map(|item| self.value_of(item))
                    .filter(|value| !matches!(value, Ok(value) if value.as_str() == Some(OMIT)))
                    .collect();
                Ok(Value::from(items?))
            }
            tree::Value::Map(entries) => {
                let mut map = Vec::new();
                for entry in entries {
                    let value = self.value_of(&entry.node)?;
                    if value.as_str() != Some(OMIT) {
                        map.push((entry.key.as_str(), value));
                    }
                }
                Ok(Value::from_pairs(map))
            }
            _ => Ok(self.inner().world.plain(node)),
        }
    }

    /// The value of a variable, evaluated once.
    fn evaluated(&self, name: &str, entry: &Entry) -> Result<Value, Error> {
        let key = (self.host.clone(), name.to_owned());
        let known = || {
            self.inner()
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(result) = known().get(&key) {
            return result.clone();
        }
        let _asked = Asked::push(self, name)?;
        let result = self.value_of(&entry.node).map_err(|error| {
            let mut trace = self.evaluation.trace(&error, entry.place);
            trace.needed_by.push((format!("`{name}`"), entry.place));
            trace.into_error(error.kind().clone())
        });
        let too_deep =
            matches!(&result, Err(error) if matches!(error.kind(), ErrorKind::Variable(_)));
        if !too_deep {
            known().insert(key, result.clone());
        }
        result
    }

    fn magic(&self, name: &str) -> Option<Value> {
        let world = &self.inner().world;
        let list = |names: Vec<String>| Value::from(names);
        Some(match name {
            "inventory_hostname" => Value::from(&*self.host),
            "inventory_hostname_short" => {
                Value::from(self.host.split('.').next().unwrap_or_default())
            }
            "group_names" => list(
                world
                    .groups_of(&self.host)
                    .iter()
                    .map(|g| (*g).into())
                    .collect(),
            ),
            "groups" => {
                let groups = world.groups();
                let names = groups.all().into_iter().chain(["all"]);
                let with_hosts = names.map(|group| (group, list(groups.hosts(group))));
                Value::from_pairs(with_hosts.chain([("ungrouped", list(Vec::new()))]))
            }
            "hostvars" => Value::from(LazyMap(Arc::new(HostVars(self.evaluation.clone())))),
            "vars" => Value::from(LazyMap(Arc::new(self.clone()))),
            "omit" => Value::from(OMIT),
            "inventory_dir" => self.below_root("inventory"),
            "inventory_file" => {
                let member = world.inventory.members.get(&*self.host);
                let file = member.and_then(|member| world.sources.get(member.file));
                self.below_root(file.map_or("inventory/hive.yml", |file| &file.path))
            }
            "playbook_dir" => self.below_root(""),
            _ => return None,
        })
    }

    fn below_root(&self, path: &str) -> Value {
        let root = self.inner().injected.value("hive_root_dir");
        let root = root.and_then(Value::as_str).unwrap_or(".");
        match path {
            "" => Value::from(root),
            // A folder of inventories elsewhere.
            path if path.starts_with('/') => Value::from(path),
            path => Value::from(format!("{}/{path}", root.trim_end_matches('/'))),
        }
    }
}

impl Variables for Scope {
    fn is_written_as_template(&self, name: &str) -> bool {
        let entry = self.inner().entry(&self.host, name);
        entry.is_some_and(|entry| match &entry.node.value {
            tree::Value::Text(text) => hive_templates::is_template(text),
            _ => false,
        })
    }

    fn value(&self, name: &str) -> Option<Result<Value, Error>> {
        if let Some(value) = self.magic(name) {
            return Some(Ok(value));
        }
        if name == "hive_stage" {
            return Some(Ok(Value::from(self.inner().stage.name())));
        }
        if let Some(value) = self.inner().injected.value(name) {
            return Some(Ok(value.clone()));
        }
        match self.inner().entry(&self.host, name) {
            Some(entry) => Some(self.evaluated(name, entry)),
            None => facts::missing(name, &self.host).map(Err),
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = MAGIC.iter().map(|name| (*name).to_owned()).collect();
        names.push("hive_stage".to_owned());
        names.extend(self.inner().injected.names().map(str::to_owned));
        let entries = self.evaluation.entries(&self.host);
        names.extend(entries.keys().map(|name| (*name).to_owned()));
        names.sort();
        names.dedup();
        names
    }
}

/// `hostvars`: the variables of every host.
struct HostVars(Evaluation);

impl Variables for HostVars {
    fn value(&self, host: &str) -> Option<Result<Value, Error>> {
        let known = self.0.inner.world.inventory.members.contains_key(host);
        known.then(|| Ok(Value::from(LazyMap(Arc::new(self.0.scope_of(host))))))
    }

    fn names(&self) -> Vec<String> {
        self.0.inner.world.inventory.order.clone()
    }
}
