//! Why a template has no value.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Why a template has no value: what kind of failure, where in the text, why, and what to do.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    range: Option<Range<usize>>,
    next_step: Option<String>,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong. Where a variable fails because another one does, the kind is that of the first
/// failure, however deep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something has no value; its name, as the template has it: `a` or `a.b`.
    Undefined(String),
    /// The text is not a template.
    Syntax,
    /// A filter that does not exist or can't do what it was asked; its name.
    Filter(String),
    /// A test that does not exist or can't do what it was asked; its name.
    Test(String),
    /// A lookup that does not exist or found nothing; its name.
    Lookup(String),
    /// A function or method that does not exist or can't do what it was asked; its name.
    Function(String),
    /// An operator was given values that it can't work on.
    Operation,
    /// A variable needs itself; its name. Only [`Variables`](crate::Variables) can notice.
    Loop(String),
    /// A value is encrypted (ansible-vault), which is not supported.
    Encrypted,
    /// Anything that the variables' owner reports.
    Variable(String),
}

impl Error {
    /// An error of a kind, with a message in plain words.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            range: None,
            next_step: None,
            cause: None,
        }))
    }

    /// A variable that needs itself, through the variables named.
    pub fn variable_loop(name: &str, through: &[String]) -> Error {
        let mut chain = through.to_vec();
        chain.push(name.to_owned());
        Error::new(
            ErrorKind::Loop(name.to_owned()),
            format!("the variable `{name}` needs itself: {}", chain.join(" → ")),
        )
        .with_next_step("give one of these variables a value that does not use the others")
    }

    /// What to do about it.
    pub fn with_next_step(mut self, next_step: impl Into<String>) -> Error {
        self.0.next_step = Some(next_step.into());
        self
    }

    /// What led to it.
    pub fn with_cause(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// Where in the text it is; kept if it is known already.
    pub fn with_range(mut self, range: Range<usize>) -> Error {
        self.0.range.get_or_insert(range);
        self
    }

    /// With the cause that another error has.
    pub(crate) fn keep_cause_of(mut self, other: &Error) -> Error {
        self.0.cause = other.0.cause.clone();
        self
    }

    pub(crate) fn map_range(mut self, map: impl Fn(usize) -> usize) -> Error {
        self.0.range = self.0.range.map(|range| map(range.start)..map(range.end));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What went wrong, in plain words, without cause and next step.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The bytes of the text that it is about.
    pub fn range(&self) -> Option<Range<usize>> {
        self.0.range.clone()
    }

    /// What a person can do.
    pub fn next_step(&self) -> Option<&str> {
        self.0.next_step.as_deref()
    }

    /// The template error that led to it, if it was one.
    pub fn cause(&self) -> Option<&Error> {
        use std::error::Error as _;
        self.source()?.downcast_ref()
    }

    /// Whether something had no value, here or deeper.
    pub fn is_undefined(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Undefined(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("range", &self.0.range)
            .field("next_step", &self.0.next_step)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause.as_ref() as _)
    }
}
