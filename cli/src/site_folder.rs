//! The site folder: where it is, and what its inventory says.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use hive_site::{InMemory, Outside, Site, SourceFile, Stage, StageName, Warning};

use crate::args::Global;
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result, Usage};
use crate::variables::{Given, Variables, store};
use crate::{output, outside};

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
    /// The variables of the stage that the command works on.
    pub variables: Variables,
}

impl SiteFolder {
    /// Finds and reads the site that the options mean; warnings go to standard error.
    ///
    /// # Errors
    /// There is none, a file can't be read, or what is written there is wrong.
    pub fn open(global: &Global) -> Result<Self> {
        let variables = variables(global)?;
        variables.warn_of_strangers();
        let outside = outside::of(&variables)?;
        Self::tell(Self::read(variables, &outside)?)
    }

    /// The same for a command that works on all stages, whose templates count then, too.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_all_stages(global: &Global) -> Result<Self> {
        let variables = variables(global)?;
        variables.warn_of_strangers();
        let mut outside = outside::of(&variables)?;
        outside.stage = None;
        Self::tell(Self::read(variables, &outside)?)
    }

    /// The same without a word, and without what lookups may do (make a password, say): for completion.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_quietly(global: &Global) -> Result<Self> {
        let variables = variables(global)?;
        let mut outside = outside::of(&variables)?;
        outside.surroundings = Arc::new(InMemory::new());
        Ok(Self::read(variables, &outside)?.0)
    }

    fn tell((folder, warnings): (Self, Vec<Warning>)) -> Result<Self> {
        for warning in &warnings {
            output::say(warning.to_string().trim_end());
        }
        Ok(folder)
    }

    fn read(variables: Variables, outside: &Outside) -> Result<(Self, Vec<Warning>)> {
        let root = variables.root().to_owned();
        let inventory = variables
            .directory("inventory_path")
            .unwrap_or_else(|| root.join(INVENTORY));
        let files = read(&root, &inventory)?;
        let parsed = hive_site::parse_with(&files, outside)?;
        let folder = Self {
            root,
            site: parsed.site,
            variables,
        };
        Ok((folder, parsed.warnings))
    }

    /// The stage that the options or the site's variables mean.
    ///
    /// # Errors
    /// The site does not have it.
    pub fn stage(&self, _: &Global) -> Result<&Stage> {
        let name = self.variables.stage();
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

    /// The private folder of the command's stage, whether it is there or not.
    pub fn context(&self) -> ContextFolder {
        match self.variables.directory("context_dir") {
            Some(dir) => ContextFolder::at(dir),
            None => ContextFolder::of(&self.root, self.variables.stage()),
        }
    }

    /// The private folder of any stage.
    ///
    /// # Errors
    /// What is persisted for that stage can't be read.
    pub fn context_of(&self, stage: StageName) -> Result<ContextFolder> {
        if stage == self.variables.stage() {
            return Ok(self.context());
        }
        let dir = Variables::load(&self.root, stage)?.directory("context_dir");
        Ok(dir.map_or_else(|| ContextFolder::of(&self.root, stage), ContextFolder::at))
    }
}

/// The variables of the site that the options mean, from its `.hive` folder; its inventory is not read.
///
/// # Errors
/// There is no site, or what it has persisted can't be read.
pub fn variables(global: &Global) -> Result<Variables> {
    let mut given = Given::new()
        .folder(
            "inventory_path",
            absolute(global.inventory_path.as_deref())?.as_deref(),
        )
        .folder(
            "context_dir",
            absolute(global.context_dir.as_deref())?.as_deref(),
        )
        .folder("temp_dir", absolute(global.temp_dir.as_deref())?.as_deref())
        .folder("playbooks_dir", global.playbooks_dir.as_deref());
    if let Some(stage) = global.stage {
        given = given.with("stage", stage.name());
    }
    if global.verbose {
        given = given.with("verbose", true);
    }
    Variables::resolve(&locate(global)?, &given)
}

/// A path of the command line counts from the current folder.
fn absolute(path: Option<&Path>) -> Result<Option<PathBuf>> {
    let whole = path.map(|path| {
        std::path::absolute(path).with_context(|| format!("finding the folder {}", path.display()))
    });
    Ok(whole.transpose()?)
}

/// The folder named, or the nearest one from here upwards that has an inventory or persisted variables.
///
/// # Errors
/// There is none.
pub fn locate(global: &Global) -> Result<PathBuf> {
    if let Some(named) = &global.root_dir {
        let root = fs::canonicalize(named)
            .with_context(|| format!("opening the site folder {}", named.display()))?;
        return Ok(root);
    }
    let here = std::env::current_dir().context("finding the current folder")?;
    let is_site = |dir: &&Path| dir.join(INVENTORY).is_dir() || store::is_there(dir);
    if let Some(found) = here.ancestors().find(is_site) {
        return Ok(found.to_owned());
    }
    if global.inventory_path.is_some() {
        return Ok(here);
    }
    let none = format!(
        "there is no site in {}: no folder `{INVENTORY}` here or above",
        here.display()
    );
    Err(CommandError::from(anyhow::anyhow!(none))
        .hint("`hive init DIR` writes a small site; `-r DIR` names another folder"))
}

/// Reads the files that make the site model, with paths as errors shall show them.
fn read(root: &Path, inventory: &Path) -> Result<Vec<SourceFile>> {
    // A single file is read alone, with the variables that lie beside it.
    let (folder, only) = match inventory.is_file() {
        true => (inventory.parent().unwrap_or(root), Some(inventory)),
        false => (inventory, None),
    };
    let mut paths = Vec::new();
    for path in list(folder)? {
        let name = file_name(&path);
        if path.is_dir() && VARIABLES.contains(&name.as_str()) {
            below(&path, &mut paths)?;
        } else if path.is_file() && is_inventory(&name) && only.is_none_or(|only| only == path) {
            paths.push(path);
        }
    }
    paths
        .into_iter()
        .map(|path| {
            let reading = || format!("reading {}", path.display());
            let bytes = fs::read(&path).with_context(reading)?;
            let text = match path.parent() == Some(folder) && !is_yaml(&file_name(&path)) {
                // Not ours; it is only told of.
                true => String::from_utf8_lossy(&bytes).into_owned(),
                false => String::from_utf8(bytes).with_context(reading)?,
            };
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
        } else if is_about_variables(&file_name(&path)) {
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

/// Whether Ansible would take a file for an inventory. What is none of ours is told of.
fn is_inventory(name: &str) -> bool {
    let passed_over = [
        "pyc", "pyo", "swp", "bak", "rpm", "md", "txt", "rst", "orig", "ini", "cfg", "retry",
    ];
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    !name.ends_with('~') && !ending.is_some_and(|ending| passed_over.contains(&ending))
}

/// As Ansible has it, names without an ending count as well.
fn is_about_variables(name: &str) -> bool {
    is_yaml(name) || name.ends_with(".json") || !name.contains('.') || is_host(name)
}

/// Whether a name may be that of a host, whose file in `host_vars/` needs no ending.
fn is_host(name: &str) -> bool {
    let endings = [".md", ".txt", ".orig", ".rej", ".bak", ".swp", ".retry"];
    !name.ends_with('~') && !endings.iter().any(|ending| name.ends_with(ending))
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
        let files = read(dir.path(), &dir.path().join(INVENTORY)).unwrap();
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
