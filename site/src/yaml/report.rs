//! Collects what is found while reading, so that a person sees all of it at once.

use super::diagnostic::{Diagnostic, Diagnostics, Excerpt, Severity};
use crate::{SourceFile, Warning};

/// A place in one of the source files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index of the file.
    pub file: usize,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Length in characters; it ends with the line at the latest.
    pub length: usize,
}

/// The findings so far.
pub struct Report<'s> {
    sources: &'s [SourceFile],
    errors: Vec<(Option<Place>, Diagnostic)>,
    warnings: Vec<(Option<Place>, Diagnostic)>,
}

impl<'s> Report<'s> {
    /// An empty report about these files.
    pub fn new(sources: &'s [SourceFile]) -> Self {
        Self {
            sources,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Notes an error at a place; `help` says what to do next.
    pub fn error(&mut self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.error_with_notes(place, message, Vec::new(), help);
    }

    /// Notes an error at a place, and what led there.
    pub fn error_with_notes(
        &mut self,
        place: Place,
        message: impl Into<String>,
        notes: Vec<String>,
        help: impl Into<String>,
    ) {
        self.note(
            Severity::Error,
            Some(place),
            message.into(),
            notes,
            Some(help.into()),
        );
    }

    /// The file and line of a place, as `inventory/hive.yml:12`.
    pub fn shown(&self, place: Place) -> String {
        format!("{}:{}", self.sources[place.file].path, place.line)
    }

    /// Notes an error about all files together.
    pub fn error_anywhere(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.note(
            Severity::Error,
            None,
            message.into(),
            Vec::new(),
            Some(help.into()),
        );
    }

    /// Notes a warning at a place; an empty `help` is left out.
    pub fn warn(&mut self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.note(
            Severity::Warning,
            Some(place),
            message.into(),
            Vec::new(),
            Some(help.into()).filter(|help| !help.is_empty()),
        );
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.errors.len()
    }

    fn note(
        &mut self,
        severity: Severity,
        place: Option<Place>,
        message: String,
        notes: Vec<String>,
        help: Option<String>,
    ) {
        let diagnostic = Diagnostic {
            severity,
            message,
            excerpt: place.map(|place| self.excerpt(place)),
            notes,
            help,
        };
        let list = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        // What all stages share (group_vars/all, a merged mapping) is read once for each of them.
        if !list.iter().any(|(_, known)| *known == diagnostic) {
            list.push((place, diagnostic));
        }
    }

    fn excerpt(&self, place: Place) -> Excerpt {
        let source = &self.sources[place.file];
        let text = source
            .text
            .lines()
            .nth(place.line.saturating_sub(1))
            .unwrap_or_default()
            .trim_start_matches('\u{feff}');
        let rest = text.chars().count().saturating_sub(place.column - 1);
        Excerpt {
            path: source.path.clone(),
            line: place.line,
            column: place.column,
            length: place.length.min(rest).max(1),
            text: text.to_owned(),
        }
    }

    /// The verdict: the warnings if there is no error, else the errors.
    pub fn finish(self) -> Result<Vec<Warning>, Diagnostics> {
        if self.errors.is_empty() {
            Ok(sorted(self.warnings))
        } else {
            Err(Diagnostics(sorted(self.errors)))
        }
    }
}

/// By file and line; what has no place comes last.
fn sorted(mut list: Vec<(Option<Place>, Diagnostic)>) -> Vec<Diagnostic> {
    list.sort_by_key(|(place, _)| (place.is_none(), *place));
    list.into_iter().map(|(_, diagnostic)| diagnostic).collect()
}
