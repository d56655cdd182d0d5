//! Removing volumes: first a look at everything that uses them, then a question, then all hosts.

use std::collections::HashMap;

use anyhow::anyhow;
use bollard::query_parameters::{ListContainersOptions, RemoveVolumeOptions};
use hive_deploy::actual::Actual;
use hive_deploy::desired::VolumeSource;

use crate::deployment::account::{Account, State};
use crate::deployment::connected::Connected;
use crate::desired::Wanted;
use crate::error::{CommandError, Result};
use crate::phases::Context;
use crate::{confirmation, output};

/// Removes the volumes that docker's drivers keep.
///
/// # Errors
/// One is in use, or nobody confirmed; nothing was removed then.
pub async fn remove(
    context: &Context<'_>,
    mut connected: Connected<'_>,
    wanted: &Wanted,
    yes: bool,
    account: &Account,
) -> Result<()> {
    let actual = connected.actual(true).await?;
    let mut there = Vec::new();
    for volume in &wanted.desired.volumes {
        if let VolumeSource::Elsewhere(_) = volume.source {
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
    if there.is_empty() {
        output::say("None of these volumes is on any host: nothing to do.");
        return Ok(());
    }
    let mut used = Vec::new();
    for (host, name) in &there {
        used.extend(
            users(&actual, name)
                .map(|service| format!("volume {name} is mounted by service {service}")),
        );
        used.extend(containers(&connected, host, name).await?);
    }
    used.sort();
    used.dedup();
    if !used.is_empty() {
        let error = anyhow!(used.join("\n")).context("volumes are in use; nothing was removed");
        return Err(CommandError::from(error).hint(
            "remove the services first: `hive deploy-services -D -l SERVICE`; their containers are gone a moment later",
        ));
    }
    for (host, name) in &there {
        output::data(&format!("- remove volume {name} on {host}\n"))?;
    }
    if context.options.check {
        return Ok(());
    }
    let stage = context.stage.name.to_string();
    let what = format!(
        "{} volumes of stage {stage} will be removed, and all that they hold.",
        there.len()
    );
    let asked = tokio::task::spawn_blocking(move || confirmation::ask(&what, &stage, yes));
    asked.await??;
    let all = there.len();
    account.is(State::CarryingOut {
        done: 0,
        all,
        now: None,
    });
    for (host, name) in &there {
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

/// Services that mount it.
fn users<'a>(actual: &'a Actual, volume: &'a str) -> impl Iterator<Item = &'a String> {
    let services = actual.services.iter().filter(move |(_, found)| {
        let task = found.spec.task_template.as_ref();
        let mounts = task.and_then(|task| task.container_spec.as_ref()?.mounts.as_ref());
        mounts
            .into_iter()
            .flatten()
            .any(|mount| mount.source.as_deref() == Some(volume))
    });
    services.map(|(name, _)| name)
}

/// Containers of a host that mount it, stopped ones, too.
async fn containers(connected: &Connected<'_>, host: &str, volume: &str) -> Result<Vec<String>> {
    let options = ListContainersOptions {
        all: true,
        filters: Some(HashMap::from([(
            "volume".to_owned(),
            vec![volume.to_owned()],
        )])),
        ..Default::default()
    };
    let listed = connected.engines[host].list_containers(Some(options)).await;
    let listed = listed.map_err(|error| {
        anyhow!(
            "listing containers of {host}: {}",
            hive_deploy::error::told(&error)
        )
    })?;
    let names = listed
        .into_iter()
        .filter_map(|container| container.names?.into_iter().next());
    let names = names.map(|name| name.trim_start_matches('/').to_owned());
    Ok(names
        .map(|name| format!("volume {volume} is used by container {name} on {host}"))
        .collect())
}
