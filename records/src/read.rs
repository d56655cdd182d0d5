//! A config of docker as the record that it holds.

use std::error::Error as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::models::Config;
use hive_volumes::Record;
use hive_volumes::record::document::{self, CONFIG_PREFIX};

/// The record in a config; `None`: it is not one of ours.
pub fn config(config: &Config) -> Option<Result<Record, String>> {
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
    use bollard::models::{ConfigSpec, ObjectVersion};

    fn sample(name: &str, data: Option<&str>) -> Config {
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
        assert!(config(&sample("web.hive.volume.x", Some("e30="))).is_none());
        assert!(config(&sample(crate::SECRET, Some("eA=="))).is_none());
        let told = |data| {
            config(&sample("hive.volume.web", data))
                .unwrap()
                .unwrap_err()
        };
        assert!(told(Some("!")).contains("no data, version or id"));
        let cause = told(Some("e30="));
        assert!(
            cause.contains("identity: missing field `version`"),
            "{cause}"
        );
    }
}
