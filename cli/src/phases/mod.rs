//! The phases of a site, from machines to running services, and where `hive all` goes on.
//!
//! | file | what it holds |
//! |---|---|
//! | `infrastructure.rs` | build-infra |
//! | `elsewhere.rs` | phases that are not part of this program yet |
//!
//! The other phases lie with their commands. A phase is a function of a [`Context`]; what is around it
//! (the lines that say START and END, `hive_phase`, the memory of how far a stage has come) is here.

pub mod elsewhere;
pub mod infrastructure;

use std::process::ExitCode;

use hive_site::Stage;

use crate::args::Global;
use crate::commands::build_networks::BuildNetworks;
use crate::commands::build_volumes::BuildVolumes;
use crate::commands::deploy_services::DeployServices;
use crate::commands::setup_hosts::SetupHosts;
use crate::context_folder::ContextFolder;
use crate::error::{Bug, CommandError, Result};
use crate::site_folder::SiteFolder;
use crate::variables::{Given, Variables};
use crate::{calendar, output};

/// What a phase works on.
#[derive(Debug)]
pub struct Context<'a> {
    /// Options of every command.
    pub global: &'a Global,
    /// The site.
    pub folder: &'a SiteFolder,
    /// The stage.
    pub stage: &'a Stage,
    /// The stage's private folder.
    pub private: ContextFolder,
    /// The variables, with the phase and its options among them.
    pub variables: Variables,
    /// What the phase was started with.
    pub options: Options,
}

/// What phases can be started with; each takes some of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Only tell what would be done (-C).
    pub check: bool,
    /// Take away what the phase makes (-D).
    pub destroy: bool,
    /// Switch off what the phase makes (-H).
    pub halt: bool,
    /// Only these hosts or services (-l); all when empty.
    pub limit: Vec<String>,
    /// Only these steps (-T); all when empty.
    pub tags: Vec<String>,
}

impl Options {
    /// Whether all of the phase is done, so that the next one can follow.
    fn is_whole(&self) -> bool {
        !self.check && !self.halt && self.limit.is_empty() && self.tags.is_empty()
    }

    fn given(&self, phase: &'static str) -> Given {
        let mut given = Given::new().with("phase", phase);
        for (name, words) in [("limit_target", &self.limit), ("tags", &self.tags)] {
            if !words.is_empty() {
                given = given.with(name, words.join(","));
            }
        }
        for (name, set) in [
            ("destroy", self.destroy),
            ("halt", self.halt),
            ("check_mode", self.check),
        ] {
            if set {
                given = given.with(name, true);
            }
        }
        given
    }
}

