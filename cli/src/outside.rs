//! What the inventory sees besides its own files: the site folder, the environment, what the command knows.

use std::sync::Arc;

use hive_site::service::Kept;
use hive_site::{Evaluation, Injected, OnDisk, Outside, Site};

use crate::error::Result;
use crate::variables::Variables;

/// What reading the inventory may use, for the stage that the command works on.
///
/// # Errors
/// A persisted value is of the wrong type.
pub fn of(variables: &Variables) -> Result<Outside> {
    let kept = Kept {
        device_ids: variables.device_map()?,
        published_ports: variables.port_map()?,
    };
    Ok(Outside {
        stage: Some(variables.stage()),
        surroundings: Arc::new(OnDisk::new(variables.root())),
        injected: injected(variables)
            .with_kept(kept)
            .with_first_hive(first_hive(variables)),
    })
}

/// The variables of a site while the command works on its stage.
///
/// # Errors
/// As [`of`].
pub fn evaluation(site: &Site, variables: &Variables) -> Result<Evaluation> {
    let outside = of(variables)?;
    Ok(site.evaluate(variables.stage(), outside.surroundings, outside.injected))
}

/// The same, with new published ports and device ids given and kept.
///
/// # Errors
/// As [`of`], or they can't be written down.
pub fn numbered(site: &Site, variables: &mut Variables) -> Result<Evaluation> {
    let stage = variables.stage();
    let outside = of(variables)?;
    variables.update_maps(|maps| {
        let kept = Kept {
            device_ids: maps.devices.clone(),
            published_ports: maps.ports.clone(),
        };
        let injected = outside.injected.with_kept(kept);
        let evaluation = site.evaluate(stage, outside.surroundings, injected);
        maps.devices = evaluation.numbers().device_ids.clone();
        maps.ports = evaluation.numbers().published_ports.clone();
        Ok(evaluation)
    })
}

/// The number of the hive that founded the swarm.
fn first_hive(variables: &Variables) -> usize {
    let given = variables
        .get("first_hive")
        .and_then(|found| found.value.as_u64());
    given
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(0)
}

fn injected(variables: &Variables) -> Injected {
    let known = variables.injected();
    known
        .iter()
        .fold(Injected::new(), |injected, (name, value)| {
            injected.with_json(name, value)
        })
}
