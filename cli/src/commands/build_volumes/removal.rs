//! Removing volumes: first a look at everything that uses them, then a question, then all hosts.

use std::collections::BTreeSet;

use anyhow::anyhow;
use bollard::query_parameters::RemoveVolumeOptions;
use hive_deploy::actual::Actual;
use hive_deploy::desired::VolumeSource;
use hive_volumes::plan;
use hive_volumes::record::document::CONFIG_PREFIX;

use super::How;
use super::mirrored::Mirrored;
use crate::deployment::account::{Account, State};
use crate::deployment::connected::Connected;
use crate::desired::Wanted;
use crate::error::{CommandError, Result, Usage};
use crate::mirrored::{there, wanted as files};
use crate::phases::Context;
use crate::{confirmation, output};

/// Removes the volumes that docker's drivers keep, and the mirrored ones.
///
/// # Errors
/// One is in use, or nobody confirmed; nothing was removed then. A host did not let go of a mirrored one.
pub async fn remove(
    context: &Context<'_>,
    mut connected: Connected<'_>,
    wanted: &Wanted,
    how: &How,
    account: &Account,
) -> Result<()> {
    let actual = connected.actual(true).await?;
    let asked = asked(context, wanted, &actual)?;
    let there = plain(wanted, &actual, &asked);
    let mut used = Vec::new();
    for (host, name) in &there {
        let services = there::services(&actual, name);
        used.extend(
            services.map(|service| format!("volume {name} is mounted by service {service}")),
        );
        let containers = there::containers(&connected, host, name).await?;
        used.extend(
            containers
                .iter()
                .map(|user| format!("volume {name} is used by {user}")),
        );
    }
    used.sort();
    used.dedup();
    if !used.is_empty() {
        let error = anyhow!(used.join("\n")).context("volumes are in use; nothing was removed");
        return Err(CommandError::from(error).hint(
            "remove the services first: `hive deploy-services -D -l SERVICE`; their containers are gone a moment later",
        ));
    }
    let volumes = mirrored_volumes(wanted, &actual, &asked);
    let mut mirrored = Mirrored::removal(context, &mut connected, &actual, volumes).await?;
    if there.is_empty() && mirrored.plan.lines.is_empty() {
        output::say("None of these volumes is on any host: nothing to do.");
        return Ok(());
    }
    for (host, name) in &there {
        output::data(&format!("- remove volume {name} on {host}\n"))?;
    }
    output::data(&mirrored.plan.to_string())?;
    if context.options.check {
        return Ok(());
    }
    let stage = context.stage.name.to_string();
    let what = format!(
        "{} volumes of stage {stage} will be removed, and all that they hold.",
        there.len() + mirrored.plan.lines.len()
    );
    let yes = how.yes;
    let confirmed = tokio::task::spawn_blocking(move || confirmation::ask(&what, &stage, yes));
    confirmed.await??;
    remove_plain(&connected, &there, account).await?;
    mirrored.write(&mut connected, account).await?;
    if how.waiting.detach {
        if mirrored.is_awaited() {
            output::say("not waited for: `hive volumes` shows how far the hosts are");
        }
        return Ok(());
    }
    let seconds = how.waiting.timeout;
    mirrored.wait(&mut connected, seconds, account).await
}

/// The names that were asked for: all of the files, or those of `-l`, which a record makes known, too.
fn asked(context: &Context<'_>, wanted: &Wanted, actual: &Actual) -> Result<BTreeSet<String>> {
    let defined = wanted.services.volumes.keys();
    let limit = &context.options.limit;
    if limit.is_empty() {
        return Ok(defined.cloned().collect());
    }
    let known: BTreeSet<&str> = defined
        .map(String::as_str)
        .chain(recorded(actual))
        .collect();
    if let Some(name) = limit.iter().find(|name| !known.contains(name.as_str())) {
        let stage = context.stage.name;
        let names: Vec<&str> = known.into_iter().collect();
        let has = match names.is_empty() {
            true => "it has none".to_owned(),
            false => format!("it has {}", names.join(", ")),
        };
        return Err(Usage(format!("stage {stage} has no volume `{name}`; {has}")).into());
    }
    Ok(limit.iter().cloned().collect())
}

/// Volumes that the swarm has a record of.
fn recorded(actual: &Actual) -> impl Iterator<Item = &str> {
    let names = actual.configs.keys();
    names.filter_map(|name| name.strip_prefix(CONFIG_PREFIX))
}

/// Those of docker's drivers, by host.
fn plain(wanted: &Wanted, actual: &Actual, asked: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut there = Vec::new();
    let volumes = wanted.desired.volumes.iter();
    for volume in volumes.filter(|volume| asked.contains(&volume.name)) {
        if volume.source == VolumeSource::Elsewhere {
            output::warn(&format!(
                "volume {} was not made by this command, and stays",
                volume.name
            ));
            continue;
        }
        let hosts = actual
            .volumes
            .iter()
            .filter(|(_, has)| has.contains_key(&volume.name));
        there.extend(hosts.map(|(host, _)| (host.clone(), volume.name.clone())));
    }
    there
}

/// The mirrored ones: of the files, and those that only a record is left of.
fn mirrored_volumes(
    wanted: &Wanted,
    actual: &Actual,
    asked: &BTreeSet<String>,
) -> Vec<plan::Wanted> {
    let mut volumes = files::volumes(&wanted.services);
    volumes.retain(|volume| asked.contains(&volume.name));
    let defined = &wanted.services.volumes;
    let left =
        recorded(actual).filter(|name| asked.contains(*name) && !defined.contains_key(*name));
    volumes.extend(left.map(|name| plan::Wanted {
        name: name.to_owned(),
        declared: "the swarm's record".into(),
        size: 0,
        file_system: String::new(),
        id: 0,
        diskless: BTreeSet::new(),
        group: None,
    }));
    volumes
}

async fn remove_plain(
    connected: &Connected<'_>,
    there: &[(String, String)],
    account: &Account,
) -> Result<()> {
    account.is(State::CarryingOut {
        done: 0,
        all: there.len(),
        now: None,
    });
    for (host, name) in there {
        account.begins(format!("remove volume {name} on {host}"));
        let docker = &connected.engines[host];
        let removed = docker
            .remove_volume(name, None::<RemoveVolumeOptions>)
            .await;
        removed.map_err(|error| {
            anyhow!(
                "removing volume {name} on {host}: {}",
                hive_deploy::error::told(&error)
            )
        })?;
        account.ended();
        output::say(&format!("  volume {name} on {host} removed"));
    }
    Ok(())
}
