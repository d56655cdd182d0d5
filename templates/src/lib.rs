//! Ansible's template language, for the values of an inventory.

mod error;
mod surroundings;
mod variables;

use std::sync::Arc;

pub use error::{Error, ErrorKind};
pub use minijinja::Value;
pub use surroundings::{InMemory, OnDisk, Surroundings};
pub use variables::{LazyMap, Variables};

/// Evaluates templates.
#[derive(Clone)]
pub struct Templates {
    surroundings: Arc<dyn Surroundings>,
}

impl Templates {
    /// Templates whose lookups see these surroundings.
    pub fn new(surroundings: Arc<dyn Surroundings>) -> Templates {
        Templates { surroundings }
    }

    /// What the lookups see.
    pub fn surroundings(&self) -> &Arc<dyn Surroundings> {
        &self.surroundings
    }

    /// The value of a text. A text without a template in it is its own value.
    pub fn render(&self, text: &str, variables: Arc<dyn Variables>) -> Result<Value, Error> {
        if !is_template(text) {
            return Ok(Value::from(text));
        }
        let mut environment = minijinja::Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        environment.set_debug(true);
        let single = text
            .strip_prefix("{{")
            .and_then(|text| text.strip_suffix("}}"));
        let context = Value::from(LazyMap(variables));
        let result = match single.map(|single| environment.compile_expression(single)) {
            Some(Ok(expression)) => expression.eval(context),
            _ => environment.render_str(text, context).map(Value::from),
        };
        let value = result.map_err(|error| {
            let kind = match error.kind() {
                minijinja::ErrorKind::SyntaxError => ErrorKind::Syntax,
                minijinja::ErrorKind::UndefinedError => {
                    ErrorKind::Undefined(single.unwrap_or(text).trim().to_owned())
                }
                _ => ErrorKind::Operation,
            };
            Error::new(kind, error.to_string()).with_cause(error)
        })?;
        if value.is_undefined() {
            let name = single.unwrap_or(text).trim().to_owned();
            let message = format!("`{name}` is undefined");
            return Err(Error::new(ErrorKind::Undefined(name), message));
        }
        Ok(value)
    }
}

/// Whether a text holds anything to evaluate.
pub fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
}
