//! A kernel's modules as `depmod` describes them (modules.dep(5), depmod.d(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::ModuleError;

/// The texts beside a kernel's modules.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'a> {
    /// `modules.dep`: `PATH: PATH …`, what a module needs.
    pub dep: &'a str,
    /// `modules.alias`: `alias PATTERN MODULE`.
    pub alias: &'a str,
    /// `modules.softdep`: `softdep MODULE pre: NAME … post: NAME …`.
    pub softdep: &'a str,
    /// `modules.builtin`: paths of modules that are part of the kernel.
    pub builtin: &'a str,
    /// `modules.builtin.modinfo`: `MODULE.KEY=VALUE`, each ended by a NUL.
    pub builtin_modinfo: &'a str,
}

/// A kernel's modules, what each needs, and the names it goes by.
#[derive(Debug, Clone, Default)]
pub struct ModuleTree {
    /// Name to path.
    paths: BTreeMap<String, String>,
    /// Path to the paths of what it needs, to be loaded in this order.
    needs: BTreeMap<String, Vec<String>>,
    /// Name to the names to load before and after it.
    soft: BTreeMap<String, (Vec<String>, Vec<String>)>,
    /// Path to alias patterns, in the order of the file.
    aliases: BTreeMap<String, Vec<String>>,
    /// Alias without wildcards to paths.
    exact: BTreeMap<String, BTreeSet<String>>,
    /// Names and aliases of what is part of the kernel.
    builtin: BTreeSet<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// These modules, by path: one for a module's name, any number for an alias.
    Modules(Vec<String>),
    /// A part of the kernel.
    BuiltIn,
    /// Nothing.
    Nothing,
}

impl ModuleTree {
    /// Reads what lies in `folder`, such as `usr/lib/modules/6.12.0`. `depmod` has to have run there.
    pub fn read(folder: &Path) -> Result<Self, ModuleError> {
        let read = |name: &str, needed: bool| {
            let path = folder.join(name);
            match std::fs::read(&path) {
                Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) if error.kind() == io::ErrorKind::NotFound && !needed => {
                    Ok(String::new())
                }
                Err(source) => Err(ModuleError::Read { path, source }),
            }
        };
        Ok(Self::parse(&Texts {
            dep: &read("modules.dep", true)?,
            alias: &read("modules.alias", true)?,
            softdep: &read("modules.softdep", false)?,
            builtin: &read("modules.builtin", true)?,
            builtin_modinfo: &read("modules.builtin.modinfo", false)?,
        }))
    }

    /// Reads the texts. Lines that are not of the expected form are passed over, as `modprobe` does.
    pub fn parse(texts: &Texts<'_>) -> Self {
        let mut tree = Self::default();
        for (path, needs) in texts.dep.lines().filter_map(|line| line.split_once(':')) {
            tree.paths.insert(name_of(path), path.to_owned());
            // depmod writes what has to be loaded first last.
            let needs = needs.split_whitespace().rev().map(str::to_owned).collect();
            tree.needs.insert(path.to_owned(), needs);
        }
        for line in texts.alias.lines() {
            let mut words = line.split_whitespace();
            if let (Some("alias"), Some(pattern), Some(module)) =
                (words.next(), words.next(), words.next())
                && let Some(path) = tree.paths.get(&folded(module))
            {
                tree.aliases
                    .entry(path.clone())
                    .or_default()
                    .push(pattern.to_owned());
                if !pattern.contains(['*', '?', '[']) {
                    tree.exact
                        .entry(folded(pattern))
                        .or_default()
                        .insert(path.clone());
                }
            }
        }
        for line in texts.softdep.lines() {
            tree.read_softdep(line);
        }
        tree.builtin.extend(texts.builtin.lines().map(name_of));
        for entry in texts.builtin_modinfo.split('\0') {
            if let Some((key, alias)) = entry.split_once('=')
                && key.ends_with(".alias")
            {
                tree.builtin.insert(folded(alias));
            }
        }
        tree
    }

    fn read_softdep(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some("softdep"), Some(module)) = (words.next(), words.next()) else {
            return;
        };
        let (before, after) = self.soft.entry(folded(module)).or_default();
        let mut list = None;
        for word in words {
            match (word, &mut list) {
                ("pre:", _) => list = Some(&mut *before),
                ("post:", _) => list = Some(&mut *after),
                (name, Some(list)) => list.push(name.to_owned()),
                (_, None) => {}
            }
        }
    }

    /// What `name` stands for: a module, a part of the kernel, or an alias without wildcards.
    pub fn find(&self, name: &str) -> Found {
        let name = folded(name);
        if let Some(path) = self.paths.get(&name) {
            Found::Modules(vec![path.clone()])
        } else if self.builtin.contains(&name) {
            Found::BuiltIn
        } else if let Some(paths) = self.exact.get(&name) {
            Found::Modules(paths.iter().cloned().collect())
        } else {
            Found::Nothing
        }
    }

    /// What the module at `path` needs, in the order of loading.
    pub fn dependencies(&self, path: &str) -> &[String] {
        self.needs.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is to be loaded before and after the module at `path`, as far as it is there.
    pub fn soft_dependencies(&self, path: &str) -> (Vec<String>, Vec<String>) {
        let Some((before, after)) = self.soft.get(&name_of(path)) else {
            return Default::default();
        };
        // An alias such as `crc32c` may be served by the kernel itself and by faster modules:
        // unlike for a name in the list, the modules are taken then.
        let resolve = |names: &[String]| {
            let mut paths = Vec::new();
            for name in names.iter().map(|n| folded(n)) {
                match self.paths.get(&name) {
                    Some(path) => paths.push(path.clone()),
                    None => paths.extend(self.exact.get(&name).into_iter().flatten().cloned()),
                }
            }
            paths
        };
        (resolve(before), resolve(after))
    }

    /// The alias patterns of the module at `path`.
    pub fn aliases_of(&self, path: &str) -> impl Iterator<Item = &str> {
        self.aliases
            .get(path)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The known name that is most like `name`, if any is near.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let name = folded(name);
        let limit = 1 + name.len() / 4;
        self.paths
            .keys()
            .chain(&self.builtin)
            .map(|known| (distance(&name, known), known))
            .filter(|(distance, _)| *distance <= limit)
            .min()
            .map(|(_, known)| known.clone())
    }
}

/// A module's name from its path: without folders and endings, `_` for `-`.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    folded(file.split_once(".ko").map_or(file, |(name, _)| name))
}

/// To the kernel `-` and `_` are the same in a module's name.
fn folded(name: &str) -> String {
    name.trim().replace('-', "_")
}

/// How many letters to insert, delete or change to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
