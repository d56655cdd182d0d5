//! Which value of a variable holds: the command line's, the stage's, the site's, or the default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

use super::definition::{self, Definition, Scope, TABLE};
use super::store::Store;
use super::{GLOBAL, value};
use crate::error::{Bug, CommandError, Result};

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Options, or environment variables in their place.
    CommandLine,
    /// Persisted for the stage, in this file.
    Stage(PathBuf),
    /// Persisted for all stages, in this file.
    Global(PathBuf),
    /// Nobody gave one.
    Default,
}

/// A value that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The value, of its variable's type.
    pub value: Value,
    /// Where it is from.
    pub source: Source,
}

/// What the command line gives.
#[derive(Debug, Clone, Default)]
pub struct Given(BTreeMap<&'static str, Value>);

impl Given {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name, value.into());
        self
    }

    /// One more folder, if it was given.
    #[must_use]
    pub fn folder(self, name: &'static str, path: Option<&Path>) -> Self {
        match path {
            Some(path) => self.with(name, path.to_string_lossy().into_owned()),
            None => self,
        }
    }
}

/// All values that hold, for the site in `root`.
pub fn resolve(
    root: &Path,
    store: &Store,
    given: &Given,
) -> Result<BTreeMap<&'static str, Resolved>> {
    let mut values = BTreeMap::new();
    let root_value = Value::from(root.to_string_lossy().into_owned());
    values.insert(
        "root_dir",
        Resolved {
            value: root_value,
            source: Source::CommandLine,
        },
    );
    overlay(&mut values, given)?;
    // The stage decides which other values count, so it comes first, and no stage has a say in it.
    if !values.contains_key("stage")
        && let Some(found) = persisted(store, definition::find("stage")?, GLOBAL)?
    {
        values.insert("stage", found);
    }
    let default = Value::from("private");
    let stage = values.entry("stage").or_insert(Resolved {
        value: default,
        source: Source::Default,
    });
    let stage = stage.value.as_str().unwrap_or_default().to_owned();
    for definition in TABLE.iter().filter(|d| d.scope != Scope::Unkept) {
        if values.contains_key(definition.name) {
            continue;
        }
        let mut found = persisted(store, definition, &stage)?;
        if found.is_none() {
            found = persisted(store, definition, GLOBAL)?;
        }
        if let Some(found) = found {
            values.insert(definition.name, found);
        }
    }
    defaults(&mut values)?;
    Ok(values)
}

/// Puts values of the command line over others.
pub fn overlay(values: &mut BTreeMap<&'static str, Resolved>, given: &Given) -> Result<()> {
    for (name, value) in &given.0 {
        let definition = definition::find(name)?;
        let value = definition
            .kind
            .accept(value)
            .map_err(|wrong| Bug(format!("{name} from the command line: {wrong}")))?;
        values.insert(
            name,
            Resolved {
                value,
                source: Source::CommandLine,
            },
        );
    }
    Ok(())
}

fn persisted(store: &Store, definition: &Definition, scope: &str) -> Result<Option<Resolved>> {
    let Some((value, path)) = store.get(definition.name, scope) else {
        return Ok(None);
    };
    let name = definition.name;
    let value = definition
        .kind
        .accept(value)
        .with_context(|| format!("reading `{name}: {scope}` in {}", path.display()))
        .map_err(|error| {
            let stage = if scope == GLOBAL { String::new() } else { format!("-s {scope} ") };
            CommandError::from(error).hint(format!("`hive {stage}set {name} VALUE` puts it right, `hive {stage}unset {name}` takes it out"))
        })?;
    let path = path.to_owned();
    let source = if scope == GLOBAL {
        Source::Global(path)
    } else {
        Source::Stage(path)
    };
    Ok(Some(Resolved { value, source }))
}

/// Fills in defaults; those that refer to others wait for them.
fn defaults(values: &mut BTreeMap<&'static str, Resolved>) -> Result<()> {
    loop {
        let mut changed = false;
        for definition in TABLE {
            let Some(default) = definition
                .default
                .filter(|_| !values.contains_key(definition.name))
            else {
                continue;
            };
            let Some(text) = filled(default, values) else {
                continue;
            };
            let value = definition
                .kind
                .parse(&text)
                .map_err(|wrong| Bug(format!("default of {}: {wrong}", definition.name)))?;
            values.insert(
                definition.name,
                Resolved {
                    value,
                    source: Source::Default,
                },
            );
            changed = true;
        }
        if !changed {
            return Ok(());
        }
    }
}

/// A text with each `{name}` replaced by the value; `None` while one is missing.
fn filled(text: &str, values: &BTreeMap<&'static str, Resolved>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(&value::words(&values.get(name)?.value));
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(text: &str, given: &Given) -> Result<BTreeMap<&'static str, Resolved>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".hive")).unwrap();
        std::fs::write(dir.path().join(".hive/persistents.yml"), text).unwrap();
        resolve(Path::new("/s"), &Store::load(dir.path())?, given)
    }

    const TEXT: &str = "\
stage: {global: staging}
tls_logging: {global: false, staging: true}
temp_dir: {private: /p, staging: /t}
";

    #[test]
    fn values_are_those_of_the_effective_stage() {
        let all = values(TEXT, &Given::new()).unwrap();
        assert_eq!(all["stage"].value, json!("staging"));
        assert_eq!(all["tls_logging"].value, json!(true));
        assert_eq!(all["context_dir"].value, json!("/s/.hive/staging"));
        // The persisted stage has no say when the command line names another.
        let all = values(TEXT, &Given::new().with("stage", "private")).unwrap();
        assert_eq!(all["tls_logging"].value, json!(false));
        assert_eq!(all["temp_dir"].value, json!("/p"));
        assert_eq!(all["context_dir"].value, json!("/s/.hive/private"));
        assert_eq!(all["context_dir"].source, Source::Default);
        assert!(matches!(all["tls_logging"].source, Source::Global(_)));
        let all = values(TEXT, &Given::new().with("stage", "production")).unwrap();
        assert_eq!(all["temp_dir"].value, json!("/var/tmp/hive"));
    }

    #[test]
    fn the_command_line_stands_above_all_and_defaults_follow_it() {
        let given = Given::new().folder("temp_dir", Some(Path::new("/c")));
        let all = values(TEXT, &given).unwrap();
        assert_eq!(all["temp_dir"].source, Source::CommandLine);
        assert_eq!(
            all["repository_docker_socket"].value,
            json!("/c/repository_docker.sock")
        );
    }

    #[test]
    fn what_can_not_be_persisted_is_not_taken_from_a_file() {
        let text =
            "root_dir: {global: /x}\nphase: {global: build-infra}\nstage: {private: production}\n";
        let all = values(text, &Given::new()).unwrap();
        assert_eq!(all["root_dir"].value, json!("/s"));
        assert_eq!(all["stage"].value, json!("private"));
        assert!(!all.contains_key("phase"));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_told_with_its_remedy() {
        let error = values("first_hive: {private: one}\n", &Given::new())
            .unwrap_err()
            .text();
        assert!(
            error.contains("reading `first_hive: private` in ")
                && error.contains("`one` is not a whole number"),
            "{error}"
        );
        assert!(
            error.contains("hint: `hive -s private set first_hive VALUE`"),
            "{error}"
        );
        // A stage that the command does not work on does not stop it.
        values("first_hive: {staging: one}\n", &Given::new()).unwrap();
    }

    #[test]
    fn a_default_with_something_missing_stays_away() {
        assert_eq!(filled("{nothing}/x", &BTreeMap::new()), None);
    }
}
