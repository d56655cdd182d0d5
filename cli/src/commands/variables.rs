//! `hive set`, `get`, `unset`, `list`: the variables that a site keeps.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use hive_site::StageName;
use serde::Serialize;
use serde_json::Value;

use crate::args::Global;
use crate::error::{CommandError, Result, Usage};
use crate::site_folder;
use crate::variables::definition::{self, Definition, Scope, TABLE};
use crate::variables::store::Store;
use crate::variables::value::{Kind, without_password, words};
use crate::variables::{GLOBAL, Resolved, Source};
use crate::{names, output};

/// Stands for a credential that is not shown.
const HIDDEN: &str = "(hidden)";

/// Arguments of `hive set`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Values are kept in .hive/persistents.yml of the site folder, some for all stages, some for the stage of -s; \
    `hive list` shows which. A dict is written as JSON. VALUE `-` reads the value from standard input, which keeps credentials out of \
    the shell's history."
)]
pub struct Set {
    /// The variable
    #[arg(value_name = "NAME", add = names::variables())]
    name: String,
    /// Its value; one that begins with a dash stands behind `--`
    #[arg(value_name = "VALUE")]
    value: String,
}

/// Arguments of `hive get`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The exit code is 1 when the variable has no value.")]
pub struct Get {
    /// The variable
    #[arg(value_name = "NAME", add = names::variables())]
    name: String,
    /// Show the value although it is a credential
    #[arg(long)]
    reveal: bool,
    /// Print the value as JSON, with its scope and where it is from
    #[arg(long)]
    json: bool,
}

/// Arguments of `hive unset`.
#[derive(Debug, clap::Args)]
pub struct Unset {
    /// The variable
    #[arg(value_name = "NAME", add = names::variables())]
    name: String,
}

/// Arguments of `hive list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Show variables without a value and those without effect, too
    #[arg(short, long)]
    all: bool,
    /// Show credentials
    #[arg(long)]
    reveal: bool,
    /// Print the variables as JSON
    #[arg(long)]
    json: bool,
}

