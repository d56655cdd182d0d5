//! `to_json`, `to_nice_json`, `from_json`, `json_query`.

use super::Filter;
use crate::evaluation::arguments::Arguments;
use crate::python::{comparison, printing, undefined, value};
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("to_json", |_, a| Layout::of(a, false)?.written(a.input())),
    ("tojson", |_, a| {
        let mut layout = Layout::of(a, false)?;
        layout.sort = true;
        if let Some(indent) = a.integer(1, "indent")? {
            layout.indent(indent);
        }
        // Ansible turns the text of this one back into what it looks like.
        let text = layout.written(a.input())?;
        Ok(Value::from(text.as_str().unwrap_or_default()))
    }),
    ("to_nice_json", |_, a| {
        let mut layout = Layout::of(a, true)?;
        if let Some(indent) = a.integer(1, "indent")? {
            layout.indent(indent);
        }
        layout.written(a.input())
    }),
    ("from_json", |_, a| {
        let text = a.input_text()?;
        serde_json::from_str(&text)
            .map_err(|cause| Error::new(ErrorKind::Operation, format!("this is not JSON: {cause}")))
    }),
    ("json_query", |_, a| {
        let written = a.need_text(1, "expr")?;
        let failed = |cause: String| {
            Error::new(
                ErrorKind::Operation,
                format!("the query `{written}` fails: {cause}"),
            )
        };
        let query = jmespath::compile(&written).map_err(|cause| failed(cause.to_string()))?;
        let found = query
            .search(a.input())
            .map_err(|cause| failed(cause.to_string()))?;
        let json = serde_json::to_string(&found).map_err(|cause| failed(cause.to_string()))?;
        serde_json::from_str(&json).map_err(|cause| failed(cause.to_string()))
    }),
];

struct Layout {
    indent: Option<usize>,
    sort: bool,
    ascii: bool,
    item: String,
    key: String,
}

impl Layout {
    fn of(arguments: &Arguments, nice: bool) -> Result<Layout, Error> {
        let flag = |name: &str, default: bool| match arguments.named(name) {
            Some(flag) => flag.is_true(),
            None => default,
        };
        let mut layout = Layout {
            indent: None,
            sort: flag("sort_keys", nice),
            ascii: flag("ensure_ascii", true),
            item: ", ".into(),
            key: ": ".into(),
        };
        if nice {
            layout.indent(4);
        }
        if let Some(indent) = arguments.named("indent").filter(|indent| !indent.is_none()) {
            layout.indent(value::integer(indent).unwrap_or(4));
        }
        if let Some(separators) = arguments.named("separators") {
            let separators = value::items(separators)?;
            if let [item, key] = separators.as_slice() {
                layout.item = printing::text(item)?;
                layout.key = printing::text(key)?;
            }
        }
        Ok(layout)
    }

    fn indent(&mut self, indent: i128) {
        self.indent = usize::try_from(indent.clamp(0, 100)).ok();
        self.item = ",".into();
    }

    fn written(&self, value: &Value) -> Result<Value, Error> {
        let mut out = String::new();
        self.write(&mut out, value, 0)?;
        Ok(Value::from_safe_string(out))
    }

    fn line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent * depth));
        }
    }

    fn write(&self, out: &mut String, found: &Value, depth: usize) -> Result<(), Error> {
        undefined::refuse(found)?;
        if let Some(text) = found.as_str() {
            self.quote(out, text);
        } else if found.is_none() {
            out.push_str("null");
        } else if value::is_map(found) {
            let mut entries = value::entries(found)?;
            if self.sort {
                let pairs = entries
                    .into_iter()
                    .map(|(key, v)| value::list([key, v]))
                    .collect();
                let pairs = comparison::sort_by(pairs, false, |pair| {
                    Ok(value::items(pair)?.swap_remove(0))
                })?;
                entries = pairs
                    .iter()
                    .filter_map(|pair| {
                        let mut pair = value::items(pair).ok()?;
                        let entry = pair.pop()?;
                        Some((pair.pop()?, entry))
                    })
                    .collect();
            }
            out.push('{');
            for (index, (key, entry)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(&self.item);
                }
                self.line(out, depth + 1);
                let key = match value::type_name(key) {
                    "str" => key.as_str().unwrap_or_default().to_owned(),
                    "NoneType" => "null".into(),
                    _ => printing::text(key)?.to_lowercase(),
                };
                self.quote(out, &key);
                out.push_str(&self.key);
                self.write(out, entry, depth + 1)?;
            }
            if !entries.is_empty() {
                self.line(out, depth);
            }
            out.push('}');
        } else if value::is_list(found) {
            let items = value::items(found)?;
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(&self.item);
                }
                self.line(out, depth + 1);
                self.write(out, item, depth + 1)?;
            }
            if !items.is_empty() {
                self.line(out, depth);
            }
            out.push(']');
        } else if value::type_name(found) == "bool" {
            out.push_str(if found.is_true() { "true" } else { "false" });
        } else if value::float(found).is_some() {
            out.push_str(&printing::repr(found)?);
        } else {
            self.quote(out, &printing::text(found)?);
        }
        Ok(())
    }

    fn quote(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if (c as u32) < 0x20 || (self.ascii && !c.is_ascii()) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}
