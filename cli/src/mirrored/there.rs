//! What there is of mirrored volumes: records in the swarm, and what docker has beside them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::anyhow;
use bollard::Docker;
use bollard::query_parameters::ListContainersOptions;
use futures_util::future::try_join_all;
use hive_deploy::actual::Actual;
use hive_deploy::from_site::mirrored::DRIVER;
use hive_deploy::managers::{Managers, Swarm};
use hive_records::Records;
use hive_volumes::plan::There;

use crate::deployment::connected::{Connected, told};
use crate::error::{CommandError, Result};

/// The records, all of which have to read: nobody may act beside one that does not.
///
/// # Errors
/// No manager answers, or a record does not read.
pub async fn records<M: Managers>(swarm: &mut Swarm<M>) -> Result<Records> {
    let records = all_records(swarm).await?;
    match records.unreadable.is_empty() {
        true => Ok(records),
        false => Err(CommandError::from(
            anyhow!(records.unreadable.join("\n")).context(
                "the swarm has records of volumes that can't be used, and nothing was changed",
            ),
        )),
    }
}

/// The records, and what is wrong with those that do not read.
///
/// # Errors
/// No manager answers.
pub async fn all_records<M: Managers>(swarm: &mut Swarm<M>) -> Result<Records> {
    let doing = "reading the records of volumes";
    let list = |docker: Docker| async move { hive_records::list(&docker).await };
    swarm.ask(doing, list).await.map_err(told)
}

/// For a plan. Who uses what is left out: that is asked for what is to be removed only.
pub fn there(records: Records, actual: &Actual) -> There {
    let records = records.volumes.into_values();
    let others = actual.volumes.iter().map(|(host, volumes)| {
        let others = volumes.iter().filter(|(_, volume)| volume.driver != DRIVER);
        let others = others.map(|(name, volume)| (name.clone(), volume.driver.clone()));
        (host.clone(), others.collect())
    });
    There {
        records: records
            .map(|record| (record.identity.name.clone(), record))
            .collect(),
        others: others.collect(),
        users: BTreeMap::new(),
    }
}

/// Who uses a volume: services that mount it, and containers of all hosts, stopped ones, too.
///
/// # Errors
/// A host's engine does not answer.
pub async fn users(
    connected: &Connected<'_>,
    actual: &Actual,
    volume: &str,
) -> Result<BTreeSet<String>> {
    let services = services(actual, volume).map(|name| format!("service {name}"));
    let mut users: BTreeSet<String> = services.collect();
    let asked = connected
        .engines
        .keys()
        .map(|host| containers(connected, host, volume));
    users.extend(try_join_all(asked).await?.into_iter().flatten());
    Ok(users)
}

/// Services that mount a volume.
pub fn services<'a>(actual: &'a Actual, volume: &'a str) -> impl Iterator<Item = &'a String> {
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
///
/// # Errors
/// The host's engine does not answer.
pub async fn containers(
    connected: &Connected<'_>,
    host: &str,
    volume: &str,
) -> Result<Vec<String>> {
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
        .map(|name| format!("container {name} on {host}"))
        .collect())
}
