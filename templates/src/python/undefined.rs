//! What has no value: carried along until it is used, as Ansible does, so that `default` and
//! `is defined` can look at it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};

use crate::{Error, ErrorKind, Value};

/// Something without a value.
pub(crate) struct Undefined {
    name: String,
    message: String,
    next_step: Option<String>,
    cause: Option<Error>,
    range: Option<Range<usize>>,
}

impl fmt::Debug for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "undefined {}", self.name)
    }
}

impl Object for Undefined {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }
}

impl Undefined {
    /// A name that stands for nothing.
    pub fn named(name: String) -> Undefined {
        Undefined {
            message: format!("`{name}` is undefined"),
            name,
            next_step: None,
            cause: None,
            range: None,
        }
    }

    /// A variable whose value needs something that is undefined.
    pub fn because(name: String, cause: Error) -> Undefined {
        Undefined {
            message: format!("the variable `{name}` can't be evaluated"),
            cause: Some(cause),
            ..Undefined::named(name)
        }
    }

    /// Said in other words.
    pub fn saying(mut self, message: String, next_step: Option<String>) -> Undefined {
        self.message = message;
        self.next_step = next_step;
        self
    }

    /// Where it was looked for.
    pub fn at(mut self, range: Range<usize>) -> Undefined {
        self.range = Some(range);
        self
    }

    /// As a value that can be carried along.
    pub fn value(self) -> Value {
        Value::from_object(self)
    }
}

/// Whether it is nothing.
pub(crate) fn is(value: &Value) -> bool {
    value.is_undefined() || value.downcast_object_ref::<Undefined>().is_some()
}

/// The error of using it, if it is nothing.
pub(crate) fn error(value: &Value) -> Option<Error> {
    if value.is_undefined() {
        return Some(Error::new(
            ErrorKind::Undefined(String::new()),
            "this has no value",
        ));
    }
    let undefined = value.downcast_object_ref::<Undefined>()?;
    let name = match undefined.cause.as_ref().map(Error::kind) {
        Some(ErrorKind::Undefined(name)) => name.clone(),
        _ => undefined.name.clone(),
    };
    let mut error = Error::new(ErrorKind::Undefined(name), undefined.message.clone());
    if let Some(range) = &undefined.range {
        error = error.with_range(range.clone());
    }
    if let Some(next_step) = &undefined.next_step {
        error = error.with_next_step(next_step.clone());
    }
    if let Some(cause) = &undefined.cause {
        error = error.with_cause(cause.clone());
    }
    Some(error)
}

/// Fails if it is nothing.
pub(crate) fn refuse(value: &Value) -> Result<(), Error> {
    match error(value) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
