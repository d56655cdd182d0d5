//! Ansible's template language, for the values of an inventory.
//!
//! [`Templates::render`] gives the value of a text: `"{{ hosts | length }}"`. It behaves as
//! ansible-core 2.16 does, so that inventories written for it work unchanged. Where to look:
//!
//! | module | what it does |
//! |---|---|
//! | `evaluation` | statements, expressions, calls, and what a template's output becomes |
//! | `python` | values: operators, methods, printing, what is undefined |
//! | `filters`, `predicates`, `lookups` | a table in each file: names and what they do |
//! | `yaml` | `to_yaml` and `from_yaml` |
//! | [`Variables`], [`Surroundings`] | what the caller gives: names, and the world of lookups |

mod error;
mod evaluation;
mod filters;
mod lookups;
mod predicates;
mod python;
mod spelling;
mod surroundings;
mod variables;
mod yaml;

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
        evaluation::value_of(&self.surroundings, &variables, text)
    }
}

/// Whether a text holds anything to evaluate.
pub fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
}

/// Whether a value is `omit`: what is given it is to be left out.
pub fn is_omit(value: &Value) -> bool {
    value.as_str() == Some(evaluation::OMIT)
}
