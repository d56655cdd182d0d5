//! The variables of the command: what the command line says, what the site has persisted, and defaults.
//!
//! | file | what it holds |
//! |---|---|
//! | `definition.rs` | the variables that there are |
//! | `value.rs` | their types |
//! | `document.rs` | the text of a file of persisted variables, read and changed |
//! | `store.rs` | the files, their lock, writing |
//! | `resolution.rs` | which value holds |
//!
//! All is keyed by the stage that the command works on and the site folder that it found, never by what
//! some file says of another stage.

pub mod definition;
mod document;
mod resolution;
pub mod store;
pub mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hive_site::StageName;
use serde_json::Value;

use crate::error::{Bug, CommandError, Result};
use crate::output;
use definition::{Scope, UnknownVariable};
use store::Store;

pub use resolution::{Given, Resolved, Source};

/// Device ids of mirrored volumes, by the volume's name.
const DEVICES: &str = "drbd_device_map";
/// Published ports, by service and target port.
const PORTS: &str = "published_port_map";
/// The key of values for all stages.
pub const GLOBAL: &str = "global";

/// The variables as they hold for one stage of a site.
#[derive(Debug, Clone)]
pub struct Variables {
    root: PathBuf,
    stage: StageName,
    values: BTreeMap<&'static str, Resolved>,
    strangers: Vec<String>,
}

/// What the allocators of device ids and ports continue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maps {
    /// Device ids (1 to 255) by volume.
    pub devices: BTreeMap<String, u16>,
    /// Published ports by service and target port.
    pub ports: BTreeMap<String, u16>,
}

impl Variables {
    /// Variables of a stage, with nothing from the command line but the stage.
    ///
    /// # Errors
    /// The persisted variables can't be read.
    pub fn load(root: &Path, stage: StageName) -> Result<Self> {
        Self::resolve(root, &Given::new().with("stage", stage.name()))
    }

    /// Variables as they hold with what the command line says.
    ///
    /// # Errors
    /// A persisted value is of the wrong type, or can't be read.
    pub fn resolve(root: &Path, given: &Given) -> Result<Self> {
        let store = Store::load(root)?;
        let values = resolution::resolve(root, &store, given)?;
        let stage = values
            .get("stage")
            .and_then(|stage| StageName::from_name(stage.value.as_str()?));
        let stage = stage.ok_or_else(|| Bug("no stage was resolved".into()))?;
        Ok(Self {
            root: root.to_owned(),
            stage,
            values,
            strangers: strangers(root, &store),
        })
    }

    /// Warns of persisted entries that have no effect.
    pub fn warn_of_strangers(&self) {
        self.strangers.iter().for_each(|line| output::warn(line));
    }

    /// The stage that they hold for.
    pub fn stage(&self) -> StageName {
        self.stage
    }

    /// The site folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A variable's value and where it is from; `None` when nobody gave one.
    pub fn get(&self, name: &str) -> Option<&Resolved> {
        self.values.get(name)
    }

    /// A variable that holds text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.value.as_str()
    }

    /// A variable that is yes or no; no when nobody said.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|found| found.value == Value::Bool(true))
    }

    /// A variable that holds a number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.get(name)?.value.as_i64()
    }

    /// A variable that holds a folder; a relative one lies in the site folder.
    pub fn directory(&self, name: &str) -> Option<PathBuf> {
        Some(self.root.join(self.text(name)?))
    }

    /// What the command tells the inventory: these names stand above all that its files say.
    pub fn injected(&self) -> BTreeMap<String, Value> {
        let names = definition::TABLE
            .iter()
            .filter_map(|d| Some((d.name, d.injected?)));
        names
            .filter_map(|(name, seen)| Some((seen.to_owned(), self.get(name)?.value.clone())))
            .collect()
    }

    /// Adds what a phase was started with: its name and options.
    ///
    /// # Errors
    /// Never for a phase's own options.
    pub fn with(&self, more: &Given) -> Result<Self> {
        let mut this = self.clone();
        resolution::overlay(&mut this.values, more)?;
        Ok(this)
    }

    /// The stage's persisted device ids.
    ///
    /// # Errors
    /// What is persisted is something else.
    pub fn device_map(&self) -> Result<BTreeMap<String, u16>> {
        numbers(DEVICES, self.get(DEVICES).map(|found| &found.value))
    }

    /// The stage's persisted ports.
    ///
    /// # Errors
    /// What is persisted is something else.
    pub fn port_map(&self) -> Result<BTreeMap<String, u16>> {
        numbers(PORTS, self.get(PORTS).map(|found| &found.value))
    }

    /// Lets `change` continue both maps while no other command can, and keeps what it made of them. The
    /// maps are read anew: another command may have gone on with them since this one began.
    ///
    /// # Errors
    /// `change` fails (nothing is kept then), or the files can't be written.
    pub fn update_maps<T>(&mut self, change: impl FnOnce(&mut Maps) -> Result<T>) -> Result<T> {
        let stage = self.stage.name();
        let (maps, result) = Store::update(&self.root, |store| {
            let read = |name| {
                numbers(
                    name,
                    store
                        .get(name, stage)
                        .or_else(|| store.get(name, GLOBAL))
                        .map(|f| f.0),
                )
            };
            let mut maps = Maps {
                devices: read(DEVICES)?,
                ports: read(PORTS)?,
            };
            let before = maps.clone();
            let result = change(&mut maps)?;
            if maps.devices != before.devices {
                store.set(DEVICES, stage, &object(&maps.devices))?;
            }
            if maps.ports != before.ports {
                store.set(PORTS, stage, &object(&maps.ports))?;
            }
            Ok((maps, result))
        })?;
        let source = Source::Stage(PathBuf::from(".hive"));
        for (name, map) in [(DEVICES, maps.devices), (PORTS, maps.ports)] {
            let value = object(&map);
            self.values.insert(
                name,
                Resolved {
                    value,
                    source: source.clone(),
                },
            );
        }
        Ok(result)
    }

    /// Writes down where `hive all` is to go on.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn save_start_phase(&self, phase: &str) -> Result<()> {
        Store::update(&self.root, |store| {
            store.set("start_phase", self.stage.name(), &phase.into())
        })
    }
}

