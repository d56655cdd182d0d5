//! The operators' ssh key pair of a stage: `id_rsa` of an older project, else `id_ed25519`, made
//! when there is neither.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow};

use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result};
use crate::host_key;

/// Key files that are looked for, the first one wins.
const NAMES: [&str; 2] = ["id_rsa", "id_ed25519"];

/// The key pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminKey {
    /// File of the private key.
    pub file: PathBuf,
    /// The public key, one line.
    pub public: String,
}

impl AdminKey {
    /// The stage's key pair if it has one.
    ///
    /// # Errors
    /// One half is missing or can't be read.
    pub fn find(context: &ContextFolder) -> Result<Option<Self>> {
        let Some(file) = existing(context, "") else {
            if let Some(public) = existing(context, "pub") {
                let error = anyhow!(
                    "the private half of the admin key is not here, only {}",
                    public.display()
                );
                return Err(CommandError::from(error).hint(
                    "copy the private half from where it is; with the public one alone a stage can be baked, and no host be entered",
                ));
            }
            return Ok(None);
        };
        let public_file = file.with_extension("pub");
        if !public_file.exists() {
            host_key::save_public(&file)?;
        }
        let public = fs::read_to_string(&public_file).with_context(|| {
            format!(
                "reading the public half of the admin key; write it again with `ssh-keygen -y -f {} > {}`",
                file.display(),
                public_file.display()
            )
        })?;
        Ok(Some(Self {
            file,
            public: public.trim().to_owned(),
        }))
    }

    /// The stage's key pair, made if it has none.
    ///
    /// # Errors
    /// As [`AdminKey::find`], or the folder can't be written.
    pub fn find_or_make(context: &ContextFolder, comment: &str) -> Result<Self> {
        if let Some(found) = Self::find(context)? {
            return Ok(found);
        }
        let file = context.path(NAMES[1]);
        let pair = host_key::generate(comment)?;
        pair.save(&file)?;
        Ok(Self {
            file,
            public: pair.public,
        })
    }

    /// The public half if there is one, whether the private one is here or not.
    ///
    /// # Errors
    /// It can't be read.
    pub fn public(context: &ContextFolder) -> Result<Option<String>> {
        match (existing(context, ""), existing(context, "pub")) {
            (None, Some(file)) => {
                let text = fs::read_to_string(&file)
                    .with_context(|| format!("reading the admin key {}", file.display()))?;
                Ok(Some(text.trim().to_owned()))
            }
            _ => Ok(Self::find(context)?.map(|pair| pair.public)),
        }
    }

    /// The public half; a pair is made if there is neither half.
    ///
    /// # Errors
    /// As [`AdminKey::find_or_make`].
    pub fn find_or_make_public(context: &ContextFolder, comment: &str) -> Result<String> {
        match Self::public(context)? {
            Some(public) => Ok(public),
            None => Ok(Self::find_or_make(context, comment)?.public),
        }
    }
}

/// The first of the key files that is there, with this ending.
fn existing(context: &ContextFolder, ending: &str) -> Option<PathBuf> {
    let files = NAMES.iter().map(|name| context.path(name));
    files
        .map(|file| file.with_extension(ending))
        .find(|file| file.exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_site::StageName;

    #[test]
    fn the_key_is_made_once_and_an_older_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let context = ContextFolder::make(dir.path(), StageName::Private).unwrap();
        assert_eq!(AdminKey::find(&context).unwrap(), None);
        let made = AdminKey::find_or_make(&context, "admin@hive.example").unwrap();
        assert!(
            made.public.starts_with("ssh-ed25519 AAAA")
                && made.public.ends_with(" admin@hive.example")
        );
        assert_eq!(AdminKey::find_or_make(&context, "other").unwrap(), made);
        fs::write(context.path("id_rsa"), "private").unwrap();
        let error = AdminKey::find(&context).unwrap_err().text();
        assert!(error.contains("ssh-keygen -y -f"), "{error}");
        fs::write(context.path("id_rsa.pub"), "ssh-rsa AAAA old\n").unwrap();
        assert_eq!(
            AdminKey::find(&context).unwrap().unwrap().public,
            "ssh-rsa AAAA old"
        );
    }

    #[test]
    fn a_private_half_gets_its_public_one_back_and_a_public_one_is_for_baking() {
        let dir = tempfile::tempdir().unwrap();
        let context = ContextFolder::make(dir.path(), StageName::Private).unwrap();
        let made = AdminKey::find_or_make(&context, "admin@hive.example").unwrap();
        fs::remove_file(context.path("id_ed25519.pub")).unwrap();
        assert_eq!(AdminKey::find(&context).unwrap().unwrap(), made);
        fs::remove_file(context.path("id_ed25519")).unwrap();
        assert_eq!(
            AdminKey::find_or_make_public(&context, "other").unwrap(),
            made.public
        );
        let error = AdminKey::find_or_make(&context, "other")
            .unwrap_err()
            .text();
        assert!(error.contains("private half"), "{error}");
    }
}
