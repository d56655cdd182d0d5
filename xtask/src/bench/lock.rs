//! The packages of a lock, as far as benchmarks need them. The format is `hive lock`'s own: TOML
//! with a key a line.

use std::fs;
use std::path::Path;

use crate::step::Result;

/// A locked package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its SHA-256, which is also its name in the cache.
    pub sha256: String,
}

/// The packages of these sets.
pub fn packages(site: &Path, sets: &[&str]) -> Result<Vec<Package>> {
    let path = site.join("hive.lock");
    let text = fs::read_to_string(&path).map_err(|e| format!("reading {}: {e}", path.display()))?;
    let found = parse(&text, sets);
    if found.is_empty() {
        return Err(format!(
            "{} has no packages in {}",
            path.display(),
            sets.join(", ")
        ));
    }
    Ok(found)
}

fn parse(text: &str, sets: &[&str]) -> Vec<Package> {
    let value = |block: &str, key: &str| {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let blocks = text.split("[[package]]\n").skip(1);
    let wanted = blocks.filter(|block| {
        sets.iter()
            .any(|set| value(block, "sets").contains(&format!("\"{set}\"")))
    });
    wanted
        .map(|block| Package {
            name: value(block, "name"),
            sha256: value(block, "sha256"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_a_set_are_found() {
        let text = "version = 1\n\n[[package]]\nname = \"a\"\nsha256 = \"00\"\nsets = [\"private.host\", \"tools\"]\n\n\
                    [[package]]\nname = \"b\"\nsha256 = \"01\"\nsets = [\"tools\"]\n";
        let names = |sets: &[&str]| {
            parse(text, sets)
                .iter()
                .map(|p| p.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["private.host"]), ["a"]);
        assert_eq!(names(&["tools"]), ["a", "b"]);
        assert!(names(&["private"]).is_empty());
    }
}
