//! Writing YAML, byte for byte as Ansible's filters do: files made from it must not change.

use super::scalars;
use crate::evaluation::arguments::Arguments;
use crate::python::{comparison, printing, undefined, value};
use crate::{Error, Value};

/// How it is to look.
pub(super) struct Layout {
    indent: usize,
    width: usize,
    sort: bool,
    /// Lists and mappings of scalars only stand in one line.
    flow_leaves: bool,
    explicit_start: bool,
}

impl Layout {
    pub fn of(arguments: &Arguments, nice: bool) -> Result<Layout, Error> {
        let number = |name: &str, default: usize| match arguments.named(name) {
            Some(number) => value::integer(number)
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(default),
            None => default,
        };
        let mut indent = number("indent", if nice { 4 } else { 2 });
        if nice && let Some(given) = arguments.integer(1, "indent")? {
            indent = usize::try_from(given).unwrap_or(4);
        }
        let flow_leaves = match arguments.named("default_flow_style") {
            Some(style) => style.is_none(),
            None => !nice,
        };
        Ok(Layout {
            // PyYAML ignores what it can't draw.
            indent: if (2..10).contains(&indent) { indent } else { 2 },
            width: number("width", 80),
            sort: arguments.flag(usize::MAX, "sort_keys", true)?,
            flow_leaves,
            explicit_start: arguments.flag(usize::MAX, "explicit_start", false)?,
        })
    }

    pub fn written(&self, found: &Value) -> Result<Value, Error> {
        let mut writer = Writer {
            layout: self,
            out: String::new(),
            column: 0,
        };
        if self.explicit_start {
            let compound = value::is_map(found) || value::is_list(found);
            writer.put(if compound { "---\n" } else { "--- " });
        }
        writer.node(found, 0, false)?;
        if !writer.out.ends_with('\n') {
            writer.put("\n");
        }
        Ok(Value::from_safe_string(writer.out))
    }
}

struct Writer<'a> {
    layout: &'a Layout,
    out: String,
    column: usize,
}

