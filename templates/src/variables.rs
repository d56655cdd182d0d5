//! Where a template's names come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Error, Value};

/// The variables that a template sees. Values are evaluated already: a text that is itself a
/// template was rendered before it is given here, and loops were noticed.
pub trait Variables: Send + Sync {
    /// The value of a variable, or why it has none; `None` if there is no such variable.
    fn value(&self, name: &str) -> Option<Result<Value, Error>>;

    /// Whether a variable's value is written as a template. Ansible keeps a number that is written as
    /// one through `{{ name }}`, and makes text of one that a template gave.
    fn is_written_as_template(&self, _name: &str) -> bool {
        false
    }

    /// All names.
    fn names(&self) -> Vec<String>;
}

impl Variables for BTreeMap<String, Value> {
    fn value(&self, name: &str) -> Option<Result<Value, Error>> {
        self.get(name).cloned().map(Ok)
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Variables as a map that evaluates an entry when it is used: what `hostvars` and `hostvars[HOST]`
/// are made of. Errors of an entry keep their cause.
#[derive(Clone)]
pub struct LazyMap(pub Arc<dyn Variables>);

impl std::fmt::Debug for LazyMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LazyMap").field(&self.0.names()).finish()
    }
}

impl From<LazyMap> for Value {
    fn from(map: LazyMap) -> Value {
        Value::from_object(map)
    }
}

impl minijinja::value::Object for LazyMap {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let value = self.0.value(key.as_str()?)?;
        Some(value.unwrap_or_else(|error| {
            Value::from(
                minijinja::Error::new(
                    minijinja::ErrorKind::InvalidOperation,
                    error.message().to_owned(),
                )
                .with_source(error),
            )
        }))
    }

    fn enumerate(self: &Arc<Self>) -> minijinja::value::Enumerator {
        minijinja::value::Enumerator::Values(self.0.names().into_iter().map(Value::from).collect())
    }
}
