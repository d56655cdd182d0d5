//! What a stage's files want of its swarm. Everything is read and judged here, before any host is
//! asked for anything.
//!
//! | file | what it holds |
//! |---|---|
//! | `hive_wide.rs` | variables of the whole hive that decide how services look |
//! | `contents.rs` | what secrets and configs hold |
//! | `vault.rs` | generated ones, kept encrypted in the site folder |
//! | `credentials.rs` | logins at registries |

mod contents;
pub mod credentials;
pub mod hive_wide;
pub mod vault;

use std::collections::{BTreeMap, BTreeSet};

use bollard::auth::DockerCredentials;
use hive_deploy::desired::Desired;
use hive_deploy::from_site;
use hive_deploy::from_site::mirrored::{self, Reach};
use hive_inventory::image::DrbdModule;
use hive_site::Evaluation;
use hive_site::service::model::Services;
use hive_site::service::{Kept, Reading};

use crate::error::{Bug, CommandError, Result, Usage};
use crate::output;
use crate::outside;
use crate::phases::Context;

/// What the files are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A plan that is only shown: nothing is written down.
    Look,
    /// Something is made: new numbers are kept, new secrets are generated.
    Make,
    /// Something is removed, or has nothing to do with secrets: nobody asks what they hold.
    WithoutContents,
    /// As that, and new numbers are kept.
    Numbers,
}

/// What a stage's files want.
pub struct Wanted {
    /// As the files say it.
    pub services: Services,
    /// As the swarm is told.
    pub desired: Desired,
    /// Logins by registry.
    pub credentials: BTreeMap<String, DockerCredentials>,
}

impl Wanted {
    /// Leaves of the volumes only some.
    pub fn limit_volumes(&mut self, keep: impl Fn(&String) -> bool) {
        self.desired.volumes.retain(|volume| keep(&volume.name));
        self.services.volumes.retain(|name, _| keep(name));
    }
}

/// Reads what the stage wants.
///
/// # Errors
/// The files have mistakes, or a secret's content can't be had.
pub fn of(context: &Context<'_>, purpose: Purpose) -> Result<Wanted> {
    let (reading, evaluation, registry) = reading(context, purpose)?;
    for warning in &reading.warnings {
        output::say(warning.to_string().trim_end());
    }
    let credentials = credentials::of(context, &evaluation, &registry)?;
    let contents = contents::of(context, &reading, purpose)?;
    let mut desired = from_site::desired(&reading.services, &contents)
        .map_err(|error| Bug(format!("what was read can't be mapped: {error}")))?;
    let reach = match context.stage.drbd.module {
        DrbdModule::Kernel => Reach::WithCopies,
        DrbdModule::Deb | DrbdModule::Linbit => Reach::Everywhere,
    };
    mirrored::complete(&mut desired, &reading.services, reach);
    Ok(Wanted {
        services: reading.services,
        desired,
        credentials,
    })
}

fn reading(context: &Context<'_>, purpose: Purpose) -> Result<(Reading, Evaluation, String)> {
    let site = &context.folder.site;
    let read = |evaluation: Evaluation| {
        let hive = hive_wide::of(context, &evaluation)?;
        let none = || Bug(format!("stage {} has gone", context.stage.name));
        let reading = site.services(&evaluation, &hive).ok_or_else(none)??;
        Ok::<_, CommandError>((reading, evaluation, hive.registry))
    };
    if !matches!(purpose, Purpose::Make | Purpose::Numbers) {
        return read(outside::evaluation(site, &context.variables)?);
    }
    let outside = outside::of(&context.variables)?;
    context.variables.clone().update_maps(|maps| {
        let kept = Kept {
            device_ids: maps.devices.clone(),
            published_ports: maps.ports.clone(),
        };
        let injected = outside.injected.with_kept(kept);
        let all = read(site.evaluate(context.stage.name, outside.surroundings, injected))?;
        maps.devices = all.0.kept.device_ids.clone();
        maps.ports = all.0.kept.published_ports.clone();
        Ok(all)
    })
}

/// The names of `-l`, all of which have to be known; `None` when nobody named any.
///
/// # Errors
/// A name that is not known.
pub fn limited<'n>(
    context: &Context<'_>,
    kind: &str,
    known: impl Iterator<Item = &'n String>,
) -> Result<Option<BTreeSet<String>>> {
    let limit = &context.options.limit;
    if limit.is_empty() {
        return Ok(None);
    }
    let known: Vec<&str> = known.map(String::as_str).collect();
    if let Some(name) = limit.iter().find(|name| !known.contains(&name.as_str())) {
        let stage = context.stage.name;
        let has = match known.as_slice() {
            [] => "it has none".to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        let unknown = format!("stage {stage} has no {kind} `{name}`; {has}");
        return Err(Usage(unknown).into());
    }
    Ok(Some(limit.iter().cloned().collect()))
}
