//! What becomes of errors: whose they are, how they read, and which exit code they give.
//!
//! | code | kind |
//! |---|---|
//! | 1 | yours to put right: the message says what was being done, the causes, and the next step |
//! | 2 | wrong usage; nothing was done (clap's own errors give the same) |
//! | 70 | a fault of hive itself (`EX_SOFTWARE` of sysexits.h) |
//! | 128 and more | ended by a signal, as a shell counts |

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use hive_site::{Diagnostics, UnknownStage};

/// Where faults of hive are to be reported.
const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// What every command returns.
pub type Result<T, E = CommandError> = std::result::Result<T, E>;

/// Whose an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something a person can put right.
    Yours,
    /// The command line makes no sense.
    Usage,
    /// A fault of hive.
    Bug,
    /// This signal ended the work.
    Interrupted(u8),
}

impl Kind {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Yours => 1,
            Self::Usage => 2,
            Self::Bug => 70,
            Self::Interrupted(signal) => 128 + signal,
        }
    }
}

/// An error on its way to a person.
#[derive(Debug)]
pub struct CommandError {
    kind: Kind,
    error: anyhow::Error,
    hints: Vec<String>,
}

/// Wrong usage that clap can't see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// A state that hive itself should never have come to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Bug(pub String);

/// A signal ended the work.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct Interrupted {
    /// Its number.
    pub signal: u8,
    /// What state things are in.
    pub words: String,
}

impl<E: Into<anyhow::Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        let error = error.into();
        let kind = if error.is::<Usage>() || error.is::<UnknownStage>() {
            Kind::Usage
        } else if error.is::<Bug>() {
            Kind::Bug
        } else if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
            Kind::Interrupted(interrupted.signal)
        } else {
            Kind::Yours
        };
        let mut hints = Vec::new();
        if error.chain().any(is_disk_full) {
            hints.push("the disk is full: `df -h` shows which, `hive cache gc` clears what was not used for long".to_owned());
        }
        if kind == Kind::Bug {
            hints.push(format!(
                "this is a fault of hive; please report it at {ISSUES}"
            ));
        }
        Self { kind, error, hints }
    }
}

impl CommandError {
    /// Adds a next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What a person reads.
    pub fn text(&self) -> String {
        // These point at the place in the file and begin with `error:` themselves.
        if let Some(diagnostics) = self.error.downcast_ref::<Diagnostics>() {
            return diagnostics.to_string();
        }
        let mut out = String::new();
        let mut above = String::new();
        for (depth, cause) in self.error.chain().enumerate() {
            let cause = cause.to_string();
            // Transparent errors say the same as what is in them.
            if cause == above {
                continue;
            }
            let label = if depth == 0 { "error: " } else { "  cause: " };
            let _ = writeln!(out, "{label}{}", indented(&cause, label.len()));
            above = cause;
        }
        for hint in &self.hints {
            let _ = writeln!(out, "  hint: {}", indented(hint, 8));
        }
        out
    }

    /// Says above the rest what it is about.
    pub fn about(mut self, what: &str) -> Self {
        self.error = self.error.context(what.to_owned());
        self
    }

    /// The innermost cause in one line, for a list.
    pub fn last_cause(&self) -> String {
        self.error.root_cause().to_string()
    }

    /// Prints it and gives the exit code.
    pub fn report(self) -> ExitCode {
        eprint!("{}", self.text());
        ExitCode::from(self.kind.code())
    }
}

/// Continues further lines under the first one.
fn indented(text: &str, by: usize) -> String {
    let margin = format!("\n{:by$}", "");
    text.trim_end().replace('\n', &margin)
}

fn is_disk_full(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
        // What comes from a child, comes as text.
        || error.to_string().contains("No space left on device")
}

/// A panic is a fault of hive, and says so without a backtrace.
pub fn report_panics_as_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let what = text
            .or(payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason given");
        let place = panic
            .location()
            .map(|l| format!(" ({}:{})", l.file(), l.line()))
            .unwrap_or_default();
        let error = CommandError::from(Bug(format!("{what}{place}")));
        eprint!("{}", error.text());
        std::process::exit(i32::from(Kind::Bug.code()));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn causes_and_hints_have_a_line_each() {
        let broken: anyhow::Result<()> =
            Err(io::Error::from(io::ErrorKind::StorageFull)).context("writing the image");
        let error = CommandError::from(broken.unwrap_err()).hint("or\nelse");
        assert_eq!(
            error.text(),
            "error: writing the image\n  cause: no storage space\n  hint: the disk is full: `df -h` shows which, `hive cache gc` clears what was not used for long\n  hint: or\n        else\n"
        );
        assert_eq!(error.kind.code(), 1);
    }

    #[test]
    fn wrong_usage_has_its_own_code() {
        assert_eq!(CommandError::from(Usage("no".into())).kind.code(), 2);
        let bug = CommandError::from(Bug("impossible".into()));
        assert_eq!(bug.kind.code(), 70);
        assert!(bug.text().contains("please report it"), "{}", bug.text());
    }
}
