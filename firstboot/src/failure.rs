//! Why a boot ends: what failed, on which thing, and what to do next.

use std::error::Error;
use std::fmt;

/// A boxed cause.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A failure that ends the boot.
#[derive(Debug)]
pub struct Failure {
    what: String,
    next: String,
    source: Option<Cause>,
}

impl Failure {
    /// `what` was being done to which thing, without a full stop; `next` is the step a person takes.
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            next: next.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// What a person does next.
    pub fn next(&self) -> &str {
        &self.next
    }

    /// The whole story, causes joined by colons.
    pub fn story(&self) -> String {
        let mut text = self.what.clone();
        let mut cause: Option<&dyn Error> = self.source();
        while let Some(error) = cause {
            let part = error.to_string();
            // Layers that already repeat their cause are not said twice.
            if !text.ends_with(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn Error + 'static))
    }
}

/// Turns any error into a [`Failure`] with its context.
pub trait Explain<T> {
    /// Adds what was being done and what to do next.
    fn explain(self, what: impl Into<String>, next: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<Cause>> Explain<T> for Result<T, E> {
    fn explain(self, what: impl Into<String>, next: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|cause| Failure::new(what, next).because(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_names_every_cause_once() {
        let inner = Failure::new("cannot read /dev/vda", "").because(std::io::Error::other("gone"));
        let outer = Failure::new("reading the partition table", "check the cable").because(inner);
        assert_eq!(
            outer.story(),
            "reading the partition table: cannot read /dev/vda: gone"
        );
        assert_eq!(outer.next(), "check the cable");
    }
}
