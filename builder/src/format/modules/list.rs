//! The recipe's list of kernel modules.

use super::ModuleError;

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the module, `-` and `_` being the same.
    pub name: String,
    /// It may be absent from the kernel and may fail to load.
    pub optional: bool,
    /// It is carried along, and loaded when hardware that it drives is found.
    pub coldplug: bool,
}

/// Reads a list: a name a line, `-` before what may be absent, `@` before what waits for its
/// hardware (both may stand there), `#` before remarks.
pub fn parse_list(text: &str) -> Result<Vec<Wanted>, ModuleError> {
    let mut wanted = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let name = content.trim_start_matches(['-', '@']);
        let marks = &content[..content.len() - name.len()];
        let known = matches!(marks, "" | "-" | "@" | "-@" | "@-");
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if !known || name.is_empty() || !name.bytes().all(plain) {
            return Err(ModuleError::Line {
                line: n + 1,
                text: line.to_owned(),
            });
        }
        wanted.push(Wanted {
            name: name.to_owned(),
            optional: marks.contains('-'),
            coldplug: marks.contains('@'),
        });
    }
    Ok(wanted)
}
