//! The one printer: data goes to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::error::Result;

/// The version of everything that `--json` prints.
const JSON_VERSION: u32 = 1;

/// Prints data for people.
///
/// # Errors
/// Standard output can't be written to. A reader that has gone (`| head`) ends the program quietly.
pub fn data(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Prints data for programs: `{"version": 1, NAME: VALUE}`.
///
/// # Errors
/// As [`data`].
pub fn json(name: &str, value: &impl Serialize) -> Result<()> {
    data(&json_text(name, value)?)
}

/// What [`json`] prints.
///
/// # Errors
/// The value has a form that JSON has not.
pub fn json_text(name: &str, value: &impl Serialize) -> Result<String> {
    let mut document = serde_json::Map::new();
    document.insert("version".into(), JSON_VERSION.into());
    document.insert(name.into(), serde_json::to_value(value)?);
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

/// Tells a person something that is not data.
pub fn say(text: &str) {
    eprintln!("{text}");
}

/// Warns of something that stops nothing.
pub fn warn(text: &str) {
    eprintln!("warning: {text}");
}

/// Whether a person looks at what goes to standard error.
pub fn is_watched() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Whether a person looks at the data.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// A size as people read it: `17.5 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// Lines up cells in columns; the last column runs free.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|l| l.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_digit_after_the_point() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 40), "5.0 TiB");
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".into(), "1".into()],
            vec!["long name".into(), "2".into()],
        ];
        assert_eq!(
            table(&["NAME", "N"], &rows),
            "NAME       N\na          1\nlong name  2\n"
        );
    }
}
