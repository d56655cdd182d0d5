//! What is wrong with a site's text, and the one place that renders it.
//!
//! Plain text without colours, so that it reads the same on a terminal, in a journal and in a test:
//!
//! ```text
//! error: unknown key `subnetz` in stage `private`
//!   --> inventory/hive.yml:9:5
//!    |
//!  9 |     subnetz:
//!    |     ^^^^^^^
//!    = help: did you mean `subnets`?
//! ```

use std::fmt;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a site can be used in spite of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The site can't be used.
    Error,
    /// The site can be used; something in it has no effect or will surprise.
    Warning,
}

/// One thing found in a site's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, naming the thing.
    pub message: String,
    /// Where it stands; `None` when it is about the site as a whole.
    pub excerpt: Option<Excerpt>,
    /// How it came to that: what needed the thing, from near to far.
    pub notes: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
}

/// A place in a file, with the line it points into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The path, as the caller gave it.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// How many characters are meant, at least 1.
    pub length: usize,
    /// The text of the line.
    pub text: String,
}

/// Everything that keeps files from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// The single findings: by file in the order given, by line within a file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        if self.0.len() > 1 {
            write!(f, "\n{} errors\n", self.0.len())?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}", printable(&self.message))?;
        let mut margin = 2;
        if let Some(excerpt) = &self.excerpt {
            let Excerpt {
                path, line, column, ..
            } = excerpt;
            let number = line.to_string();
            margin = number.len() + 1;
            writeln!(f, "{:margin$}--> {path}:{line}:{column}", "")?;
            writeln!(f, "{:margin$} |", "")?;
            writeln!(f, " {number} | {}", printable(&excerpt.text))?;
            writeln!(f, "{:margin$} | {}", "", underline(excerpt))?;
        }
        for note in &self.notes {
            writeln!(f, "{:margin$} = {}", "", printable(note))?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "{:margin$} = help: {}", "", printable(help))?;
        }
        Ok(())
    }
}

/// The carets under the meant text: tabs stay tabs and wide characters take two columns, so that
/// the carets stand where the eye looks for them.
fn underline(excerpt: &Excerpt) -> String {
    let mut line = String::new();
    let mut characters = excerpt.text.chars();
    for character in characters.by_ref().take(excerpt.column - 1) {
        if character == '\t' {
            line.push('\t');
        } else {
            line.push_str(&" ".repeat(character.width().unwrap_or(1)));
        }
    }
    let meant: String = characters.take(excerpt.length).collect();
    line.push_str(&"^".repeat(printable(&meant).width().max(1)));
    line
}

/// The text without control characters, which could move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(column: usize, length: usize, text: &str) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: "no".into(),
            excerpt: Some(Excerpt {
                path: "a.yml".into(),
                line: 12,
                column,
                length,
                text: text.into(),
            }),
            notes: Vec::new(),
            help: Some("say yes".into()),
        }
    }

    #[test]
    fn the_caret_stands_under_the_text() {
        assert_eq!(
            at(4, 2, "a: no").to_string(),
            "error: no\n   --> a.yml:12:4\n    |\n 12 | a: no\n    |    ^^\n    = help: say yes\n"
        );
    }

    #[test]
    fn wide_characters_and_tabs_keep_the_caret_in_place() {
        assert!(
            at(5, 1, "名前: x")
                .to_string()
                .contains("    | 名前: x\n".trim_start())
        );
        assert!(
            at(5, 1, "名前: x")
                .to_string()
                .contains("\n    |       ^\n")
        );
        assert!(at(2, 1, "\tx").to_string().contains("\n    | \t^\n"));
    }

    #[test]
    fn no_escape_reaches_the_terminal() {
        assert!(!at(1, 1, "\u{1b}[2Jx").to_string().contains('\u{1b}'));
    }
}