impl Writer<'_> {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        match text.rfind('\n') {
            Some(at) => self.column = text[at + 1..].chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    fn line(&mut self, indent: usize) {
        self.put("\n");
        self.put(&" ".repeat(indent));
    }

    fn entries(&self, map: &Value) -> Result<Vec<(Value, Value)>, Error> {
        let entries = value::entries(map)?;
        if !self.layout.sort {
            return Ok(entries);
        }
        let keys = entries.iter().map(|(key, _)| key.clone()).collect();
        match comparison::sort_by(keys, false, |key| Ok(key.clone())) {
            Ok(keys) => Ok(keys
                .into_iter()
                .filter_map(|key| entries.iter().find(|(known, _)| *known == key).cloned())
                .collect()),
            // PyYAML leaves keys that can't be compared where they are.
            Err(_) => Ok(entries),
        }
    }

    fn is_flow(&self, found: &Value) -> Result<bool, Error> {
        let compound = |found: &Value| value::is_map(found) || value::is_list(found);
        let children = match value::is_map(found) {
            true => value::entries(found)?
                .into_iter()
                .map(|(_, entry)| entry)
                .collect(),
            false => value::items(found)?,
        };
        Ok(children.is_empty() || (self.layout.flow_leaves && !children.iter().any(compound)))
    }

    /// A node; `indent` is where its lines begin.
    fn node(&mut self, found: &Value, indent: usize, in_flow: bool) -> Result<(), Error> {
        undefined::refuse(found)?;
        if value::is_map(found) {
            if in_flow || self.is_flow(found)? {
                return self.flow_map(found, indent);
            }
            for (index, (key, entry)) in self.entries(found)?.iter().enumerate() {
                if index > 0 {
                    self.line(indent);
                }
                self.key(key)?;
                self.put(":");
                let block =
                    (value::is_map(entry) || value::is_list(entry)) && !self.is_flow(entry)?;
                if !block {
                    self.put(" ");
                    self.node(entry, indent + self.layout.indent, false)?;
                } else {
                    // Lists stand right below their key.
                    let deeper = match value::is_map(entry) {
                        true => indent + self.layout.indent,
                        false => indent,
                    };
                    self.line(deeper);
                    self.node(entry, deeper, false)?;
                }
            }
            return Ok(());
        }
        if value::is_list(found) {
            if in_flow || self.is_flow(found)? {
                return self.flow_list(found, indent);
            }
            for (index, item) in value::items(found)?.iter().enumerate() {
                if index > 0 {
                    self.line(indent);
                }
                self.put("-");
                let deeper = indent + self.layout.indent;
                let block = (value::is_map(item) || value::is_list(item)) && !self.is_flow(item)?;
                self.put(&" ".repeat(if block { self.layout.indent - 1 } else { 1 }));
                self.node(item, deeper, false)?;
            }
            return Ok(());
        }
        let text = printing::text(found)?;
        self.scalar(found, &text, indent, in_flow, true)
    }

    fn key(&mut self, key: &Value) -> Result<(), Error> {
        let text = printing::text(key)?;
        self.scalar(key, &text, 0, false, false)
    }

    fn flow_list(&mut self, found: &Value, indent: usize) -> Result<(), Error> {
        self.put("[");
        for (index, item) in value::items(found)?.iter().enumerate() {
            self.flow_separator(index, indent);
            self.node(item, indent + self.layout.indent, true)?;
        }
        self.put("]");
        Ok(())
    }

    fn flow_map(&mut self, found: &Value, indent: usize) -> Result<(), Error> {
        self.put("{");
        for (index, (key, entry)) in self.entries(found)?.iter().enumerate() {
            self.flow_separator(index, indent);
            let text = printing::text(key)?;
            self.scalar(key, &text, 0, true, false)?;
            self.put(": ");
            self.node(entry, indent + self.layout.indent, true)?;
        }
        self.put("}");
        Ok(())
    }

    fn flow_separator(&mut self, index: usize, indent: usize) {
        if index > 0 {
            self.put(",");
        }
        if self.column > self.layout.width {
            self.line(indent.max(self.layout.indent));
        } else if index > 0 {
            self.put(" ");
        }
    }

    fn scalar(
        &mut self,
        found: &Value,
        text: &str,
        indent: usize,
        in_flow: bool,
        may_fold: bool,
    ) -> Result<(), Error> {
        match value::type_name(found) {
            "NoneType" => self.put("null"),
            "bool" => self.put(if found.is_true() { "true" } else { "false" }),
            "int" => self.put(text),
            "float" => {
                // YAML 1.1 wants a point before the exponent.
                let text = match text {
                    "inf" => ".inf".to_owned(),
                    "-inf" => "-.inf".to_owned(),
                    "nan" => ".nan".to_owned(),
                    text if !text.contains('.') => text.replacen('e', ".0e", 1),
                    text => text.to_owned(),
                };
                self.put(&text);
            }
            _ => self.text(text, indent, in_flow, may_fold),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, indent: usize, in_flow: bool, may_fold: bool) {
        let indent = indent.max(self.layout.indent);
        let special = |c: char| {
            c != '\n' && (c.is_control() || c == '\u{feff}' || c == '\u{2028}' || c == '\u{2029}')
        };
        let space_before_break = text.contains(" \n");
        if text.chars().any(special) || space_before_break || (text.contains('\n') && !may_fold) {
            self.double_quoted(text, indent, may_fold);
        } else if is_plain(text, in_flow) {
            self.plain(text, indent, may_fold);
        } else {
            self.single_quoted(text, indent, may_fold);
        }
    }

    /// Breaks a line at a space that has something on both sides, where the line is full.
    fn plain(&mut self, text: &str, indent: usize, may_fold: bool) {
        let mut rest = text;
        while let Some(at) = rest.find(' ') {
            let (word, after) = rest.split_at(at);
            self.put(word);
            let spaces = after.len() - after.trim_start_matches(' ').len();
            if spaces == 1 && may_fold && self.column > self.layout.width {
                self.line(indent);
            } else {
                self.put(&" ".repeat(spaces));
            }
            rest = &after[spaces..];
        }
        self.put(rest);
    }

    fn single_quoted(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.put("'");
        let mut rest = text;
        while let Some(at) = rest.find([' ', '\n', '\'']) {
            let (word, after) = rest.split_at(at);
            self.put(word);
            let kind = after.chars().next().unwrap_or(' ');
            let length = after.len() - after.trim_start_matches(kind).len();
            let remaining = &after[length..];
            match kind {
                '\'' => self.put(&"''".repeat(length)),
                '\n' => {
                    self.put(&"\n".repeat(length + 1));
                    self.put(&" ".repeat(indent));
                }
                _ => {
                    let first = rest.len() == text.len() && at == 0;
                    if length == 1
                        && may_fold
                        && !first
                        && !remaining.is_empty()
                        && self.column > self.layout.width
                    {
                        self.line(indent);
                    } else {
                        self.put(&" ".repeat(length));
                    }
                }
            }
            rest = remaining;
        }
        self.put(rest);
        self.put("'");
    }

    fn double_quoted(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.put("\"");
        let chars: Vec<char> = text.chars().collect();
        for (at, c) in chars.iter().enumerate() {
            match c {
                '"' => self.put("\\\""),
                '\\' => self.put("\\\\"),
                '\n' => self.put("\\n"),
                '\t' => self.put("\\t"),
                '\r' => self.put("\\r"),
                '\0' => self.put("\\0"),
                '\u{7}' => self.put("\\a"),
                '\u{8}' => self.put("\\b"),
                '\u{b}' => self.put("\\v"),
                '\u{c}' => self.put("\\f"),
                '\u{1b}' => self.put("\\e"),
                c if c.is_control() => self.put(&format!("\\x{:02X}", u32::from(*c))),
                ' ' if may_fold
                    && at > 0
                    && at + 1 < chars.len()
                    && self.column > self.layout.width =>
                {
                    self.put("\\");
                    self.line(indent);
                    self.put("\\ ");
                }
                c => self.put(c.encode_utf8(&mut [0; 4])),
            }
        }
        self.put("\"");
    }
}

/// Whether a text means itself without quotes.
fn is_plain(text: &str, in_flow: bool) -> bool {
    if text.is_empty()
        || scalars::is_special(text)
        || text.contains('\n')
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.starts_with("---")
        || text.starts_with("...")
    {
        return false;
    }
    let chars: Vec<char> = text.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let next_is_space = chars.get(at + 1).is_none_or(|next| next.is_whitespace());
        let bad = match c {
            '#' => at == 0 || chars[at - 1].is_whitespace(),
            ':' => next_is_space || in_flow,
            '-' if at == 0 => next_is_space,
            '?' if at == 0 => next_is_space || in_flow,
            '?' => in_flow,
            ',' => at == 0 || in_flow,
            '[' | ']' | '{' | '}' => at == 0 || in_flow,
            '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => at == 0,
            _ => false,
        };
        if bad {
            return false;
        }
    }
    true
}
