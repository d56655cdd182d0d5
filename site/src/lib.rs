//! A site: what the files of `inventory/` say, with every default filled in.
//!
//! [`parse`] takes texts and gives a [`Site`] or [`Diagnostics`]; it opens no file. [`Site::evaluate`] gives
//! the variables while a stage is worked on. Where to look:
//!
//! | module | what it decides |
//! |---|---|
//! | `hive` | the keys of a hive definition, which goes with which provider, hosts and their addresses |
//! | `neighbours` | files that lie beside the definitions and are none |
//! | [`expanded`] | the whole inventory as one document |
//! | `variables` | `group_vars/` and `host_vars/`, groups, computed variables, templates |
//! | `yaml` | reading YAML with good errors |
//! | [`sample`] | the small site that `hive init` writes |

pub mod expanded;
mod hive;
mod neighbours;
pub mod sample;
pub mod service;
mod variables;
pub mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use hive::addresses;
pub use hive::hardware::Hardware;
pub use hive::host::{Host, Role};
pub use hive::internal::{self, InternalNetworks};
pub use hive::kickstart::{Kickstart, KickstartNetwork};
pub use hive::provider::Provider;
pub use hive::shared_repository::SharedRepository;
pub use hive::stage::{ImageName, Password, Stage, StageName, Subnet, UnknownStage};
pub use hive_templates::{InMemory, OnDisk, Surroundings};
pub use variables::evaluation::Evaluation;
pub use variables::injected::Injected;
pub use yaml::diagnostic::{Diagnostic, Diagnostics, Excerpt, Severity};

use hive::definition;
use hive::stage_settings::{self, Waiting};
use hive::templated;
use service::{HiveWide, Reading};
use variables::world::{self, World};
use variables::{for_services, layers};
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
    pub(crate) world: Arc<World>,
}

impl Site {
    /// A stage, if the site has it.
    pub fn stage(&self, name: &StageName) -> Option<&Stage> {
        self.stages.get(name)
    }

    /// The variables while this stage is worked on: templates are evaluated when a value is asked for.
    pub fn evaluate(
        &self,
        stage: StageName,
        surroundings: Arc<dyn Surroundings>,
        injected: Injected,
    ) -> Evaluation {
        Evaluation::new(self.world.clone(), stage, surroundings, injected)
    }

    /// The services of the stage that is worked on, with every template evaluated; `None` if the site
    /// does not have that stage. Numbers continue those that the evaluation was given.
    pub fn services(
        &self,
        evaluation: &Evaluation,
        hive: &HiveWide,
    ) -> Option<Result<Reading, Diagnostics>> {
        let stage = self.stage(&evaluation.stage())?;
        Some(for_services::read(self, stage, hive, evaluation))
    }
}

/// What reading a site may use besides its files.
pub struct Outside {
    /// The stage that is worked on. Templates of the others are left alone, and what they would decide
    /// counts as not given; `None` evaluates all.
    pub stage: Option<StageName>,
    /// What lookups see.
    pub surroundings: Arc<dyn Surroundings>,
    /// Variables that a command puts over all others, for the stage that is worked on.
    pub injected: Injected,
}

impl Outside {
    /// The variables while this stage is worked on; `None` if nobody does.
    fn evaluation(&self, world: &Arc<World>, stage: StageName) -> Option<Evaluation> {
        let wanted = self.stage.is_none_or(|wanted| wanted == stage);
        wanted.then(|| {
            let (surroundings, injected) = (self.surroundings.clone(), self.injected.clone());
            Evaluation::new(world.clone(), stage, surroundings, injected)
        })
    }
}

/// A hive definition on the way, as far as it is known without the values of templates.
struct Outline<'n> {
    node: &'n Node,
    /// Whether there are templates.
    waits: bool,
    known: Option<definition::Definition>,
}

impl Outline<'_> {
    fn complete(
        self,
        world: &Arc<World>,
        outside: &Outside,
        report: &mut Report<'_>,
    ) -> Option<definition::Definition> {
        let known = match (self.known, self.waits) {
            (Some(known), true) => known,
            // The mistakes of a definition without a name were put aside.
            (None, true) => return definition::read(self.node, report),
            (known, false) => return known,
        };
        let evaluations: BTreeMap<StageName, Evaluation> = StageName::ALL
            .into_iter()
            .filter_map(|stage| Some((stage, outside.evaluation(world, stage)?)))
            .collect();
        let values = |stage| evaluations.get(&stage);
        let node = templated::complete(self.node, &known, values, report);
        let mut complete = definition::read(&node, report)?;
        complete.restore(self.node);
        choose_first_hive(&mut complete, outside, report);
        for section in known.stages {
            let name = section.stage.name;
            let is_there = |written: &Node| {
                let stages = written.get("stages");
                stages.is_some_and(|stages| stages.node.get(name.name()).is_some())
            };
            // Nobody works on that stage: it is as far as it was.
            if !is_there(&node) {
                complete.stages.push(section);
            }
        }
        Some(complete)
    }
}

