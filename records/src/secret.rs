//! What hosts of mirrored volumes know each other by: a config, since docker never gives a secret back.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ConfigSpec;
use bollard::query_parameters::ListConfigsOptions;

use crate::{Written, outcome};

/// The name of its config.
pub const SECRET: &str = "hive.volume-secret";
/// How many letters and digits of ASCII it has.
pub const SECRET_LENGTH: usize = 40;

/// The secret under this name; `None`: there is none yet.
///
/// # Errors
/// The engine does not answer, or is no manager with a majority.
pub async fn secret(docker: &Docker, name: &str) -> Result<Option<String>, Error> {
    let filters = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
    let options = ListConfigsOptions {
        filters: Some(filters),
    };
    let configs = docker.list_configs(Some(options)).await?;
    let specs = configs.into_iter().filter_map(|config| config.spec);
    // Docker's filter finds the text anywhere in a name.
    let mut ours = specs.filter(|spec| spec.name.as_deref() == Some(name));
    let data = ours.next().and_then(|spec| spec.data);
    let bytes = data.and_then(|data| STANDARD.decode(data).ok());
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Puts a secret there; [`Written::Overtaken`]: there is one already, and that one holds.
///
/// # Errors
/// As [`secret`].
pub async fn make_secret(docker: &Docker, text: &str) -> Result<Written, Error> {
    let spec = ConfigSpec {
        name: Some(SECRET.to_owned()),
        data: Some(STANDARD.encode(text)),
        ..ConfigSpec::default()
    };
    let created = docker.create_config(spec).await;
    outcome(created.map(drop), |status, _| status == 409)
}
