//! The text of a file of persisted variables: variable → scope → value. A change touches the lines of
//! its own entry only, so that comments and entries of others stay as they are.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What such a file holds, unknown variables among it.
pub type Content = BTreeMap<String, Map<String, Value>>;

/// Reads the text.
///
/// # Errors
/// It is not YAML, or of another form; the error shows the place.
pub fn parse(text: &str) -> anyhow::Result<Content> {
    let found: Option<BTreeMap<String, Option<Map<String, Value>>>> = serde_saphyr::from_str(text)?;
    let entries = found.unwrap_or_default().into_iter();
    Ok(entries
        .map(|(name, scopes)| (name, scopes.unwrap_or_default()))
        .collect())
}

/// The text with one value put in, or taken out.
///
/// # Errors
/// The text can't be read as it is.
pub fn edited(
    text: &str,
    name: &str,
    scope: &str,
    value: Option<&Value>,
) -> anyhow::Result<String> {
    let mut wanted = parse(text)?;
    let scopes = wanted.entry(name.to_owned()).or_default();
    match value {
        Some(value) => drop(scopes.insert(scope.to_owned(), value.clone())),
        None => drop(scopes.remove(scope)),
    }
    if scopes.is_empty() {
        wanted.remove(name);
    }
    let patched = patched(text, name, scope, value, wanted.get(name));
    // Texts can be written in ways that lines do not show (one-line maps, say): then all is written anew.
    match parse(&patched) {
        Ok(content) if content == wanted => Ok(patched),
        _ => Ok(written(&wanted)),
    }
}

fn patched(
    text: &str,
    name: &str,
    scope: &str,
    value: Option<&Value>,
    entry: Option<&Map<String, Value>>,
) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let whole = entry
        .map(|scopes| entry_text(name, scopes))
        .unwrap_or_default();
    let Some(start) = lines
        .iter()
        .position(|line| key(line) == Some((0, name.to_owned())))
    else {
        let mut out = text.to_owned();
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        return out + &whole;
    };
    let end = block_end(&lines, start, 0);
    let inner = (start + 1..end).find_map(|i| Some(key(lines[i])?.0));
    let place = inner.and_then(|indent| {
        let at = (start + 1..end).find(|i| key(lines[*i]) == Some((indent, scope.to_owned())))?;
        Some((at, block_end(&lines, at, indent), indent))
    });
    let (from, to, new) = match (place, value, entry) {
        // The last value of the variable, or one written in a line with it.
        (_, _, None) => (start, end, String::new()),
        (Some((at, last, indent)), Some(value), _) => {
            (at, last, indented(&pair(scope, value), indent))
        }
        (Some((at, last, _)), None, _) => (at, last, String::new()),
        (None, Some(value), _) => match inner {
            Some(indent) => (end, end, indented(&pair(scope, value), indent)),
            None => (start, end, whole),
        },
        (None, None, _) => (start, end, whole),
    };
    let new: Vec<&str> = new.lines().collect();
    lines.splice(from..to, new);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The first line after the block that begins at `start`; what separates it from the next belongs to the next.
fn block_end(lines: &[&str], start: usize, indent: usize) -> usize {
    let mut end = start + 1;
    for (i, line) in lines.iter().enumerate().skip(start + 1) {
        let text = line.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if line.len() - text.len() <= indent {
            break;
        }
        end = i + 1;
    }
    end
}

/// Indentation and name of a line that begins an entry.
fn key(line: &str) -> Option<(usize, String)> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let quote = text.chars().next().filter(|c| ['"', '\''].contains(c));
    let (name, rest) = match quote {
        Some(quote) => text[1..].split_once(quote)?,
        None => {
            let at = text
                .find(':')
                .filter(|_| !text.starts_with(['#', '-', '{', '?']))?;
            text.split_at(at)
        }
    };
    rest.trim_start()
        .starts_with(':')
        .then(|| (indent, name.trim_end().to_owned()))
}

/// A whole file.
fn written(content: &Content) -> String {
    content
        .iter()
        .map(|(name, scopes)| entry_text(name, scopes))
        .collect()
}

fn entry_text(name: &str, scopes: &Map<String, Value>) -> String {
    let pairs: String = scopes
        .iter()
        .map(|(scope, value)| pair(scope, value))
        .collect();
    format!("{}:\n{}", scalar(name), indented(&pairs, 2))
}

/// `NAME: VALUE`, with the entries of a map on lines of their own.
fn pair(name: &str, value: &Value) -> String {
    let name = scalar(name);
    match value {
        Value::Object(map) if !map.is_empty() => {
            let inner: String = map.iter().map(|(name, value)| pair(name, value)).collect();
            format!("{name}:\n{}", indented(&inner, 2))
        }
        Value::String(text) => format!("{name}: {}\n", scalar(text)),
        // JSON is YAML, too.
        other => format!("{name}: {}\n", escaped(&other.to_string())),
    }
}

