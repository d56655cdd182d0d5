//! The kernel modules of the initrd: what is wanted, what that needs, and in which order it loads.
//!
//! [`list`] reads the recipe's list, [`tree`] what `depmod` wrote beside the modules; here the two
//! meet. The result is written out for `hive-init`, which has neither `modprobe` nor any idea of
//! dependencies: it loads what it is told in the order in which it is told.

pub mod list;
pub mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use list::{Wanted, parse_list};
use tree::Found;
pub use tree::ModuleTree;

/// Why modules could not be chosen.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// A file beside the modules could not be read.
    #[error("reading {path}{}", hint(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line of the recipe's list is not one.
    #[error(
        "line {line} of the module list, {text:?}, is not a module name with an optional `-` and `@` before it"
    )]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// The kernel has no such module.
    #[error("the kernel has no module {name:?}{}; correct the list, or write -{name} if it may be absent", like(.nearest))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
}

fn hint(path: &std::path::Path) -> &'static str {
    if path.ends_with("modules.dep") {
        "; has depmod run in this tree?"
    } else {
        ""
    }
}

fn like(name: &Option<String>) -> String {
    name.as_ref()
        .map(|n| format!(" (nearest: {n})"))
        .unwrap_or_default()
}

/// A module to load at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Path below the folder of the kernel's modules, such as `kernel/fs/erofs/erofs.ko.xz`.
    pub path: String,
    /// Whether the boot goes on when it does not load.
    pub optional: bool,
}

/// Modules to load when hardware that matches a pattern is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coldplug {
    /// Pattern of `modalias` values, such as `pci:v00001AF4d00001001sv*sd*bc*sc*i*`.
    pub pattern: String,
    /// Paths as in [`Load`], dependencies first.
    pub paths: Vec<String>,
}

/// What the initrd carries and does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// To load at every boot, in this order.
    pub load: Vec<Load>,
    /// To load when the hardware is there, sorted.
    pub coldplug: Vec<Coldplug>,
    /// Every file that the initrd has to carry, as paths below the folder of the kernel's modules.
    pub files: BTreeSet<String>,
}

impl Selection {
    /// Chooses from `tree` what `wanted` asks for and all that it needs.
    ///
    /// Built-in modules need nothing. What is needed by soft dependency only may fail to load.
    pub fn of(tree: &ModuleTree, wanted: &[Wanted]) -> Result<Self, ModuleError> {
        let mut order = Order {
            tree,
            place: BTreeMap::new(),
            load: Vec::new(),
        };
        let mut selection = Self::default();
        for want in wanted {
            let paths = match tree.find(&want.name) {
                Found::Modules(paths) => paths,
                Found::BuiltIn => continue,
                Found::Nothing if want.optional => continue,
                Found::Nothing => {
                    return Err(ModuleError::Unknown {
                        name: want.name.clone(),
                        nearest: tree.nearest(&want.name),
                    });
                }
            };
            for path in paths {
                if want.coldplug {
                    selection.coldplug(tree, &path);
                } else {
                    order.visit(&path, want.optional);
                }
            }
        }
        selection
            .files
            .extend(order.load.iter().map(|load| load.path.clone()));
        selection.load = order.load;
        selection.coldplug.sort();
        selection.coldplug.dedup();
        Ok(selection)
    }

    fn coldplug(&mut self, tree: &ModuleTree, path: &str) {
        let mut order = Order {
            tree,
            place: BTreeMap::new(),
            load: Vec::new(),
        };
        order.visit(path, false);
        let paths: Vec<String> = order.load.into_iter().map(|load| load.path).collect();
        self.files.extend(paths.iter().cloned());
        for pattern in tree.aliases_of(path) {
            self.coldplug.push(Coldplug {
                pattern: pattern.to_owned(),
                paths: paths.clone(),
            });
        }
    }

    /// The text of [`hive_inventory::disk::INITRD_MODULES`]: a path a line, `-` before optional ones.
    ///
    /// `folder` is where the initrd carries the kernel's modules, without a slash at the end.
    pub fn load_text(&self, folder: &str) -> String {
        let line = |load: &Load| {
            let mark = if load.optional { "-" } else { "" };
            format!("{mark}{folder}/{}\n", load.path)
        };
        self.load.iter().map(line).collect()
    }

    /// The text of `/hive/modules.alias`: `PATTERN<TAB>PATH PATH …` a line, dependencies first.
    pub fn coldplug_text(&self, folder: &str) -> String {
        let line = |cold: &Coldplug| {
            let paths: Vec<String> = cold.paths.iter().map(|p| format!("{folder}/{p}")).collect();
            format!("{}\t{}\n", cold.pattern, paths.join(" "))
        };
        self.coldplug.iter().map(line).collect()
    }
}

/// Modules in the order in which they load, each once.
struct Order<'a> {
    tree: &'a ModuleTree,
    /// Where in `load` a module stands, or `None` while what it needs is being placed.
    place: BTreeMap<String, Option<usize>>,
    load: Vec<Load>,
}

impl Order<'_> {
    fn visit(&mut self, path: &str, optional: bool) {
        match self.place.get(path) {
            // Placed as optional before, needed now: what it needs becomes needed too.
            Some(&Some(at)) if self.load[at].optional && !optional => {
                self.load[at].optional = false
            }
            Some(_) => return,
            None => {}
        }
        self.place.entry(path.to_owned()).or_insert(None);
        let tree = self.tree;
        let (before, after) = tree.soft_dependencies(path);
        for soft in before {
            self.visit(&soft, true);
        }
        for dependency in tree.dependencies(path) {
            self.visit(dependency, optional);
        }
        if self.place.get(path) == Some(&None) {
            self.place.insert(path.to_owned(), Some(self.load.len()));
            self.load.push(Load {
                path: path.to_owned(),
                optional,
            });
        }
        for soft in after {
            self.visit(&soft, true);
        }
    }
}

#[cfg(test)]
mod tests;
