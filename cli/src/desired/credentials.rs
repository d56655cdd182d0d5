//! Logins at registries: those of `hive_ext_repositories`, and that of the site's own registry.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use anyhow::Context as _;
use bollard::auth::DockerCredentials;
use hive_deploy::images::{can_be_carried, registry_of};
use hive_site::Evaluation;
use serde::Deserialize;

use super::hive_wide::Variables;
use crate::error::{CommandError, Result};
use crate::output;
use crate::phases::Context;

/// The password of the site's own registry, in the stage's private folder.
const OWN: &str = "registry_password";
const LIST: &str = "hive_ext_repositories";

/// An entry of `hive_ext_repositories`.
#[derive(Deserialize)]
struct Login {
    repository: Option<String>,
    login_user: String,
    password: String,
    email: Option<String>,
}

/// Logins by registry, as references name it.
///
/// # Errors
/// The variable is something else, or the password can't be read.
pub fn of(
    context: &Context<'_>,
    evaluation: &Evaluation,
    own: &str,
) -> Result<BTreeMap<String, DockerCredentials>> {
    let variables = Variables::new(context, evaluation);
    let mut all = BTreeMap::new();
    if let Some(list) = variables.value(LIST)? {
        let list: Vec<Login> = serde_json::from_value(list)
            .with_context(|| format!("reading the variable {LIST}"))
            .map_err(|error| {
                CommandError::from(error).hint(
                    "it is a list of {repository, login_user, password, email}; without `repository` it is Docker Hub",
                )
            })?;
        for login in list {
            let registry = registry(login.repository.as_deref());
            let credentials = DockerCredentials {
                username: Some(login.login_user),
                password: Some(login.password),
                email: login.email,
                serveraddress: Some(registry.clone()),
                ..Default::default()
            };
            all.insert(registry, credentials);
        }
    }
    let path = context.private.path(OWN);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => {
            let password = other.with_context(|| format!("reading {}", path.display()))?;
            let user = variables.text("hive_docker_login_user")?;
            let credentials = DockerCredentials {
                username: Some(user.unwrap_or_else(|| "hive".into())),
                password: Some(password.trim_end().to_owned()),
                serveraddress: Some(own.to_owned()),
                ..Default::default()
            };
            all.insert(own.to_owned(), credentials);
        }
    }
    for (registry, credentials) in &all {
        if !can_be_carried(credentials) {
            output::warn(&format!(
                "the login at {registry} does not reach docker whole because of certain characters in its password; choose another password if pulls from there are refused"
            ));
        }
    }
    Ok(all)
}

/// The registry as references name it.
fn registry(repository: Option<&str>) -> String {
    let Some(named) = repository.filter(|named| !named.is_empty()) else {
        return "docker.io".into();
    };
    let bare = named.trim_start_matches("https://");
    let bare = bare.trim_start_matches("http://").trim_end_matches('/');
    match registry_of(&format!("{bare}/x")).as_str() {
        "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => "docker.io".into(),
        registry => registry.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_named_as_references_name_them() {
        for (written, meant) in [
            (None, "docker.io"),
            (Some(""), "docker.io"),
            (Some("https://index.docker.io/v1/"), "docker.io"),
            (Some("registry.example.com"), "registry.example.com"),
            (Some("https://r.example.com:5000/"), "r.example.com:5000"),
            (Some("registry.example.com/group"), "registry.example.com"),
        ] {
            assert_eq!(registry(written), meant, "{written:?}");
        }
    }
}
