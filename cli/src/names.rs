//! Names that the shell completes: hosts, services, variables. They are those of the site and
//! stage that the words typed so far mean. Nothing is said when there is none.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use hive_site::StageName;

use crate::args::{Args, Global};
use crate::service_names;
use crate::site_folder::SiteFolder;
use crate::variables::definition;

/// Hosts of the stage, by short name.
pub fn hosts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let site = site();
        let stage = site
            .as_ref()
            .and_then(|(folder, global)| folder.stage(global).ok());
        let hosts = stage.into_iter().flat_map(|stage| stage.hosts());
        hosts
            .map(|host| CompletionCandidate::new(host.short_name()))
            .collect()
    })
}

/// The three stages.
pub fn stages() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        StageName::ALL
            .iter()
            .map(|stage| CompletionCandidate::new(stage.name()))
            .collect()
    })
}

/// Services of the stage.
pub fn services() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let found = site().and_then(|(folder, _)| {
            service_names::of_stage(&folder.site, folder.variables.stage()).ok()
        });
        let services = found.into_iter().flatten();
        services
            .map(|service| CompletionCandidate::new(service.name))
            .collect()
    })
}

/// Mirrored volumes of the stage.
pub fn mirrored_volumes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let found = site().and_then(|(folder, _)| {
            service_names::of_stage(&folder.site, folder.variables.stage()).ok()
        });
        let services = found.into_iter().flatten();
        let volumes = services.flat_map(|service| service.volumes);
        let mirrored = volumes.filter(|volume| volume.kind == "drbd");
        let names: BTreeSet<String> = mirrored.map(|volume| volume.name).collect();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Variables that can be persisted, with what they are for.
pub fn variables() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let useful = definition::TABLE
            .iter()
            .filter(|d| d.used && d.scope != definition::Scope::Unkept);
        useful
            .map(|d| CompletionCandidate::new(d.name).help(Some(d.about.into())))
            .collect()
    })
}

fn site() -> Option<(SiteFolder, Global)> {
    // The shell's script calls `hive -- WORD…` with the words of the line.
    let words: Vec<OsString> = std::env::args_os()
        .skip_while(|word| word != "--")
        .skip(1)
        .collect();
    let global = global(&words)?;
    Some((SiteFolder::open_quietly(&global).ok()?, global))
}

/// The options of every command among words of which the rest may be unfinished.
fn global(words: &[OsString]) -> Option<Global> {
    let command = Args::command()
        .ignore_errors(true)
        .disable_help_flag(true)
        .disable_version_flag(true);
    let matches: Option<ArgMatches> = command.try_get_matches_from(words).ok();
    matches
        .and_then(|matches| Global::from_arg_matches(&matches).ok())
        .or_else(|| Some(plain(words)))
}

/// The same without clap, which gives up on some unfinished lines.
fn plain(words: &[OsString]) -> Global {
    let mut global = Global::default();
    for pair in words.windows(2) {
        let value = &pair[1];
        match pair[0].to_str() {
            Some("-s" | "--stage") => {
                global.stage = value.to_str().and_then(|word| word.parse().ok())
            }
            Some("-r" | "--root-dir" | "--root_dir") => {
                global.root_dir = Some(PathBuf::from(value))
            }
            Some("-i" | "--inventory-path" | "--inventory_path") => {
                global.inventory_path = Some(PathBuf::from(value))
            }
            _ => {}
        }
    }
    global
}