/// What a phase does when nothing but the stage is said.
pub type Work = fn(&Context<'_>) -> Result<()>;

/// A phase.
#[derive(Debug)]
pub struct Phase {
    /// Its name, which is its command's.
    pub name: &'static str,
    /// What `hive all` does; `None`: this program has no such phase yet.
    pub work: Option<Work>,
}

/// All phases in their order.
pub static TABLE: [Phase; 7] = [
    Phase {
        name: "build-infra",
        work: Some(infrastructure::build),
    },
    Phase {
        name: "setup-hosts",
        work: Some(SetupHosts::phase),
    },
    Phase {
        name: "build-images",
        work: Some(elsewhere::build_images),
    },
    Phase {
        name: "build-volumes",
        work: Some(BuildVolumes::phase),
    },
    Phase {
        name: "build-networks",
        work: Some(BuildNetworks::phase),
    },
    Phase {
        name: "deploy-services",
        work: Some(DeployServices::phase),
    },
    Phase {
        name: "initialize-services",
        work: Some(elsewhere::initialize_services),
    },
];

/// Where a phase stands in the table.
fn index(name: &str) -> Result<usize> {
    let found = TABLE.iter().position(|phase| phase.name == name);
    found.ok_or_else(|| Bug(format!("there is no phase `{name}`")).into())
}

/// Runs one phase as its command: opens the site, does the work, and remembers how far the stage has come.
///
/// # Errors
/// The site can't be read, or the phase fails; nothing is remembered then.
pub fn run(
    global: &Global,
    name: &'static str,
    options: Options,
    work: impl FnOnce(&Context<'_>) -> Result<()>,
) -> Result<ExitCode> {
    let folder = SiteFolder::open(global)?;
    run_in(&folder, global, name, options, work)?;
    Ok(ExitCode::SUCCESS)
}

/// The same for a site that is open already.
///
/// # Errors
/// As [`run`].
pub fn run_in(
    folder: &SiteFolder,
    global: &Global,
    name: &'static str,
    options: Options,
    work: impl FnOnce(&Context<'_>) -> Result<()>,
) -> Result<()> {
    let position = index(name)?;
    let context = Context {
        global,
        folder,
        stage: folder.stage(global)?,
        private: folder.context(),
        variables: folder.variables.with(&options.given(name))?,
        options,
    };
    output::say(&format!(
        "=== PHASE {name} START at {} ===",
        calendar::now()
    ));
    if context.variables.is_true("verbose") {
        for (name, value) in context.variables.injected() {
            output::say(&format!("{name}: {value}"));
        }
    }
    if let Err(error) = work(&context) {
        output::say(&format!(
            "=== PHASE {name} FAILED at {} ===",
            calendar::now()
        ));
        return Err(error);
    }
    if context.options.is_whole() {
        context
            .variables
            .save_start_phase(next(position, context.options.destroy))?;
    }
    output::say(&format!("=== PHASE {name} END at {} ===", calendar::now()));
    Ok(())
}

/// The phase to go on with after this one.
fn next(position: usize, destroyed: bool) -> &'static str {
    let next = if destroyed { position } else { position + 1 };
    TABLE[next.min(TABLE.len() - 1)].name
}

/// Runs all phases from one on; the first that fails ends it.
///
/// # Errors
/// What the phase says, and how to go on.
pub fn run_from(global: &Global, folder: &SiteFolder, first: &str) -> Result<()> {
    for phase in &TABLE[index(first)?..] {
        let Some(work) = phase.work else {
            output::warn(&format!(
                "phase {} is passed over: this version of hive does not have it yet",
                phase.name
            ));
            continue;
        };
        run_in(folder, global, phase.name, Options::default(), work)
            .map_err(|error| error.hint(go_on(folder, phase.name)))?;
    }
    Ok(())
}

/// How to go on from a phase.
pub fn go_on(folder: &SiteFolder, phase: &str) -> String {
    format!(
        "when that is put right, `hive -s {} all -S {phase}` goes on from here",
        folder.variables.stage()
    )
}

/// An error of a phase that this program does not have, or not for this site.
pub fn not_here(what: String, instead: impl Into<String>) -> CommandError {
    CommandError::from(anyhow::anyhow!(what)).hint(instead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::definition::PHASES;
    use serde_json::json;

    #[test]
    fn the_table_has_the_phases_of_the_variable_in_their_order() {
        let names: Vec<_> = TABLE.iter().map(|phase| phase.name).collect();
        assert_eq!(names, PHASES);
    }

    #[test]
    fn only_whole_runs_count() {
        assert!(Options::default().is_whole());
        assert!(
            Options {
                destroy: true,
                ..Options::default()
            }
            .is_whole()
        );
        let words = vec!["h1".to_owned()];
        for partial in [
            Options {
                check: true,
                ..Options::default()
            },
            Options {
                halt: true,
                ..Options::default()
            },
            Options {
                limit: words.clone(),
                ..Options::default()
            },
            Options {
                tags: words,
                ..Options::default()
            },
        ] {
            assert!(!partial.is_whole(), "{partial:?}");
        }
    }

    #[test]
    fn the_next_phase_follows_the_last_stays() {
        assert_eq!(next(0, false), "setup-hosts");
        assert_eq!(next(5, true), "deploy-services");
        assert_eq!(next(6, false), "initialize-services");
    }

    #[test]
    fn the_inventory_is_told_the_phase_and_its_options() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            limit: vec!["a".into(), "b".into()],
            destroy: true,
            ..Options::default()
        };
        let variables = Variables::load(dir.path(), hive_site::StageName::Private).unwrap();
        let told = variables
            .with(&options.given("build-infra"))
            .unwrap()
            .injected();
        assert_eq!(told["hive_phase"], json!("build-infra"));
        assert_eq!(
            (&told["hive_limit"], &told["hive_destroy"]),
            (&json!("a,b"), &json!(true))
        );
        assert!(!told.contains_key("hive_halt"));
    }
}
