//! Values of labels that are no texts, as JSON with the spacing the predecessor gave them: a label
//! that differs in a blank would look changed.

use std::fmt::Write as _;

use crate::yaml::tree::{Node, Value};

/// A text as it is, anything else as JSON.
pub(crate) fn label(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        _ => {
            let mut out = String::new();
            write(node, &mut out);
            out
        }
    }
}

fn write(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool { value, .. } => out.push_str(if *value { "true" } else { "false" }),
        Value::Number { written } => match written.parse::<f64>() {
            Ok(_) => out.push_str(written.trim_start_matches('+')),
            Err(_) => quoted(written, out),
        },
        Value::Text(text) => quoted(text, out),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, entry) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                quoted(&entry.key, out);
                out.push_str(": ");
                write(&entry.node, out);
            }
            out.push('}');
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut units = [0; 2];
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut units) {
                    // Writing to a String can't fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceFile;
    use crate::yaml::report::Report;
    use crate::yaml::tree;

    fn of(text: &str) -> String {
        let sources = [SourceFile {
            path: "a.yml".into(),
            text: format!("x: {text}\n"),
        }];
        let mut report = Report::new(&sources);
        let node = tree::read(&sources, 0, false, &mut report).unwrap();
        label(&node.get("x").unwrap().node)
    }

    #[test]
    fn labels_that_are_no_texts_are_json() {
        assert_eq!(of("plain"), "plain");
        assert_eq!(of("\"12\""), "12");
        assert_eq!(of("12"), "12");
        assert_eq!(of("True"), "true");
        assert_eq!(of("~"), "null");
        assert_eq!(
            of("{a: [1, 2.5], b: \"名\\n\"}"),
            r#"{"a": [1, 2.5], "b": "\u540d\n"}"#
        );
    }
}
