//! The key that the seeds of a stage are signed with: `seed-key.pk8`, and its public half
//! `seed-key.pub`, which goes into the image. With the public half alone a stage can be baked.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, anyhow};
use hive_inventory::seed::{SigningKey, VerifyingKey};

use super::private_file;
use crate::context_folder::{ContextFolder, write};
use crate::error::{CommandError, Result};

/// The private key, PKCS #8.
const PRIVATE: &str = "seed-key.pk8";
/// The public half, a line of base64.
const PUBLIC: &str = "seed-key.pub";

/// The public half if there is one.
///
/// # Errors
/// A file does not read, or the two are not of one key.
pub fn public(context: &ContextFolder) -> Result<Option<VerifyingKey>> {
    let file = context.path(PUBLIC);
    let written = match fs::read_to_string(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display()))?,
        Ok(text) => Some(
            VerifyingKey::from_text(&text)
                .with_context(|| format!("reading the stage's seed key {}", file.display()))?,
        ),
    };
    let own = private(context)?.map(|key| key.verifying_key());
    match (&own, &written) {
        (Some(own), Some(written)) if own != written => Err(CommandError::from(anyhow!(
            "{} is not the public half of {}",
            file.display(),
            context.path(PRIVATE).display()
        ))
        .hint(format!(
            "hosts take seeds of the key in their image: keep the {PRIVATE} that signed for them, and remove {PUBLIC}, which is written again from it"
        ))),
        _ => Ok(own.or(written)),
    }
}

fn private(context: &ContextFolder) -> Result<Option<SigningKey>> {
    let file = context.path(PRIVATE);
    let Some(document) = private_file::read(&file)? else {
        return Ok(None);
    };
    let key = SigningKey::from_pkcs8(&document).with_context(|| {
        format!(
            "reading the stage's seed key {}; restore it from a backup",
            file.display()
        )
    })?;
    Ok(Some(key))
}

/// The key, made if there is none.
///
/// # Errors
/// Only the public half is here, the halves are not of one key, or the folder can't be written.
pub fn find_or_make(context: &ContextFolder) -> Result<SigningKey> {
    let known = public(context)?;
    let key = match (private(context)?, known) {
        (Some(key), _) => key,
        (None, Some(_)) => {
            let error = anyhow!(
                "the private half of the stage's seed key is not here, only {}",
                context.path(PUBLIC).display()
            );
            return Err(CommandError::from(error).hint(format!(
                "seeds are written where {PRIVATE} is; with the public half a stage can be baked"
            )));
        }
        (None, None) => {
            let (key, document) = SigningKey::generate()?;
            write(&context.path(PRIVATE), 0o600, &document)?;
            key
        }
    };
    if !context.path(PUBLIC).exists() {
        let text = format!("{}\n", key.verifying_key().to_text());
        write(&context.path(PUBLIC), 0o644, text.as_bytes())?;
    }
    Ok(key)
}
