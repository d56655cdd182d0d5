//! A site: what the files of `inventory/` say, with every default filled in.
//!
//! [`parse`] takes texts and gives a [`Site`] or [`Diagnostics`]; it opens no file. Where to look:
//!
//! | module | what it decides |
//! |---|---|
//! | `hive` | the keys of a hive definition, which goes with which provider, hosts and their addresses |
//! | `variables` | `group_vars/` and `host_vars/` |
//! | `yaml` | reading YAML with good errors |
//! | [`sample`] | the small site that `hive init` writes |

mod hive;
pub mod sample;
pub mod service;
mod variables;
mod yaml;

use std::collections::BTreeMap;

pub use hive::addresses;
pub use hive::hardware::Hardware;
pub use hive::host::{Host, Role};
pub use hive::internal::{self, InternalNetworks};
pub use hive::kickstart::{Kickstart, KickstartNetwork};
pub use hive::provider::Provider;
pub use hive::shared_repository::SharedRepository;
pub use hive::stage::{ImageName, Password, Stage, StageName, Subnet, UnknownStage};
pub use yaml::diagnostic::{Diagnostic, Diagnostics, Excerpt, Severity};

use hive::definition;
use variables::layers::{self, Variables};
use yaml::report::Report;
use yaml::tree::{self, Node};

/// The `plugin` of a hive definition.
pub const HIVE_PLUGIN: &str = "hive_inventory";
/// The `plugin` of a service definition.
pub const SERVICES_PLUGIN: &str = "hive_services";

/// A file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path, with `/` between its parts, as errors shall show it: `inventory/hive.yml`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Something that has no effect or will surprise.
pub type Warning = Diagnostic;

/// A site that can be used.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What it is.
    pub site: Site,
    /// What a person should know of it.
    pub warnings: Vec<Warning>,
}

/// One hive project.
#[derive(Debug, Clone)]
pub struct Site {
    /// The hive's name: the domain part of every host name.
    pub name: String,
    /// Its stages.
    pub stages: BTreeMap<StageName, Stage>,
    /// The files that define services, as they are.
    pub services: Vec<SourceFile>,
    /// Variables with templates or encrypted values, which are kept aside and not evaluated.
    pub templates: Vec<Template>,
}

impl Site {
    /// A stage, if the site has it.
    pub fn stage(&self, name: &StageName) -> Option<&Stage> {
        self.stages.get(name)
    }
}

/// A variable that has no value before templates are evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The file.
    pub path: String,
    /// The line of its name, counted from 1.
    pub line: usize,
    /// Its name; `None` when the whole file is encrypted.
    pub variable: Option<String>,
}

/// Reads a site from its files: those lying directly in `inventory/`, and those below `group_vars/`
/// and `host_vars/`. What a file is, its path and its `plugin` say; the order does not matter.
pub fn parse(files: &[SourceFile]) -> Result<Parsed, Diagnostics> {
    let mut order: Vec<SourceFile> = files.to_vec();
    order.sort_by(|a, b| a.path.cmp(&b.path));
    let mut report = Report::new(&order);
    let mut variables = Variables::default();
    let mut templates = Vec::new();
    let mut definitions = Vec::new();
    let mut services = Vec::new();
    let mut strangers = Vec::new();
    for (index, file) in order.iter().enumerate() {
        if let Some(scope) = layers::scope(&file.path) {
            variables.add(&order, index, scope, &mut templates, &mut report);
            continue;
        }
        if !file.path.ends_with(".yml") && !file.path.ends_with(".yaml") {
            continue;
        }
        let Some(node) = tree::read(&order, index, false, &mut report) else {
            continue;
        };
        match node.get("plugin").and_then(|entry| entry.node.as_text()) {
            Some(HIVE_PLUGIN) => definitions.push(node),
            Some(SERVICES_PLUGIN) => services.push(file.clone()),
            _ => strangers.push(node),
        }
    }
    let readable = report.errors() == 0;
    let found = definitions
        .iter()
        .filter_map(|node| definition::read(node, &variables, &mut report))
        .collect();
    judge_strangers(&strangers, definitions.is_empty(), &mut report);
    if definitions.is_empty() && strangers.is_empty() && readable {
        report.error_anywhere(
            "the site has no hive definition",
            format!(
                "write one to inventory/hive.yml, with `plugin: {HIVE_PLUGIN}`; `hive init` writes a sample"
            ),
        );
    }
    let merged = merge(found, &mut report);
    let warnings = report.finish()?;
    let (name, stages) = merged;
    Ok(Parsed {
        site: Site {
            name,
            stages,
            services,
            templates,
        },
        warnings,
    })
}

/// Files that are neither definition: errors when the definition is missing, else left alone.
fn judge_strangers(strangers: &[Node], alone: bool, report: &mut Report<'_>) {
    for node in strangers {
        let plugin = node.get("plugin");
        let written = plugin.and_then(|entry| entry.node.as_text());
        let place = plugin.map_or(node.place, |entry| entry.node.place);
        let message = match written {
            Some(written) => format!("unknown plugin `{written}`"),
            None => "the file does not say what it is".to_owned(),
        };
        let help = format!(
            "write `plugin: {HIVE_PLUGIN}` for a hive definition, `plugin: {SERVICES_PLUGIN}` for services"
        );
        if alone {
            report.error(place, message, help);
        } else {
            report.warn(place, format!("{message}, so it is not read"), help);
        }
    }
}

/// Several definitions may share a site, as long as they agree on its name and on who has which stage.
fn merge(
    definitions: Vec<definition::Definition>,
    report: &mut Report<'_>,
) -> (String, BTreeMap<StageName, Stage>) {
    let mut name: Option<String> = None;
    let mut stages = BTreeMap::new();
    for definition in definitions {
        match &name {
            Some(first) if *first != definition.name => report.error(
                definition.name_place,
                format!(
                    "the site is called `{first}` in another hive definition, `{}` here",
                    definition.name
                ),
                "a site has one name: write the same in both files",
            ),
            _ => name = Some(definition.name),
        }
        for (place, stage) in definition.stages {
            let stage_name = stage.name;
            if stages.insert(stage_name, stage).is_some() {
                report.error(
                    place,
                    format!("stage `{stage_name}` is defined in another file already"),
                    "keep one of them",
                );
            }
        }
    }
    (name.unwrap_or_default(), stages)
}
