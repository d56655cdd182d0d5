//! The text as the parser gets it.
//!
//! In values of an inventory, a backslash inside of a quoted text in `{{ … }}` means itself, so that
//! `regex_replace('(a)\.b', '\1')` needs no doubling. Jinja would take it for an escape; so it is
//! doubled here, as Ansible does it, and places are mapped back afterwards.

/// A text and where bytes were added to it.
pub(super) struct Prepared {
    pub text: String,
    /// Offsets in `text` of added bytes.
    added: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Text,
    Expression,
    Block,
}

impl Prepared {
    /// A value of an inventory.
    pub fn value(text: &str) -> Prepared {
        Prepared::doubling(text, true)
    }

    /// A template file.
    pub fn file(text: &str) -> Prepared {
        Prepared::doubling(text, false)
    }

    fn doubling(text: &str, in_expressions: bool) -> Prepared {
        let mut out = String::with_capacity(text.len());
        let mut added = Vec::new();
        if !text.contains('\\') {
            out.push_str(text);
            return Prepared { text: out, added };
        }
        let mut part = Part::Text;
        let mut quote = None;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let rest = &text[at..];
            out.push(c);
            match (part, quote) {
                (Part::Text, _) if rest.starts_with("{#") => {
                    let end = rest.find("#}").map_or(rest.len(), |end| end + 2);
                    while chars
                        .next_if(|(next, _)| *next < at + end)
                        .is_some_and(|(_, c)| {
                            out.push(c);
                            true
                        })
                    {}
                }
                (Part::Text, _) if rest.starts_with("{{") => part = Part::Expression,
                (Part::Text, _) if rest.starts_with("{%") => part = Part::Block,
                (Part::Text, _) => {}
                (_, Some(_)) if c == '\\' => {
                    let next = chars.peek().map(|(_, next)| *next);
                    let double = if part == Part::Expression && in_expressions {
                        true
                    } else {
                        // Python keeps the backslash of an escape that it does not know.
                        !next.is_some_and(|next| "\\'\"abfnrtvxuU01234567\n".contains(next))
                    };
                    if double {
                        added.push(out.len());
                        out.push('\\');
                    } else if let Some((_, next)) = chars.next() {
                        out.push(next);
                    }
                }
                (_, Some(end)) if c == end => quote = None,
                (_, Some(_)) => {}
                (_, None) if c == '\'' || c == '"' => quote = Some(c),
                (Part::Expression, None) if rest.starts_with("}}") => part = Part::Text,
                (Part::Block, None) if rest.starts_with("%}") => part = Part::Text,
                (_, None) => {}
            }
        }
        Prepared { text: out, added }
    }

    /// The offset in the original text.
    pub fn original(&self, offset: usize) -> usize {
        offset - self.added.partition_point(|added| *added < offset)
    }
}
