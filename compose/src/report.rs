//! Collects what is found while reading, so that a person sees all of it at once.

use hive_site::{Diagnostic, Excerpt, Severity, SourceFile};

use crate::Problems;

/// A place in one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Index of the file.
    pub file: usize,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Length in characters.
    pub length: usize,
}

/// The findings so far.
pub(crate) struct Report<'s> {
    sources: &'s [SourceFile],
    errors: Vec<(Option<Place>, Diagnostic)>,
    warnings: Vec<(Option<Place>, Diagnostic)>,
}

impl<'s> Report<'s> {
    pub fn new(sources: &'s [SourceFile]) -> Self {
        Self {
            sources,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Notes an error at a place; `help` says what to do next.
    pub fn error(&mut self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.note(
            Severity::Error,
            Some(place),
            message.into(),
            Some(help.into()),
        );
    }

    /// Notes an error about the stack as a whole.
    pub fn error_anywhere(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.note(Severity::Error, None, message.into(), Some(help.into()));
    }

    /// Notes a warning at a place.
    pub fn warn(&mut self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        let help = Some(help.into()).filter(|help| !help.is_empty());
        self.note(Severity::Warning, Some(place), message.into(), help);
    }

    fn note(
        &mut self,
        severity: Severity,
        place: Option<Place>,
        message: String,
        help: Option<String>,
    ) {
        let diagnostic = Diagnostic {
            severity,
            message,
            excerpt: place.map(|place| self.excerpt(place)),
            notes: Vec::new(),
            help,
        };
        let list = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        // An anchor that several services use is read once for each of them.
        if !list.iter().any(|(_, known)| *known == diagnostic) {
            list.push((place, diagnostic));
        }
    }

    fn excerpt(&self, place: Place) -> Excerpt {
        let source = &self.sources[place.file];
        let text = source.text.lines().nth(place.line.saturating_sub(1));
        let text = text.unwrap_or_default().trim_start_matches('\u{feff}');
        let column = place.column.max(1);
        let rest = text.chars().count().saturating_sub(column - 1);
        Excerpt {
            path: source.path.clone(),
            line: place.line,
            column,
            length: place.length.min(rest).max(1),
            text: text.to_owned(),
        }
    }

    /// The warnings if there is no error, else the errors.
    pub fn finish(self) -> Result<Vec<Diagnostic>, Problems> {
        if self.errors.is_empty() {
            Ok(sorted(self.warnings))
        } else {
            Err(Problems(sorted(self.errors)))
        }
    }
}

/// By file and line; what has no place comes last.
fn sorted(mut list: Vec<(Option<Place>, Diagnostic)>) -> Vec<Diagnostic> {
    list.sort_by_key(|(place, _)| (place.is_none(), *place));
    list.into_iter().map(|(_, diagnostic)| diagnostic).collect()
}
