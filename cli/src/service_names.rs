//! Which services and volumes a stage has, by name. Read straight from the definitions, without a look at
//! templates: names have none, and listing must not do what templates can do (make a password, say).

use std::collections::BTreeMap;

use anyhow::Context;
use hive_site::{Site, SourceFile, StageName};
use serde::Serialize;
use serde_json::Value;

use crate::error::Result;

/// A service as far as its definition can be told without evaluating it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceName {
    /// Its name.
    pub name: String,
    /// The file that defines it.
    pub file: String,
    /// The image, when it is named and not built; it may hold templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether its image is built by roles.
    pub built: bool,
    /// Whether roles are to be applied inside it.
    pub initialize_roles: bool,
    /// Stages that take a finished image although it is built on others.
    #[serde(skip)]
    pulled_on: Vec<String>,
    /// The volumes that it mounts by name.
    pub volumes: Vec<VolumeName>,
}

/// A volume that a service mounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VolumeName {
    /// Its name.
    pub name: String,
    /// Who keeps it: drbd, nfs, driver, or docker itself.
    pub kind: &'static str,
    /// Where the container sees it.
    pub target: String,
}

impl ServiceName {
    /// Whether this stage builds its image.
    pub fn is_built_on(&self, stage: StageName) -> bool {
        self.built && !self.pulled_on.iter().any(|name| name == stage.name())
    }
}

/// The services of a stage, by name.
///
/// # Errors
/// A definition does not read.
pub fn of_stage(site: &Site, stage: StageName) -> Result<Vec<ServiceName>> {
    let mut found = BTreeMap::new();
    for file in &site.services {
        for (service, on) in read(file)? {
            if on.is_none_or(|stages| stages.iter().any(|name| name == stage.name())) {
                found.insert(service.name.clone(), service);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The services of a file, each with the stages that it is for; `None` for all.
fn read(file: &SourceFile) -> Result<Vec<(ServiceName, Option<Vec<String>>)>> {
    let document: Value = serde_saphyr::from_str(&file.text)
        .with_context(|| format!("reading the services in {}", file.path))?;
    let Some(Value::Object(services)) = document.get("services") else {
        return Ok(Vec::new());
    };
    let general = words(document.get("available_on"));
    let one = |(name, attributes): (&String, &Value)| {
        let image = attributes.get("image");
        let service = ServiceName {
            name: name.clone(),
            file: file.path.clone(),
            image: image.and_then(Value::as_str).map(str::to_owned),
            built: image.is_some_and(Value::is_object),
            initialize_roles: words(attributes.get("initialize_roles"))
                .is_some_and(|roles| !roles.is_empty())
                || attributes
                    .get("initialize_roles")
                    .is_some_and(Value::is_string),
            pulled_on: image
                .and_then(|image| words(image.get("pull_on")))
                .unwrap_or_default(),
            volumes: volumes(attributes.get("volumes")),
        };
        (
            service,
            words(attributes.get("available_on")).or_else(|| general.clone()),
        )
    };
    Ok(services.iter().map(one).collect())
}

fn volumes(list: Option<&Value>) -> Vec<VolumeName> {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    entries
        .filter_map(|volume| {
            let name = volume
                .get("source")?
                .as_str()
                .filter(|name| !name.is_empty())?;
            let by_type = volume
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("volume");
            let kind = ["drbd", "nfs", "driver"]
                .into_iter()
                .find(|key| volume.get(*key).is_some());
            if kind.is_none() && (by_type != "volume" || name.starts_with('/')) {
                return None;
            }
            let target = volume
                .get("target")
                .and_then(Value::as_str)
                .unwrap_or_default();
            Some(VolumeName {
                name: name.to_owned(),
                kind: kind.unwrap_or("docker"),
                target: target.to_owned(),
            })
        })
        .collect()
}

fn words(list: Option<&Value>) -> Option<Vec<String>> {
    let entries = list?.as_array()?.iter();
    Some(
        entries
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
plugin: hive_services
available_on: [staging, private]
services:
  web:
    image: '{{ hive_registry }}/web'
    volumes:
    - {source: data, target: /data, drbd: {size: 1G}}
    - {source: scratch, target: /s}
    - {source: /etc/x, target: /x, type: bind}
    - {source: '', target: /t, type: tmpfs}
  built:
    available_on: [production, private]
    image: {from: debian, roles: [a], pull_on: [production]}
    initialize_roles: [b]
";

    fn services() -> Vec<(ServiceName, Option<Vec<String>>)> {
        let file = SourceFile {
            path: "inventory/s.yml".into(),
            text: TEXT.into(),
        };
        read(&file).unwrap()
    }

    #[test]
    fn services_have_their_stages_and_volumes() {
        let found = services();
        let (built, on) = &found[0];
        assert_eq!(
            on.as_deref(),
            Some(["production".to_owned(), "private".to_owned()].as_slice())
        );
        assert!(built.is_built_on(StageName::Private) && !built.is_built_on(StageName::Production));
        assert!(built.initialize_roles);
        let (web, on) = &found[1];
        assert_eq!(
            on.as_deref(),
            Some(["staging".to_owned(), "private".to_owned()].as_slice())
        );
        assert!(!web.built && !web.initialize_roles);
        let volumes: Vec<_> = web
            .volumes
            .iter()
            .map(|v| (v.name.as_str(), v.kind))
            .collect();
        assert_eq!(volumes, [("data", "drbd"), ("scratch", "docker")]);
    }

    #[test]
    fn a_file_that_does_not_read_is_named() {
        let file = SourceFile {
            path: "inventory/s.yml".into(),
            text: "a: [".into(),
        };
        assert!(read(&file).unwrap_err().text().contains("inventory/s.yml"));
    }
}
