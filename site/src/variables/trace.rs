//! Why a template has no value, with the place of the cause and what needed it.

use std::error::Error as _;
use std::fmt;

use hive_templates::{Error, ErrorKind};

use crate::yaml::report::{Place, Report};

/// Where a failure began, and through which variables it came. Travels as the cause of the errors of
/// templates, which pass it on.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What to do about it.
    pub help: String,
    /// What needed it, from near to far: a variable and where it is defined.
    pub needed_by: Vec<(String, Place)>,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Trace {}

impl Trace {
    /// The trace that an error carries, however deep.
    pub fn of(error: &Error) -> Option<&Self> {
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(trace) = error.downcast_ref() {
                return Some(trace);
            }
            cause = error.source();
        }
        None
    }

    /// An error that carries this trace; its kind is that of the first failure.
    pub fn into_error(self, kind: ErrorKind) -> Error {
        Error::new(kind, self.message.clone())
            .with_next_step(self.help.clone())
            .with_cause(self)
    }

    /// Tells a person.
    pub fn report(self, report: &mut Report<'_>) {
        let notes = self
            .needed_by
            .iter()
            .map(|(what, place)| format!("needed by {what} ({})", report.shown(*place)))
            .collect();
        report.error_with_notes(self.place, self.message, notes, self.help);
    }
}

/// The error that others were caused by.
pub(crate) fn first(error: &Error) -> &Error {
    let mut first = error;
    let mut cause = error.source();
    while let Some(error) = cause {
        first = error.downcast_ref().unwrap_or(first);
        cause = error.source();
    }
    first
}

/// The advice for an error that has none itself.
pub(crate) fn advice(error: &Error) -> String {
    if let Some(next) = error.next_step() {
        return next.to_owned();
    }
    match error.kind() {
        ErrorKind::Undefined(name) => {
            let root = name.split(['.', '[']).next().unwrap_or(name).trim();
            format!(
                "define `{root}` in inventory/group_vars/all.yml, or give a value for when it is missing: {{{{ {name} | default('…') }}}}"
            )
        }
        ErrorKind::Syntax => "mend the template at this place".into(),
        ErrorKind::Encrypted => {
            "hive reads no ansible-vault; write the value itself, or keep it in a file outside version control and use lookup('file', …)".into()
        }
        _ => "correct the template at this place".into(),
    }
}
