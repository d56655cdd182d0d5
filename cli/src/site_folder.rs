//! The site folder: where it is, and what its inventory says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use hive_site::{Site, SourceFile, Stage};

use crate::args::Global;
use crate::error::{CommandError, Result, Usage};
use crate::output;

/// The folder with the definitions, inside the site folder.
const INVENTORY: &str = "inventory";
/// Folders below it that are read to the bottom: files about groups and about hosts.
const VARIABLES: [&str; 2] = ["group_vars", "host_vars"];

/// A site on disk.
#[derive(Debug)]
pub struct SiteFolder {
    /// Its folder, an absolute path.
    pub root: PathBuf,
    /// What its inventory says.
    pub site: Site,
}

impl SiteFolder {
    /// Finds and reads the site that the options mean; warnings go to standard error.
    ///
    /// # Errors
    /// There is none, a file can't be read, or what is written there is wrong.
    pub fn open(global: &Global) -> Result<Self> {
        let root = locate(global)?;
        let files = read(&root)?;
        let parsed = hive_site::parse(&files)?;
        for warning in &parsed.warnings {
            output::say(warning.to_string().trim_end());
        }
        Ok(Self {
            root,
            site: parsed.site,
        })
    }

    /// The stage that the options mean.
    ///
    /// # Errors
    /// The site does not have it.
    pub fn stage(&self, global: &Global) -> Result<&Stage> {
        let name = global.stage();
        self.site.stage(&name).ok_or_else(|| {
            let have: Vec<_> = self.site.stages.keys().map(|s| s.name()).collect();
            let has = format!(
                "the site {} has no stage `{name}`; it has {}",
                self.site.name,
                have.join(", ")
            );
            CommandError::from(Usage(has))
                .hint("choose another with `-s STAGE`, or define it in inventory/hive.yml")
        })
    }
}

/// The folder named, or the nearest one from here upwards that has an inventory.
fn locate(global: &Global) -> Result<PathBuf> {
    if let Some(named) = &global.root_dir {
        let root = fs::canonicalize(named)
            .with_context(|| format!("opening the site folder {}", named.display()))?;
        return Ok(root);
    }
    let here = std::env::current_dir().context("finding the current folder")?;
    let found = here.ancestors().find(|dir| dir.join(INVENTORY).is_dir());
    found.map(Path::to_owned).ok_or_else(|| {
        let none = format!(
            "there is no site in {}: no folder `{INVENTORY}` here or above",
            here.display()
        );
        CommandError::from(anyhow::anyhow!(none))
            .hint("`hive init DIR` writes a small site; `-r DIR` names another folder")
    })
}

/// Reads the files that make the site model, with paths as errors shall show them.
fn read(root: &Path) -> Result<Vec<SourceFile>> {
    let folder = root.join(INVENTORY);
    let mut paths = Vec::new();
    for path in list(&folder)? {
        let name = file_name(&path);
        if path.is_dir() && VARIABLES.contains(&name.as_str()) {
            below(&path, &mut paths)?;
        } else if path.is_file() && is_yaml(&name) {
            paths.push(path);
        }
    }
    paths
        .into_iter()
        .map(|path| {
            let text =
                fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let shown = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            Ok(SourceFile { path: shown, text })
        })
        .collect()
}

fn below(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for path in list(folder)? {
        if path.is_dir() {
            below(&path, paths)?;
        } else if is_yaml(&file_name(&path)) {
            paths.push(path);
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(
            entry
                .with_context(|| format!("listing {}", folder.display()))?
                .path(),
        );
    }
    // Hidden files are those of editors and version control.
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yml") || name.ends_with(".yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_inventory_are_read() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "hive.yml",
            ".hive.yml.swp.yml",
            "notes.txt",
            "group_vars/all.yml",
            "host_vars/h/x.yaml",
            "other/x.yml",
        ] {
            let path = dir.path().join(INVENTORY).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "a: 1\n").unwrap();
        }
        let files = read(dir.path()).unwrap();
        let paths: Vec<_> = files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "inventory/group_vars/all.yml",
                "inventory/hive.yml",
                "inventory/host_vars/h/x.yaml"
            ]
        );
    }
}
