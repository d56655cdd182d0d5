//! Deleting from the tree what the recipe's scrub list names.
//!
//! A line is a path below the root; `*` stands for anything within a name, `**` for any number of
//! names. A folder goes with all below it; `folder/**` takes files and leaves folders. `!` keeps a
//! file that an earlier line deletes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

#[derive(Debug)]
struct Pattern {
    keep: bool,
    files_only: bool,
    parts: Vec<String>,
}

/// Deletes what the list names.
///
/// # Errors
/// Something can't be deleted.
pub fn scrub(root: &Path, list: &str) -> Result<()> {
    let patterns = parse(list);
    walk(root, &mut Vec::new(), &patterns)
}

fn parse(list: &str) -> Vec<Pattern> {
    list.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (keep, path) = line
                .strip_prefix('!')
                .map_or((false, line), |path| (true, path));
            let parts: Vec<String> = path
                .trim_matches('/')
                .split('/')
                .map(str::to_owned)
                .collect();
            Pattern {
                keep,
                files_only: parts.last().is_some_and(|p| p == "**"),
                parts,
            }
        })
        .collect()
}

fn walk(dir: &Path, names: &mut Vec<String>, patterns: &[Pattern]) -> Result<()> {
    let mut entries = fs::read_dir(dir)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .with_context(|| format!("listing {}", dir.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        names.push(entry.file_name().to_string_lossy().into_owned());
        let path = entry.path();
        let folder = entry.file_type().is_ok_and(|t| t.is_dir());
        let verdict = patterns
            .iter()
            .rfind(|p| !(folder && (p.files_only || p.keep)) && matches(&p.parts, names));
        let goes = verdict.is_some_and(|p| !p.keep);
        let gone = match (goes, folder) {
            (true, true) => fs::remove_dir_all(&path),
            (true, false) => fs::remove_file(&path),
            (false, _) => Ok(()),
        };
        gone.with_context(|| format!("deleting {}", path.display()))?;
        if folder && !goes {
            walk(&path, names, patterns)?;
        }
        names.pop();
    }
    Ok(())
}

fn matches(parts: &[String], names: &[String]) -> bool {
    match (parts.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((part, rest)), _) if part == "**" => {
            matches(rest, names) || (!names.is_empty() && matches(parts, &names[1..]))
        }
        (Some((part, parts)), Some((name, names))) => {
            name_matches(part.as_bytes(), name.as_bytes()) && matches(parts, names)
        }
        _ => false,
    }
}

fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            name_matches(rest, name) || (!name.is_empty() && name_matches(pattern, &name[1..]))
        }
        (Some((p, pattern)), Some((n, name))) => p == n && name_matches(pattern, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "etc/machine-id",
            "etc/ssh/ssh_host_rsa_key",
            "etc/ssh/sshd_config",
            "usr/share/doc/a/copyright",
            "usr/share/doc/a/changelog.gz",
            "usr/share/man/man1/a.1",
            "var/log/apt/history",
            "usr/lib/python3.13/x/__pycache__/a.pyc",
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let list = "etc/machine-id # why\netc/ssh/ssh_host_*\nusr/share/doc/**\n!usr/share/doc/*/copyright\n\
                    usr/share/man\nvar/log/**\nusr/lib/python3*/**/__pycache__\n";
        scrub(dir.path(), list).unwrap();
        let there = |path: &str| dir.path().join(path).exists();
        for kept in [
            "etc/ssh/sshd_config",
            "usr/share/doc/a/copyright",
            "var/log/apt",
            "usr/lib/python3.13/x",
        ] {
            assert!(there(kept), "{kept}");
        }
        for gone in [
            "etc/machine-id",
            "etc/ssh/ssh_host_rsa_key",
            "usr/share/doc/a/changelog.gz",
            "usr/share/man",
            "var/log/apt/history",
            "usr/lib/python3.13/x/__pycache__",
        ] {
            assert!(!there(gone), "{gone}");
        }
    }
}
