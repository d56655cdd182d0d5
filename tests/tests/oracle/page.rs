//! The guide's list of intended differences, made from `intended.yml`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::intended::Intended;

const START: &str = "<!-- from tests/oracle/intended.yml -->\n";
const END: &str = "<!-- end -->\n";

/// Fails when the page does not list what is intended; writes it with `UPDATE_DIFFERENCES`.
pub fn check(intended: &Intended) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/differences.md");
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(START).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let fresh = format!("{head}{START}{}{END}{tail}", list(intended));
    if std::env::var_os("UPDATE_DIFFERENCES").is_some() {
        fs::write(path, fresh).unwrap();
        return;
    }
    assert!(
        text == fresh,
        "docs/guide/differences.md is stale: run this test with UPDATE_DIFFERENCES=1"
    );
}

fn list(intended: &Intended) -> String {
    let mut text = String::new();
    for (title, gap) in [("On purpose", false), ("Not yet the same", true)] {
        let entries = intended.entries.iter().filter(|entry| entry.gap == gap);
        let lines: Vec<String> = entries
            .map(|entry| format!("- **{}.** {}\n", entry.title, entry.reason.trim()))
            .collect();
        if !lines.is_empty() {
            write!(text, "\n## {title}\n\n{}", lines.join("\n")).unwrap();
        }
    }
    text.push('\n');
    text
}
