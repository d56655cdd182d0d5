//! `cargo xtask docs`: the reference in docs/reference, generated from the command's own definitions.

use std::fs;

use crate::step::{Result, cargo, read, root};

/// Writes the reference; with `check` only compares.
pub fn run(check: bool) -> Result {
    let text = read(&mut cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "hive",
        "--",
        "reference",
    ]))?;
    let path = root().join("docs/reference/hive.md");
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        println!("docs/reference/hive.md is fresh");
        return Ok(());
    }
    if check {
        return Err(
            "docs/reference/hive.md is stale; run `cargo xtask docs` and commit it".to_owned(),
        );
    }
    let doing = |e: std::io::Error| format!("writing {}: {e}", path.display());
    fs::create_dir_all(root().join("docs/reference")).map_err(doing)?;
    fs::write(&path, text).map_err(doing)?;
    println!("wrote docs/reference/hive.md");
    Ok(())
}