impl Set {
    /// Keeps the value.
    ///
    /// # Errors
    /// There is no such variable, the value is of another type, or the site folder can't be written.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let definition = find(&self.name)?;
        let scope = scope(definition, global)?;
        let text = match self.value.as_str() {
            "-" => standard_input()?,
            _ => self.value,
        };
        let value = parse(definition, &text)?;
        let root = site_folder::locate(global)?;
        Store::update(&root, |store| store.set(definition.name, &scope, &value))?;
        if !definition.used {
            output::warn(&format!(
                "`{}` is kept, and has no effect: it was a setting of Ansible",
                definition.name
            ));
        }
        output::say(&format!(
            "{} is {} ({})",
            definition.name,
            shown(definition, &value, false),
            whose(&scope)
        ));
        if definition.name == "stage" && global.stage.is_some() {
            output::say("This command's own -s had no part in it.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Get {
    /// Prints the value.
    ///
    /// # Errors
    /// There is no such variable, it has no value, or it is a credential.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let definition = find(&self.name)?;
        let variables = site_folder::variables(global)?;
        let Some(found) = variables.get(definition.name) else {
            let error = anyhow::anyhow!(
                "`{}` has no value for stage {}",
                definition.name,
                variables.stage()
            );
            return Err(CommandError::from(error).hint(format!(
                "give it one with `hive set {} VALUE`",
                definition.name
            )));
        };
        if self.json {
            output::json(
                "variable",
                &Entry::new(definition, Some(found), variables.root(), self.reveal),
            )?;
        } else if definition.secret && !self.reveal {
            let error = anyhow::anyhow!("`{}` is a credential", definition.name);
            return Err(CommandError::from(error).hint("`--reveal` shows it"));
        } else {
            output::data(&format!("{}\n", words(&found.value)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Unset {
    /// Forgets the value.
    ///
    /// # Errors
    /// There is no such variable, or the site folder can't be written.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let root = site_folder::locate(global)?;
        let definition = match definition::find(&self.name) {
            Ok(definition) => definition,
            // Entries of others can be taken out by their exact name.
            Err(_) if forget_stranger(&root, &self.name)? => {
                output::say(&format!("{} is no longer in the files", self.name));
                return Ok(ExitCode::SUCCESS);
            }
            Err(unknown) => return Err(Usage(unknown.to_string()).into()),
        };
        // A damaged value elsewhere must not keep one from being taken out.
        let scope = match definition.scope {
            Scope::Unkept => GLOBAL.to_owned(),
            _ => scope(definition, global)?,
        };
        let was_there = Store::update(&root, |store| store.unset(definition.name, &scope))?;
        let state = if was_there {
            "is no longer set"
        } else {
            "was not set"
        };
        output::say(&format!("{} {state} ({})", definition.name, whose(&scope)));
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    /// Prints the variables.
    ///
    /// # Errors
    /// What is persisted can't be read.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let variables = site_folder::variables(global)?;
        variables.warn_of_strangers();
        let entries: Vec<Entry> = TABLE
            .iter()
            .map(|definition| (definition, variables.get(definition.name)))
            .filter(|(definition, found)| {
                self.all || found.is_some_and(|f| definition.used || f.source != Source::Default)
            })
            .map(|(definition, found)| Entry::new(definition, found, variables.root(), self.reveal))
            .collect();
        if self.json {
            output::json("variables", &entries)?;
        } else {
            let row = |entry: &Entry| {
                vec![
                    entry.name.to_owned(),
                    entry.text(),
                    entry.scope.to_owned(),
                    entry.from.clone(),
                ]
            };
            let rows: Vec<_> = entries.iter().map(row).collect();
            output::data(&output::table(&["NAME", "VALUE", "SCOPE", "FROM"], &rows))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A variable as it is shown.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    value: Option<Value>,
    hidden: bool,
    scope: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    from: String,
    about: &'static str,
}

impl Entry {
    fn new(
        definition: &'static Definition,
        found: Option<&Resolved>,
        root: &Path,
        reveal: bool,
    ) -> Self {
        let hidden = definition.secret && !reveal && found.is_some();
        let value = found.filter(|_| !hidden).map(|found| match reveal {
            true => found.value.clone(),
            false => without_password(&found.value),
        });
        Self {
            name: definition.name,
            value,
            hidden,
            scope: definition.scope.name(),
            kind: definition.kind.name(),
            from: found.map_or_else(
                || "-".to_owned(),
                |found| place(definition, &found.source, root),
            ),
            about: definition.about,
        }
    }

    fn text(&self) -> String {
        match (&self.value, self.hidden) {
            (_, true) => HIDDEN.to_owned(),
            (Some(value), false) => words(value),
            (None, false) => "-".to_owned(),
        }
    }
}

fn place(definition: &Definition, source: &Source, root: &Path) -> String {
    let inside = |path: &Path| {
        path.strip_prefix(root)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    match source {
        Source::CommandLine if definition.name == "root_dir" => "the site folder".to_owned(),
        Source::CommandLine => "the command line".to_owned(),
        Source::Stage(path) => format!("{}, for this stage", inside(path)),
        Source::Global(path) => format!("{}, for all stages", inside(path)),
        Source::Default => "default".to_owned(),
    }
}

fn find(name: &str) -> Result<&'static Definition> {
    definition::find(name).map_err(|unknown| {
        CommandError::from(Usage(unknown.to_string())).hint("`hive list --all` shows all there are")
    })
}

/// The key under which a variable is kept.
fn scope(definition: &Definition, global: &Global) -> Result<String> {
    match definition.scope {
        Scope::Global => Ok(GLOBAL.to_owned()),
        Scope::Stage => Ok(stage(global)?.name().to_owned()),
        Scope::Unkept => Err(Usage(format!(
            "`{}` can't be persisted: it comes from the command line",
            definition.name
        ))
        .into()),
    }
}

/// The effective stage, whatever else is in the files.
fn stage(global: &Global) -> Result<StageName> {
    if let Some(stage) = global.stage {
        return Ok(stage);
    }
    let store = Store::load(&site_folder::locate(global)?)?;
    let kept = store
        .get("stage", GLOBAL)
        .and_then(|(value, _)| value.as_str().map(str::to_owned));
    Ok(match kept {
        Some(name) => name.parse()?,
        None => StageName::Private,
    })
}

fn parse(definition: &Definition, text: &str) -> Result<Value> {
    let value = definition.kind.parse(text).map_err(|wrong| {
        Usage(format!(
            "`{}` can't have this value: {wrong}",
            definition.name
        ))
    })?;
    let Kind::Directory = definition.kind else {
        return Ok(value);
    };
    let whole = std::path::absolute(text.trim_end_matches('/'))
        .with_context(|| format!("finding the folder {text}"))?;
    // What is made later on need not be there yet; definitions must.
    if definition.name == "inventory_path" && !whole.exists() {
        return Err(Usage(format!(
            "`{}` can't have this value: {} is not there",
            definition.name,
            whole.display()
        ))
        .into());
    }
    Ok(whole.to_string_lossy().into_owned().into())
}

fn standard_input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("reading the value from standard input")?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Takes out an entry that is no variable; tells whether there was one.
fn forget_stranger(root: &Path, name: &str) -> Result<bool> {
    Store::update(root, |store| {
        let scopes: Vec<String> = store
            .names()
            .filter(|(found, _, _)| *found == name)
            .flat_map(|(_, scopes, _)| scopes.into_iter().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        for scope in &scopes {
            store.unset(name, scope)?;
        }
        Ok(!scopes.is_empty())
    })
}

fn shown(definition: &Definition, value: &Value, reveal: bool) -> String {
    match definition.secret && !reveal {
        true => HIDDEN.to_owned(),
        false => words(&without_password(value)),
    }
}

fn whose(scope: &str) -> String {
    match scope {
        GLOBAL => "for all stages".to_owned(),
        stage => format!("for stage {stage}"),
    }
}
