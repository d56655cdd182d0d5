//! What a template's output becomes: Ansible turns text that looks like a list or mapping into one.

use minijinja::machinery::ast::{Expr, Stmt};
use minijinja::value::ValueKind;

use super::Evaluator;
use crate::python::{literal, printing, undefined, value};
use crate::{Error, Value};

impl<'a> Evaluator<'a> {
    pub(super) fn value(&mut self, children: &'a [Stmt<'a>], source: &str) -> Result<Value, Error> {
        let [Stmt::EmitExpr(only)] = children else {
            let mut out = String::new();
            self.body(children, &mut out)?;
            return Ok(converted(out, source));
        };
        let range = super::expressions::range(&only.expr);
        let found = self.expression(&only.expr)?;
        complete(&found).map_err(|error| error.with_range(range))?;
        if let Some(text) = found.as_str() {
            // Filters such as `to_json` and `string` mean text, whatever it looks like.
            return Ok(if found.is_safe() {
                Value::from(with_newlines(text.to_owned(), source))
            } else {
                converted(text.to_owned(), source)
            });
        }
        let kept = match found.kind() {
            ValueKind::Seq | ValueKind::Iterable if found.is_tuple() => false,
            ValueKind::Map | ValueKind::Seq | ValueKind::Iterable | ValueKind::Bool => true,
            // Only what is a number as it was written stays one, and only by its bare name.
            ValueKind::None | ValueKind::Number => match &only.expr {
                Expr::Var(var) => {
                    is_bare_name(source) && !self.variables.is_written_as_template(var.id)
                }
                _ => false,
            },
            _ => false,
        };
        if kept {
            return Ok(found);
        }
        let text = match found.is_none() {
            true => String::new(),
            false => printing::text(&found)?,
        };
        Ok(Value::from(with_newlines(text, source)))
    }
}

/// Fails if there is anything undefined in a value.
fn complete(found: &Value) -> Result<(), Error> {
    undefined::refuse(found)?;
    // Entries of lazy maps are evaluated when they are used.
    if found
        .downcast_object_ref::<crate::variables::LazyMap>()
        .is_some()
    {
        return Ok(());
    }
    if value::is_map(found) {
        for (_, entry) in value::entries(found)? {
            complete(&entry)?;
        }
    } else if value::is_list(found) {
        for item in value::items(found)? {
            complete(&item)?;
        }
    }
    Ok(())
}

/// `{{ name }}` and nothing else.
fn is_bare_name(source: &str) -> bool {
    let source = source.strip_suffix('\n').unwrap_or(source);
    let inner = source
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"));
    inner.is_some_and(|inner| {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        inner.trim().chars().all(word)
    })
}

fn converted(text: String, source: &str) -> Value {
    let looks_literal = text.starts_with(['{', '[']) || text == "True" || text == "False";
    if looks_literal && let Some(value) = literal::parse(&text) {
        return value;
    }
    Value::from(with_newlines(text, source))
}

/// Jinja drops newlines at the end of the source; Ansible gives them back.
pub(super) fn with_newlines(mut text: String, source: &str) -> String {
    let count = |text: &str| text.len() - text.trim_end_matches('\n').len();
    let missing = count(source).saturating_sub(count(&text));
    text.push_str(&"\n".repeat(missing));
    text
}