/// Makes the host the first hive that a person has chosen for the stage that is worked on.
fn choose_first_hive(
    definition: &mut definition::Definition,
    outside: &Outside,
    report: &mut Report<'_>,
) {
    let number = outside.injected.first_hive;
    let sections = definition.stages.iter_mut();
    for section in sections.filter(|section| outside.stage == Some(section.stage.name)) {
        let name = section.stage.name;
        if section.stage.choose_first_hive(number) {
            continue;
        }
        let hives = section.stage.hosts().iter().filter(|host| host.is_hive());
        let hives: Vec<String> = hives.map(|host| host.index.to_string()).collect();
        report.error_anywhere(
            format!("the variable `first_hive` is {number}, but host {number} of stage `{name}` is no hive"),
            format!(
                "hives are {}: `hive -s {name} set first_hive NUMBER` chooses one",
                hives.join(", ")
            ),
        );
    }
}

/// Reads a site from its files: those lying directly in `inventory/`, and those below `group_vars/`
/// and `host_vars/`. What a file is, its path and its `plugin` say; the order does not matter.
///
/// Templates are evaluated as if there were no other files and no environment.
pub fn parse(files: &[SourceFile]) -> Result<Parsed, Diagnostics> {
    let outside = Outside {
        stage: None,
        surroundings: Arc::new(InMemory::new()),
        injected: Injected::new(),
    };
    parse_with(files, &outside)
}

/// Reads a site as [`parse`] does, with lookups and variables from outside.
pub fn parse_with(files: &[SourceFile], outside: &Outside) -> Result<Parsed, Diagnostics> {
    let mut order: Vec<SourceFile> = files.to_vec();
    order.sort_by(|a, b| a.path.cmp(&b.path));
    let own = order.len();
    order.push(world::defaults_file());
    let mut report = Report::new(&order);
    let mut world = World {
        sources: order.clone(),
        defaults: world::read_defaults(&order),
        ..World::default()
    };
    let about_variables = layers::counting(&order[..own], &mut report);
    let mut definitions = Vec::new();
    let mut services = Vec::new();
    let mut strangers = Vec::new();
    for (index, file) in order[..own].iter().enumerate() {
        if let Some(scope) = about_variables.get(&index) {
            world.files.add(&order, index, *scope, &mut report);
            continue;
        }
        if layers::scope(&file.path).is_some() {
            continue;
        }
        if !(file.path.ends_with(".yml") || file.path.ends_with(".yaml")) {
            neighbours::judge_text(&order, index, &mut report);
            continue;
        }
        let Some(node) = tree::read(&order, index, false, &mut report) else {
            continue;
        };
        match node.get("plugin").and_then(|entry| entry.node.as_text()) {
            Some(HIVE_PLUGIN) => definitions.push(node),
            Some(SERVICES_PLUGIN) => {
                services.push(file.clone());
                world.services.push(node);
            }
            _ => strangers.push(node),
        }
    }
    let readable = report.errors() == 0;
    // What templates decide is read when they have values, with errors of both times.
    let mut aside = Report::new(&order);
    let mut outlines: Vec<Outline<'_>> = Vec::new();
    for node in &definitions {
        let waits = templated::waits(node);
        let report = if waits { &mut aside } else { &mut report };
        let known = definition::read(&templated::outline(node), report).map(|mut known| {
            known.restore(node);
            choose_first_hive(&mut known, outside, report);
            known
        });
        outlines.push(Outline { node, waits, known });
    }
    neighbours::judge(&strangers, definitions.is_empty(), &mut report);
    if definitions.is_empty() && strangers.is_empty() && readable {
        report.error_anywhere(
            "the site has no hive definition",
            format!(
                "write one to inventory/hive.yml, with `plugin: {HIVE_PLUGIN}`; `hive init` writes a sample"
            ),
        );
    }
    let known: Vec<_> = outlines.iter().filter_map(|o| o.known.as_ref()).collect();
    world.meet(&known);
    let world = Arc::new(world);
    let found = outlines
        .into_iter()
        .filter_map(|outline| outline.complete(&world, outside, &mut report))
        .collect();
    let (name, mut stages) = merge(found, &mut report);
    for (stage, waiting) in stages.values_mut() {
        let evaluation = outside.evaluation(&world, stage.name);
        stage_settings::settle(stage, waiting, &world, evaluation.as_ref(), &mut report);
    }
    let warnings = report.finish()?;
    let stages = stages
        .into_iter()
        .map(|(name, (stage, _))| (name, stage))
        .collect();
    Ok(Parsed {
        site: Site {
            name,
            stages,
            services,
            world,
        },
        warnings,
    })
}

/// Several definitions may share a site, as long as they agree on its name and on who has which stage.
fn merge(
    definitions: Vec<definition::Definition>,
    report: &mut Report<'_>,
) -> (String, BTreeMap<StageName, (Stage, Waiting)>) {
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
        for section in definition.stages {
            let stage_name = section.stage.name;
            let known = stages.insert(stage_name, (section.stage, section.waiting));
            if known.is_some() {
                report.error(
                    section.place,
                    format!("stage `{stage_name}` is defined in another file already"),
                    "keep one of them",
                );
            }
        }
    }
    (name.unwrap_or_default(), stages)
}