/// A text that no reader of YAML takes for something else.
fn scalar(text: &str) -> String {
    const WORDS: &[&str] = &[
        "true", "false", "yes", "no", "on", "off", "null", "y", "n", "none",
    ];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !WORDS.contains(&text.to_lowercase().as_str());
    match plain {
        true => text.to_owned(),
        false => escaped(&Value::from(text).to_string()),
    }
}

/// JSON leaves characters as they are that YAML wants escaped.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out
}

fn indented(text: &str, by: usize) -> String {
    text.lines()
        .map(|line| format!("{:by$}{line}\n", ""))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "\
# ours
drbd_device_map:
  private:
    db: 1
    web_data: 2
  staging: {}
# what the intern added
colour: # nobody knows
  global: green
stage:
  global: staging # until Monday
";

    #[test]
    fn what_the_predecessor_wrote_is_read() {
        let content = parse(TEXT).unwrap();
        assert_eq!(
            content["drbd_device_map"]["private"],
            json!({"db": 1, "web_data": 2})
        );
        assert_eq!(content["stage"]["global"], json!("staging"));
        assert_eq!(parse("").unwrap(), Content::new());
        assert_eq!(parse("{}\n").unwrap(), Content::new());
        assert_eq!(parse("stage:\n").unwrap()["stage"], Map::new());
        assert!(parse("- a\n").is_err() && parse("stage: private\n").is_err());
    }

    #[test]
    fn a_change_leaves_the_lines_of_others_alone() {
        let text = edited(TEXT, "stage", "global", Some(&json!("private"))).unwrap();
        assert_eq!(text, TEXT.replace("staging # until Monday", "private"));
        let text = edited(
            TEXT,
            "drbd_device_map",
            "private",
            Some(&json!({"db": 1, "new": 3})),
        )
        .unwrap();
        assert_eq!(text, TEXT.replace("    web_data: 2\n", "    new: 3\n"));
        let text = edited(
            TEXT,
            "drbd_device_map",
            "production",
            Some(&json!({"db": 9})),
        )
        .unwrap();
        assert_eq!(
            text,
            TEXT.replace(
                "  staging: {}\n",
                "  staging: {}\n  production:\n    db: 9\n"
            )
        );
        let text = edited(TEXT, "tls_logging", "private", Some(&json!(true))).unwrap();
        assert_eq!(text, format!("{TEXT}tls_logging:\n  private: true\n"));
    }

    #[test]
    fn a_value_taken_out_takes_its_empty_entry_along() {
        let text = edited(TEXT, "stage", "global", None).unwrap();
        assert_eq!(
            text,
            TEXT.replace("stage:\n  global: staging # until Monday\n", "")
        );
        let text = edited(TEXT, "drbd_device_map", "staging", None).unwrap();
        assert_eq!(text, TEXT.replace("  staging: {}\n", ""));
        assert_eq!(edited(TEXT, "absent", "global", None).unwrap(), TEXT);
    }

    #[test]
    fn a_text_that_lines_do_not_show_is_written_anew() {
        let text = edited(
            "{stage: {global: private}, x: {global: 1}}\n",
            "stage",
            "global",
            Some(&json!("staging")),
        );
        assert_eq!(
            text.unwrap(),
            "stage:\n  global: staging\nx:\n  global: 1\n"
        );
        let text = edited(
            "stage: {global: private}\n",
            "stage",
            "private",
            Some(&json!("b")),
        )
        .unwrap();
        assert_eq!(text, "stage:\n  global: private\n  private: b\n");
    }

    #[test]
    fn every_text_comes_back_as_it_went_in() {
        let texts = [
            "",
            "yes",
            "12",
            "1e3",
            "a: b",
            "# x",
            "- x",
            "é\u{7f}\u{85}\u{2028}",
            "a\nb\t\"'\\",
            " x ",
            "~",
            "0x1f",
            "1:30",
            "{",
            "None",
            "=",
            "<<",
            "2001-01-01",
        ];
        for odd in texts {
            let text = edited(TEXT, "port_forwarding", "private", Some(&json!(odd))).unwrap();
            assert_eq!(
                parse(&text).unwrap()["port_forwarding"]["private"],
                json!(odd),
                "{text}"
            );
            assert!(text.starts_with(TEXT), "{text}");
            let map = json!({odd: {odd: [odd, 1.5, null]}});
            let text = edited("", "drbd_device_map", "private", Some(&map)).unwrap();
            assert_eq!(
                parse(&text).unwrap()["drbd_device_map"]["private"],
                map,
                "{text}"
            );
        }
    }
}
