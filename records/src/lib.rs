//! Records of mirrored volumes in the swarm's Raft, as docker configs, through a manager's engine.
//!
//! The `hive` command makes and changes them, `hived` changes and removes them. How long an answer is
//! waited for, and what is done without one, is the caller's business.

mod read;
mod secret;

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ConfigSpec;
use bollard::query_parameters::{ListConfigsOptions, UpdateConfigOptions};
use hive_volumes::record::document::{self, CONFIG_PREFIX};
use hive_volumes::{Identity, Record, State};

pub use secret::{SECRET, SECRET_LENGTH, make_secret, secret};

/// The records of the swarm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// Those that read, by the name of the volume.
    pub volumes: BTreeMap<String, Record>,
    /// What is wrong with others, a sentence each. Nobody may act on them.
    pub unreadable: Vec<String>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Raft has it.
    Done,
    /// Somebody else was faster: read again.
    Overtaken,
}

/// Reads the records of all volumes.
///
/// # Errors
/// The engine does not answer, or is no manager with a majority.
pub async fn list(docker: &Docker) -> Result<Records, Error> {
    let filters = HashMap::from([("name".to_owned(), vec![CONFIG_PREFIX.to_owned()])]);
    let options = ListConfigsOptions {
        filters: Some(filters),
    };
    let configs = docker.list_configs(Some(options)).await?;
    let mut records = Records::default();
    for config in &configs {
        match read::config(config) {
            Some(Ok(record)) => {
                let name = record.identity.name.as_str().to_owned();
                records.volumes.insert(name, record);
            }
            Some(Err(why)) => records.unreadable.push(why),
            None => {}
        }
    }
    Ok(records)
}

/// Makes the record of a new volume; [`Written::Overtaken`]: there is one of that name.
///
/// # Errors
/// As [`list`]. It is not known then whether Raft has it.
pub async fn create(docker: &Docker, identity: &Identity, state: &State) -> Result<Written, Error> {
    let spec = ConfigSpec {
        data: Some(STANDARD.encode(document::data(identity)?)),
        ..spec(identity, state)?
    };
    let created = docker.create_config(spec).await;
    outcome(created.map(drop), |status, _| status == 409)
}

/// Writes a new state at the version at which `record` was read: a compare-and-swap.
///
/// # Errors
/// As [`create`].
pub async fn change(docker: &Docker, record: &Record, state: &State) -> Result<Written, Error> {
    // A version beyond that is none that docker ever gave, and it refuses it as one overtaken.
    let version = i64::try_from(record.version).unwrap_or(i64::MAX);
    // Docker keeps the data whatever is sent.
    let spec = spec(&record.identity, state)?;
    let options = UpdateConfigOptions { version };
    let changed = docker.update_config(&record.config, spec, options).await;
    // Docker has no status of its own for it. One that is gone was removed by somebody faster, too.
    outcome(changed, |status, message| {
        status == 404 || message.contains("update out of sequence")
    })
}

/// Removes a record. By docker's id, so a new volume of the same name is safe from a late one.
///
/// # Errors
/// As [`create`].
pub async fn forget(docker: &Docker, record: &Record) -> Result<(), Error> {
    let removed = docker.delete_config(&record.config).await;
    outcome(removed, |status, _| status == 404).map(drop)
}

fn spec(identity: &Identity, state: &State) -> Result<ConfigSpec, Error> {
    Ok(ConfigSpec {
        name: Some(document::config_name(&identity.name)),
        labels: Some(document::labels(state)?.into_iter().collect()),
        ..ConfigSpec::default()
    })
}

fn outcome(
    answer: Result<(), Error>,
    overtaken: impl Fn(u16, &str) -> bool,
) -> Result<Written, Error> {
    match answer {
        Ok(()) => Ok(Written::Done),
        Err(Error::DockerResponseServerError {
            status_code,
            message,
        }) if overtaken(status_code, &message) => Ok(Written::Overtaken),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_conflicts_count_as_overtaken() {
        let refused = |status_code, message: &str| {
            Err(Error::DockerResponseServerError {
                status_code,
                message: message.into(),
            })
        };
        let late = |status, message: &str| status == 404 || message.contains("out of sequence");
        let told = |answer| outcome(answer, late).ok();
        assert_eq!(told(Ok(())), Some(Written::Done));
        assert_eq!(told(refused(404, "gone")), Some(Written::Overtaken));
        let words = "rpc error: update out of sequence";
        assert_eq!(told(refused(500, words)), Some(Written::Overtaken));
        assert_eq!(told(refused(503, "no leader")), None);
    }
}