/// Persisted entries without effect, in words.
fn strangers(root: &Path, store: &Store) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, scopes, path) in store.names() {
        let path = path.strip_prefix(root).unwrap_or(path).display();
        match definition::find(name) {
            Err(UnknownVariable { nearest, .. }) => {
                let meant = nearest
                    .map(|n| format!(" (did you mean `{n}`?)"))
                    .unwrap_or_default();
                lines.push(format!(
                    "`{name}` in {path} is no variable of hive{meant}; it stays there and has no effect"
                ));
            }
            Ok(known) if known.scope == Scope::Unkept => {
                lines.push(format!(
                    "`{name}` in {path} has no effect: it can't be persisted"
                ));
            }
            Ok(_) => {
                let known = |scope: &str| scope == GLOBAL || StageName::from_name(scope).is_some();
                for scope in scopes.iter().filter(|scope| !known(scope)) {
                    lines.push(format!(
                        "`{name}: {scope}` in {path} has no effect: values are for global, private, staging or production"
                    ));
                }
            }
        }
    }
    lines
}

fn object(map: &BTreeMap<String, u16>) -> Value {
    let entries = map
        .iter()
        .map(|(name, number)| (name.clone(), Value::from(*number)));
    Value::Object(entries.collect())
}

fn numbers(name: &str, value: Option<&Value>) -> Result<BTreeMap<String, u16>> {
    let entries = match value {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => entries.iter(),
        Some(other) => return Err(no_number(name, &other.to_string())),
    };
    entries
        .map(|(key, value)| {
            let number = value.as_u64().and_then(|n| u16::try_from(n).ok());
            let number = number.ok_or_else(|| no_number(name, &format!("`{key}: {value}`")))?;
            Ok((key.clone(), number))
        })
        .collect()
}

fn no_number(name: &str, found: &str) -> CommandError {
    let error = anyhow::anyhow!(
        "the persisted variable `{name}` has {found}, and takes names with numbers from 0 to 65535"
    );
    CommandError::from(error).hint(format!(
        "look at it with `hive get {name}`, correct it in .hive/persistents.yml"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn maps_are_kept_per_stage_and_continued() {
        let dir = tempfile::tempdir().unwrap();
        let mut staging = Variables::load(dir.path(), StageName::Staging).unwrap();
        let mut private = Variables::load(dir.path(), StageName::Private).unwrap();
        let given = staging.update_maps(|maps| {
            maps.devices.insert("db".into(), 1);
            maps.ports.insert("web80".into(), 61001);
            Ok(7)
        });
        assert_eq!(given.unwrap(), 7);
        assert_eq!(staging.device_map().unwrap()["db"], 1);
        // Another that began before goes on from there, on its own stage only.
        let mut later = Variables::load(dir.path(), StageName::Staging).unwrap();
        later
            .update_maps(|maps| Ok(maps.devices.insert("web".into(), 2)))
            .unwrap();
        staging.update_maps(|_| Ok(())).unwrap();
        assert_eq!(staging.device_map().unwrap().len(), 2);
        private
            .update_maps(|maps| {
                assert_eq!(*maps, Maps::default());
                Ok(())
            })
            .unwrap();
        assert_eq!(staging.port_map().unwrap()["web80"], 61001);
    }

    #[test]
    fn a_map_with_something_else_in_it_is_refused() {
        let error = numbers(DEVICES, Some(&json!({"db": "one"})))
            .unwrap_err()
            .text();
        assert!(
            error.contains("`db: \"one\"`") && error.contains("hive get drbd_device_map"),
            "{error}"
        );
    }

    #[test]
    fn the_inventory_is_told_the_stage_and_the_folders() {
        let dir = tempfile::tempdir().unwrap();
        let variables = Variables::load(dir.path(), StageName::Staging).unwrap();
        let told = variables.injected();
        let context = dir.path().join(".hive/staging");
        assert_eq!(told["hive_stage"], json!("staging"));
        assert_eq!(told["hive_root_dir"], json!(dir.path().to_str()));
        assert_eq!(told["hive_context_dir"], json!(context.to_str()));
        assert_eq!(told["hive_temp_dir"], json!("/var/tmp/hive"));
        assert_eq!(told["hive_no_format"], json!(false));
        assert!(!told.contains_key("hive_phase") && !told.contains_key("hive_http_proxy"));
        let given = Given::new()
            .with("phase", "deploy-services")
            .with("limit_target", "web")
            .with("destroy", true);
        let told = variables.with(&given).unwrap().injected();
        assert_eq!(told["hive_phase"], json!("deploy-services"));
        assert_eq!(
            (&told["hive_limit"], &told["hive_destroy"]),
            (&json!("web"), &json!(true))
        );
    }
}
