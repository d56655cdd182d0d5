//! What a filter, test, function or method is called with.

use crate::python::{printing, undefined, value};
use crate::{Error, ErrorKind, Value};

/// Values by place and by name. Of a filter, the first is what is filtered.
#[derive(Debug, Default, Clone)]
pub(crate) struct Arguments {
    pub positional: Vec<Value>,
    pub named: Vec<(String, Value)>,
}

impl Arguments {
    /// What a filter or test is applied to.
    pub fn input(&self) -> &Value {
        const NOTHING: &Value = &Value::UNDEFINED;
        self.positional.first().unwrap_or(NOTHING)
    }

    /// What a filter is applied to, as text.
    pub fn input_text(&self) -> Result<String, Error> {
        printing::text(self.input())
    }

    /// What a filter is applied to, as items.
    pub fn input_items(&self) -> Result<Vec<Value>, Error> {
        value::items(self.input())
    }

    /// An argument by its place, or by its name.
    pub fn get(&self, place: usize, name: &str) -> Option<&Value> {
        self.positional.get(place).or_else(|| self.named(name))
    }

    /// An argument that is given by name only.
    pub fn named(&self, name: &str) -> Option<&Value> {
        self.named
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// An argument that has to be there.
    pub fn need(&self, place: usize, name: &str) -> Result<&Value, Error> {
        let value = self.get(place, name).ok_or_else(|| {
            Error::new(
                ErrorKind::Operation,
                format!("the argument `{name}` is missing"),
            )
        })?;
        undefined::refuse(value)?;
        Ok(value)
    }

    /// An argument as text. Numbers are printed.
    pub fn text(&self, place: usize, name: &str) -> Result<Option<String>, Error> {
        match self.get(place, name) {
            Some(value) if value.is_none() => Ok(None),
            Some(value) => printing::text(value).map(Some),
            None => Ok(None),
        }
    }

    /// An argument as text that has to be there.
    pub fn need_text(&self, place: usize, name: &str) -> Result<String, Error> {
        printing::text(self.need(place, name)?)
    }

    /// An argument as an integer.
    pub fn integer(&self, place: usize, name: &str) -> Result<Option<i128>, Error> {
        match self.get(place, name) {
            Some(found) if found.is_none() => Ok(None),
            Some(found) => {
                undefined::refuse(found)?;
                let number = value::integer(found)
                    .or_else(|| crate::python::number::parse_integer(found.as_str()?, 10));
                number.map(Some).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Operation,
                        format!(
                            "the argument `{name}` has to be a whole number, not {}",
                            value::described(found)
                        ),
                    )
                })
            }
            None => Ok(None),
        }
    }

    /// An argument as truth.
    pub fn flag(&self, place: usize, name: &str, default: bool) -> Result<bool, Error> {
        match self.get(place, name) {
            Some(value) => {
                undefined::refuse(value)?;
                Ok(value.is_true())
            }
            None => Ok(default),
        }
    }

    /// The arguments after the first ones.
    pub fn rest(&self, from: usize) -> &[Value] {
        self.positional.get(from..).unwrap_or_default()
    }
}
