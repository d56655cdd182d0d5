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

/// Each word with a large first letter and small ones otherwise.
pub(super) fn titled(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match inside {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
        inside = c.is_alphabetic();
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
