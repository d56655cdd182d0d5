//! Large and small letters.

/// The first letter in upper case, the rest in lower case.
pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first
            .to_uppercase()
            .chain(chars.flat_map(char::to_lowercase))
            .collect(),
        None => String::new(),
    }
}

/// Each word with a large first letter and small ones otherwise; a word goes on after characters that are `inside`.
pub(crate) fn titled(text: &str, inside: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    let mut within = false;
    for c in text.chars() {
        match within {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
        within = inside(c);
    }
    out
}

/// Whether words begin with a large letter and have small ones otherwise.
pub(super) fn is_titled(text: &str) -> bool {
    let (mut inside, mut any) = (false, false);
    for c in text.chars() {
        let (large, small) = (c.is_uppercase(), c.is_lowercase());
        if (large && inside) || (small && !inside) {
            return false;
        }
        inside = large || small;
        any |= inside;
    }
    any
}
