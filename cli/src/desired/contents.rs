//! What secrets and configs hold.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, anyhow};
use hive_deploy::from_site::Contents;
use hive_site::service::Reading;
use hive_site::service::model::Material;

use super::Purpose;
use super::vault::Vault;
use crate::error::{CommandError, Result};
use crate::phases::Context;

/// The most that docker takes of a secret, and of a config.
const LARGEST: [usize; 2] = [500 * 1024, 1000 * 1024];

/// Reads or makes them all.
///
/// # Errors
/// One that can't be had; the error names its definition.
pub fn of(context: &Context<'_>, reading: &Reading, purpose: Purpose) -> Result<Contents> {
    let services = &reading.services;
    let (secrets, configs) = (&services.secrets, &services.configs);
    if secrets.is_empty() && configs.is_empty() {
        return Ok(Contents::default());
    }
    if matches!(purpose, Purpose::WithoutContents | Purpose::Numbers) {
        let empty = |materials: &BTreeMap<String, Material>| {
            let names = materials.keys();
            names.map(|name| (name.clone(), Vec::new())).collect()
        };
        return Ok(Contents {
            key: Vec::new(),
            secrets: empty(secrets),
            configs: empty(configs),
        });
    }
    let folder = context
        .folder
        .root
        .join("secrets")
        .join(context.stage.name.name());
    let vault = Vault::open(&context.private, folder, purpose == Purpose::Make)?;
    let all = |kind: &str, materials: &BTreeMap<String, Material>, largest| {
        let mut contents = BTreeMap::new();
        for (name, material) in materials {
            let what = match reading.materials.get(&format!("{kind} {name}")) {
                Some((file, line)) => format!("{kind} `{name}` ({file}:{line})"),
                None => format!("{kind} `{name}`"),
            };
            let Some(bytes) = content(context, &vault, kind, name, &what, material)? else {
                continue;
            };
            if bytes.is_empty() || bytes.len() >= largest {
                let size = bytes.len();
                let error = anyhow!(
                    "{what} has {size} bytes, and the swarm takes 1 to {}",
                    largest - 1
                );
                return Err(CommandError::from(error));
            }
            contents.insert(name.clone(), bytes);
        }
        Ok(contents)
    };
    Ok(Contents {
        key: vault.name_key(),
        secrets: all("secret", secrets, LARGEST[0])?,
        configs: all("config", configs, LARGEST[1])?,
    })
}

fn content(
    context: &Context<'_>,
    vault: &Vault,
    kind: &str,
    name: &str,
    what: &str,
    material: &Material,
) -> Result<Option<Vec<u8>>> {
    match material {
        Material::External(_) => Ok(None),
        Material::Content(text) => Ok(Some(text.clone().into_bytes())),
        Material::File(path) => {
            let path = context.folder.root.join(path);
            let read = fs::read(&path);
            let read =
                read.with_context(|| format!("reading the file of {what}: {}", path.display()));
            Ok(Some(read?))
        }
        Material::Environment(variable) => match std::env::var_os(variable) {
            Some(value) => Ok(Some(value.into_encoded_bytes())),
            None => {
                let unset =
                    anyhow!("{what} comes from the environment, where {variable} is not set");
                let hint = format!("set it for this command: `{variable}=... hive ...`");
                Err(CommandError::from(unset).hint(hint))
            }
        },
        Material::Generated { length } => {
            let made = vault.generated(kind, name, *length);
            Ok(Some(made.map_err(|error| error.about(what))?))
        }
    }
}
