//! ssh keys: those of hosts are made here, before the host exists, so that the first login already
//! knows whom it talks to.

use std::fs;
use std::path::Path;

use anyhow::Context;
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use crate::context_folder::{ContextFolder, write};
use crate::error::Result;

/// The file of a host's key in its folder.
const FILE: &str = "ssh_host_ed25519_key";

/// An Ed25519 key pair as OpenSSH writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The private key's file content.
    pub private: String,
    /// The public key, one line.
    pub public: String,
}

impl KeyPair {
    /// Writes the private half into `file` and then the public one beside it: a private half alone
    /// can be completed.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn save(&self, file: &Path) -> Result<()> {
        write(file, 0o600, self.private.as_bytes())?;
        write(
            &file.with_extension("pub"),
            0o644,
            format!("{}\n", self.public).as_bytes(),
        )
    }
}

/// Writes the public half of a private key of our own again; one that does not read here is left alone.
///
/// # Errors
/// The folder can't be written.
pub fn save_public(file: &Path) -> Result<()> {
    let key = fs::read_to_string(file).ok();
    let key = key.and_then(|text| PrivateKey::from_openssh(text).ok());
    if let Some(public) = key.and_then(|key| key.public_key().to_openssh().ok()) {
        let text = format!("{public}\n");
        write(&file.with_extension("pub"), 0o644, text.as_bytes())?;
    }
    Ok(())
}

/// Makes a key pair.
///
/// # Errors
/// The system has no randomness.
pub fn generate(comment: &str) -> Result<KeyPair> {
    let mut key =
        PrivateKey::random(&mut OsRng, Algorithm::Ed25519).context("making an ssh key")?;
    key.set_comment(comment);
    let private = key
        .to_openssh(LineEnding::LF)
        .context("writing an ssh key")?
        .to_string();
    let public = key
        .public_key()
        .to_openssh()
        .context("writing an ssh key")?;
    Ok(KeyPair { private, public })
}

/// A host's own key pair, made when it has none; it stays when the host's disks are made anew.
///
/// # Errors
/// The files can't be read or written.
pub fn of_host(context: &ContextFolder, short_name: &str, full_name: &str) -> Result<KeyPair> {
    let file = context.host(short_name).join(FILE);
    if file.exists() {
        let private =
            fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let key = PrivateKey::from_openssh(&private).with_context(|| {
            format!(
                "reading the host key {}; remove the file to have a new one made",
                file.display()
            )
        })?;
        let public = key
            .public_key()
            .to_openssh()
            .context("writing an ssh key")?;
        return Ok(KeyPair { private, public });
    }
    let pair = generate(full_name)?;
    pair.save(&file)?;
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_site::StageName;

    #[test]
    fn a_host_keeps_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let context = ContextFolder::make(dir.path(), StageName::Private).unwrap();
        let first = of_host(&context, "p-hive0", "p-hive0.hive.example").unwrap();
        assert_eq!(
            of_host(&context, "p-hive0", "p-hive0.hive.example").unwrap(),
            first
        );
        assert!(
            first
                .private
                .starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        );
        assert_ne!(
            of_host(&context, "p-hive1", "p-hive1.hive.example")
                .unwrap()
                .public,
            first.public
        );
    }
}
