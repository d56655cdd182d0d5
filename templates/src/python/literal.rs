//! Texts that look like a Python literal: Ansible turns those that start with `[` or `{` into the
//! list or mapping that they show.

use super::{number, value};
use crate::Value;

/// The value that a text is the literal of.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader {
        rest: text,
        depth: 0,
    };
    let value = reader.value()?;
    reader.space();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(&mut self, token: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Value> {
        // Deeper than any inventory, shallower than the stack.
        if self.depth > 150 {
            return None;
        }
        self.depth += 1;
        let value = self.inner();
        self.depth -= 1;
        value
    }

    fn inner(&mut self) -> Option<Value> {
        self.space();
        match self.rest.chars().next()? {
            '[' => {
                self.eat("[");
                Some(value::list(self.items("]")?.0))
            }
            '(' => {
                self.eat("(");
                let (mut items, comma) = self.items(")")?;
                if items.len() == 1 && !comma {
                    return items.pop();
                }
                Some(value::tuple(items))
            }
            '{' => {
                self.eat("{");
                self.map_or_set()
            }
            '\'' | '"' => self.text(),
            '-' => {
                self.eat("-");
                self.space();
                let operand = self.number()?;
                match value::integer(&operand) {
                    Some(whole) => Some(value::from_integer(-whole)),
                    None => value::float(&operand).map(|number| Value::from(-number)),
                }
            }
            '0'..='9' | '.' => self.number(),
            _ => {
                let end = self
                    .rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                let value = match word {
                    // JSON's words are known as well: lookups read such files.
                    "True" | "true" => Value::from(true),
                    "False" | "false" => Value::from(false),
                    "None" | "null" => Value::from(()),
                    _ => return None,
                };
                self.rest = rest;
                Some(value)
            }
        }
    }

    /// Items up to the end, and whether a comma ended them.
    fn items(&mut self, end: &str) -> Option<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut comma = false;
        loop {
            if self.eat(end) {
                return Some((items, comma));
            }
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.eat(",");
        }
    }

    fn map_or_set(&mut self) -> Option<Value> {
        let mut entries = Vec::new();
        let mut members = Vec::new();
        let mut comma = true;
        loop {
            if self.eat("}") {
                break;
            }
            if !comma {
                return None;
            }
            let first = self.value()?;
            if self.eat(":") {
                if value::is_map(&first) || (value::is_list(&first) && !first.is_tuple()) {
                    return None;
                }
                entries.push((first, self.value()?));
            } else if !members.contains(&first) {
                members.push(first);
            }
            comma = self.eat(",");
        }
        match (entries.is_empty(), members.is_empty()) {
            (_, true) => Some(value::map(entries)),
            (true, false) => Some(value::list(members)),
            (false, false) => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        let mut end = 0;
        let bytes = self.rest.as_bytes();
        while end < bytes.len() {
            let exponent_sign = matches!(bytes[end], b'+' | b'-')
                && end > 0
                && matches!(bytes[end - 1], b'e' | b'E')
                && !self.rest.starts_with("0x");
            if !(bytes[end].is_ascii_alphanumeric()
                || matches!(bytes[end], b'.' | b'_')
                || exponent_sign)
            {
                break;
            }
            end += 1;
        }
        let (written, rest) = self.rest.split_at(end);
        self.rest = rest;
        if written.len() > 1
            && written.starts_with('0')
            && written.bytes().all(|b| b.is_ascii_digit())
        {
            // Python refuses `012`.
            return written.bytes().all(|b| b == b'0').then(|| Value::from(0));
        }
        number::parse_literal(written)
    }

    /// One text or several in a row, which are one.
    fn text(&mut self) -> Option<Value> {
        let mut out = String::new();
        while let Some(quote @ ('\'' | '"')) = self.rest.chars().next() {
            self.rest = &self.rest[1..];
            self.quoted(quote, &mut out)?;
            self.space();
        }
        Some(Value::from(out))
    }

    fn quoted(&mut self, quote: char, out: &mut String) -> Option<()> {
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[at + c.len_utf8()..];
                    return Some(());
                }
                '\n' => return None,
                '\\' => {
                    let (_, escaped) = chars.next()?;
                    let mut code = |digits: usize| {
                        let mut code = 0;
                        for _ in 0..digits {
                            code = code * 16 + chars.next()?.1.to_digit(16)?;
                        }
                        char::from_u32(code)
                    };
                    match escaped {
                        '\n' => {}
                        'n' => out.push('\n'),
                        't' => out.push('\t'),
                        'r' => out.push('\r'),
                        'a' => out.push('\u{7}'),
                        'b' => out.push('\u{8}'),
                        'f' => out.push('\u{c}'),
                        'v' => out.push('\u{b}'),
                        '0' => out.push('\0'),
                        '\\' | '\'' | '"' => out.push(escaped),
                        'x' => out.push(code(2)?),
                        'u' => out.push(code(4)?),
                        'U' => out.push(code(8)?),
                        other => {
                            out.push('\\');
                            out.push(other);
                        }
                    }
                }
                c => out.push(c),
            }
        }
        None
    }
}
