//! Variables of the whole hive, as the first hive has them, and files of the stage's private folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hive_site::Evaluation;
use hive_site::service::{HiveWide, TlsLogging};
use serde_json::Value;

use crate::error::{CommandError, Result};
use crate::phases::Context;
use crate::service_names;

/// Image references, and what is taken in their place.
const TAG_MAPPING: &str = "tag-mapping.json";
/// Roles that come with hive-builder.
const BUILT_IN_ROLES: [&str; 6] = [
    "python-aptk",
    "hive-syslog",
    "hive-certificate",
    "hive-trust-ca",
    "addon",
    "addon2",
];

/// What holds for all services of the stage.
///
/// # Errors
/// A variable has no value, or one that can't be used.
pub fn of(context: &Context<'_>, evaluation: &Evaluation) -> Result<HiveWide> {
    let variables = Variables::new(context, evaluation);
    let mut hive = HiveWide::of_stage(context.stage);
    if let Some(port) = variables.port("hive_registry_port")? {
        let (host, _) = hive.registry.rsplit_once(':').unwrap_or_default();
        hive.registry = format!("{host}:{port}");
    }
    if let Some(port) = variables.port("hive_syslog_port")? {
        hive.syslog_port = port;
    }
    if variables.truth("hive_tls_logging")? == Some(true) {
        let home = variables.text("hive_home_dir")?;
        let home = home.unwrap_or_else(|| "/home/admin".into());
        hive.tls_logging = Some(TlsLogging {
            ca_cert: format!("{home}/.docker/ca.pem"),
            cert: format!("{home}/.docker/cert.pem"),
            key: format!("{home}/.docker/key.pem"),
        });
    }
    if let Some(attachable) = variables.truth("hive_network_attachable")? {
        hive.network_attachable = attachable;
    }
    hive.proxies = proxies(context, &variables)?;
    hive.tag_mapping = tag_mapping(&context.private.path(TAG_MAPPING))?;
    hive.roles = roles(context);
    Ok(hive)
}

/// Variables of the first hive.
pub struct Variables<'e> {
    evaluation: &'e Evaluation,
    host: &'e str,
}

impl<'e> Variables<'e> {
    pub fn new(context: &Context<'e>, evaluation: &'e Evaluation) -> Self {
        let hosts = context.stage.hosts();
        let first = hosts.iter().find(|host| host.is_first_hive());
        let host = first.or(hosts.first()).map_or("", |h| h.name.as_str());
        Self { evaluation, host }
    }

    /// A value; `None` when there is no such variable, or it is empty.
    pub fn value(&self, name: &str) -> Result<Option<Value>> {
        let Some(value) = self.evaluation.variable(self.host, name) else {
            return Ok(None);
        };
        let value = serde_json::to_value(value?)?;
        Ok(Some(value).filter(|value| !value.is_null() && value != ""))
    }

    /// A text or number.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        match self.value(name)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(wrong(name, &other, "a text")),
        }
    }

    fn port(&self, name: &str) -> Result<Option<u16>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err(wrong(name, &text.into(), "a port, 1 to 65535")),
        }
    }

    fn truth(&self, name: &str) -> Result<Option<bool>> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        let word = value.as_str().map(str::to_lowercase);
        match (&value, word.as_deref()) {
            (Value::Bool(truth), _) => Ok(Some(*truth)),
            (_, Some("true" | "yes" | "on" | "1")) => Ok(Some(true)),
            (_, Some("false" | "no" | "off" | "0")) => Ok(Some(false)),
            _ => Err(wrong(name, &value, "True or False")),
        }
    }
}

fn wrong(name: &str, value: &Value, wanted: &str) -> CommandError {
    let error = anyhow::anyhow!("the variable `{name}` has {value}, and takes {wanted}");
    CommandError::from(error).hint("correct it in group_vars/, host_vars/ or with `hive set`")
}

/// What containers are told of proxies and package mirrors, as programs look for it.
fn proxies(context: &Context<'_>, variables: &Variables<'_>) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (variable, name) in [
        ("hive_pip_index_url", "PIP_INDEX_URL"),
        ("hive_pip_trusted_host", "PIP_TRUSTED_HOST"),
    ] {
        if let Some(value) = variables.text(variable)? {
            all.insert(name.to_owned(), value);
        }
    }
    let hosts = context.stage.hosts();
    let first = hosts.iter().find(|host| host.is_first_hive());
    let (Some(_), Some(first)) = (variables.text("hive_http_proxy")?, first) else {
        return Ok(all);
    };
    let port = variables.text("hive_http_proxy_port")?;
    let port = port.unwrap_or_else(|| "3128".into());
    let proxy = format!("http://{}:{port}", first.private_ip);
    let services = service_names::of_stage(&context.folder.site, context.stage.name)?;
    let mut direct = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    direct.extend(hosts.iter().map(|host| host.name.clone()));
    direct.extend(services.into_iter().map(|service| service.name));
    for (name, value) in [
        ("http_proxy", &proxy),
        ("https_proxy", &proxy),
        ("no_proxy", &direct.join(",")),
    ] {
        all.insert(name.to_owned(), value.clone());
        all.insert(name.to_uppercase(), value.clone());
    }
    Ok(all)
}

fn tag_mapping(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other.with_context(|| format!("reading {}", path.display()))?,
    };
    let read = serde_json::from_str(&text);
    Ok(read.with_context(|| {
        let path = path.display();
        format!("reading {path}, which holds one object: references, and what is taken instead")
    })?)
}

/// Names of the roles that there are; `None` where collections may bring more.
fn roles(context: &Context<'_>) -> Option<BTreeSet<String>> {
    let root = &context.folder.root;
    if root.join("collections").is_dir() || context.private.path("collections").is_dir() {
        return None;
    }
    let mut folders = vec![root.join("roles"), context.private.path("roles")];
    if let Some(more) = context.variables.text("roles_path") {
        folders.extend(
            more.split(':')
                .map(|folder| root.join(PathBuf::from(folder))),
        );
    }
    let found = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let found = found.flatten().flatten();
    let names = found.filter_map(|entry| entry.file_name().into_string().ok());
    Some(names.chain(BUILT_IN_ROLES.map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_mapping_is_one_object_and_may_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TAG_MAPPING);
        assert_eq!(tag_mapping(&path).unwrap(), BTreeMap::new());
        fs::write(&path, r#"{"nginx:latest": "nginx:1.27"}"#).unwrap();
        assert_eq!(tag_mapping(&path).unwrap()["nginx:latest"], "nginx:1.27");
        fs::write(&path, "[]").unwrap();
        let text = tag_mapping(&path).unwrap_err().text();
        assert!(
            text.contains("tag-mapping.json, which holds one object"),
            "{text}"
        );
    }
}
