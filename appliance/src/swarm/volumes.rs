//! Records of mirrored volumes in the swarm's Raft, as docker configs. A manager's engine can read and
//! write them; a worker's says that it is none.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::models::{Config, ConfigSpec};
use bollard::query_parameters::{ListConfigsOptions, UpdateConfigOptions};
use hive_volumes::record::document::{self, CONFIG_PREFIX};
use hive_volumes::{Identity, Record, State};

use super::{Engine, EngineError};

/// A question to Raft, or a change of it.
const PATIENCE: Duration = Duration::from_secs(10);

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

impl Engine {
    /// Reads the records of all volumes.
    ///
    /// # Errors
    /// Docker does not answer, or is no manager with a majority; in words.
    pub async fn volume_records(&self) -> Result<Records, String> {
        let listed = async {
            let docker = self.connect()?;
            let filters = HashMap::from([("name".to_owned(), vec![CONFIG_PREFIX.to_owned()])]);
            let options = ListConfigsOptions {
                filters: Some(filters),
            };
            let doing = "reading the records of volumes";
            self.bounded(doing, PATIENCE, docker.list_configs(Some(options)))
                .await
        };
        let configs = listed.await.map_err(|e: EngineError| e.to_string())?;
        let mut records = Records::default();
        for config in &configs {
            match read(config) {
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

    /// The secret in a config; `None`: there is no such config.
    ///
    /// # Errors
    /// As [`Self::volume_records`].
    pub async fn volume_secret(&self, config: &str) -> Result<Option<String>, String> {
        let doing = "reading the secret of volumes";
        let read = async {
            let docker = self.connect()?;
            self.bounded(doing, PATIENCE, docker.inspect_config(config))
                .await
        };
        let read = match read.await {
            Err(EngineError::Refused { status: 404, .. }) => return Ok(None),
            read => read.map_err(|e| e.to_string())?,
        };
        let data = read.spec.and_then(|spec| spec.data).unwrap_or_default();
        let text = STANDARD.decode(data).ok().map(String::from_utf8);
        match text {
            Some(Ok(secret)) => Ok(Some(secret.trim().to_owned())),
            _ => Err(format!("{doing}: the config {config} holds no text")),
        }
    }

    /// Makes the record of a new volume; [`Written::Overtaken`]: there is one of that name.
    ///
    /// # Errors
    /// As [`Self::volume_records`]. It is not known then whether Raft has it.
    pub async fn create_volume(
        &self,
        identity: &Identity,
        state: &State,
    ) -> Result<Written, String> {
        let spec = ConfigSpec {
            data: Some(STANDARD.encode(document::data(identity).map_err(|e| e.to_string())?)),
            ..spec(identity, state)?
        };
        let created = async {
            let docker = self.connect()?;
            let doing = "making the record of a volume";
            self.bounded(doing, PATIENCE, docker.create_config(spec))
                .await
        };
        outcome(created.await.map(drop), |status, _| status == 409)
    }

    /// Writes a new state at the version at which `record` was read: a compare-and-swap.
    ///
    /// # Errors
    /// As [`Self::create_volume`].
    pub async fn change_volume(&self, record: &Record, state: &State) -> Result<Written, String> {
        let version = i64::try_from(record.version).map_err(|e| e.to_string())?;
        // Docker keeps the data whatever is sent.
        let spec = spec(&record.identity, state)?;
        let changed = async {
            let docker = self.connect()?;
            let doing = "writing the record of a volume";
            let update =
                docker.update_config(&record.config, spec, UpdateConfigOptions { version });
            self.bounded(doing, PATIENCE, update).await
        };
        // Docker has no status of its own for it. One that is gone was removed by somebody faster, too.
        outcome(changed.await, |status, message| {
            status == 404 || message.contains("update out of sequence")
        })
    }

    /// Removes a record. By docker's id, so a new volume of the same name is safe from a late one.
    ///
    /// # Errors
    /// As [`Self::create_volume`].
    pub async fn forget_volume(&self, record: &Record) -> Result<(), String> {
        let removed = async {
            let docker = self.connect()?;
            let doing = "removing the record of a volume";
            self.bounded(doing, PATIENCE, docker.delete_config(&record.config))
                .await
        };
        outcome(removed.await, |status, _| status == 404).map(drop)
    }
}

fn spec(identity: &Identity, state: &State) -> Result<ConfigSpec, String> {
    let labels = document::labels(state).map_err(|e| e.to_string())?;
    Ok(ConfigSpec {
        name: Some(document::config_name(&identity.name)),
        labels: Some(labels.into_iter().collect()),
        ..ConfigSpec::default()
    })
}

fn outcome(
    answer: Result<(), EngineError>,
    overtaken: impl Fn(u16, &str) -> bool,
) -> Result<Written, String> {
    match answer {
        Ok(()) => Ok(Written::Done),
        Err(EngineError::Refused {
            status, message, ..
        }) if overtaken(status, &message) => Ok(Written::Overtaken),
        Err(e) => Err(e.to_string()),
    }
}

/// The record in a config; `None`: it is not one of ours.
fn read(config: &Config) -> Option<Result<Record, String>> {
    let spec = config.spec.as_ref()?;
    let name = spec.name.as_deref()?;
    // Docker's filter finds the text anywhere in a name.
    if !name.starts_with(CONFIG_PREFIX) {
        return None;
    }
    let labels = spec.labels.iter().flatten();
    let labels = labels.map(|(k, v)| (k.clone(), v.clone())).collect();
    let data = STANDARD.decode(spec.data.as_deref().unwrap_or_default());
    let version = config.version.as_ref().and_then(|version| version.index);
    let (Ok(data), Some(version), Some(id)) = (data, version, config.id.as_deref()) else {
        return Some(Err(format!(
            "docker tells no data, version or id of the config {name}"
        )));
    };
    let read = document::read(document::Config {
        id,
        version,
        name,
        data: &data,
        labels: &labels,
    });
    Some(read.map_err(|error| match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ObjectVersion;

    fn config(name: &str, data: Option<&str>) -> Config {
        Config {
            id: Some("c1".into()),
            version: Some(ObjectVersion { index: Some(3) }),
            spec: Some(ConfigSpec {
                name: Some(name.into()),
                data: data.map(str::to_owned),
                ..ConfigSpec::default()
            }),
            ..Config::default()
        }
    }

    #[test]
    fn configs_of_others_are_passed_over_and_bad_ones_are_told() {
        assert!(read(&config("web.hive.volume.x", Some("e30="))).is_none());
        let told = |data| read(&config("hive.volume.web", data)).unwrap().unwrap_err();
        assert!(told(Some("!")).contains("no data, version or id"));
        let cause = told(Some("e30="));
        assert!(
            cause.contains("identity: missing field `version`"),
            "{cause}"
        );
    }
}
