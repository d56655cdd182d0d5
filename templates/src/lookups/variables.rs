//! Lookups of variables.

use super::terms;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::filters::patterns::Pattern;
use crate::python::undefined;
use crate::{Error, ErrorKind, Value};

/// `lookup('env', name)`.
pub(super) fn env(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    terms(arguments)?
        .iter()
        .map(|name| {
            let name = name.split_whitespace().next().unwrap_or_default();
            match (evaluator.surroundings.env(name), arguments.named("default")) {
                (Some(found), _) => Ok(Value::from(found)),
                (None, Some(default)) => match undefined::error(default) {
                    Some(error) => Err(error),
                    None => Ok(default.clone()),
                },
                (None, None) => Ok(Value::from("")),
            }
        })
        .collect()
}

/// `lookup('vars', name)`.
pub(super) fn vars(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for name in terms(arguments)? {
        let found = evaluator.variable(&name)?;
        let found = match (found, arguments.named("default")) {
            (Some(found), default) if undefined::is(&found) && default.is_none() => {
                undefined::refuse(&found)?;
                found
            }
            (Some(found), _) if !undefined::is(&found) => found,
            (_, Some(default)) => default.clone(),
            (_, None) => {
                return Err(Error::new(
                    ErrorKind::Undefined(name.clone()),
                    format!("`{name}` is undefined"),
                )
                .with_next_step("say what to use instead: `lookup('vars', …, default=…)`"));
            }
        };
        out.push(found);
    }
    Ok(out)
}

/// `lookup('varnames', pattern)`.
pub(super) fn varnames(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let names = evaluator.variables.names();
    let mut out = Vec::new();
    for pattern in terms(arguments)? {
        let pattern = Pattern::new(&pattern, false, false)?;
        for name in &names {
            if pattern.find(name)?.is_some() {
                out.push(Value::from(name.as_str()));
            }
        }
    }
    Ok(out)
}
