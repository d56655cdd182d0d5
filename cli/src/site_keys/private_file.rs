//! Files that nobody but their owner may read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;

/// What others may not have of a private file.
const OTHERS: u32 = 0o077;

/// Reads a file that holds a secret, and closes it to others should it be open to them; `None`:
/// there is no such file.
///
/// # Errors
/// It can't be read or closed.
pub fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("looking at {}", path.display()))?,
    };
    let mode = metadata.permissions().mode();
    if mode & OTHERS != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS & 0o777))
            .with_context(|| {
                format!(
                    "closing {} to others, for it holds a private key; do it as its owner: `chmod 600 {}`",
                    path.display(),
                    path.display()
                )
            })?;
    }
    fs::read(path)
        .map(Some)
        .with_context(|| format!("reading {}", path.display()))
}

/// The same as text.
///
/// # Errors
/// As [`read`], or it is not text.
pub fn read_text(path: &Path) -> anyhow::Result<Option<String>> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    String::from_utf8(bytes)
        .map(Some)
        .with_context(|| format!("reading {}", path.display()))
}
