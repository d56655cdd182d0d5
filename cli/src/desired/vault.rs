//! Generated secrets: made once, kept encrypted in the site folder for version control. The key lies
//! in the stage's private folder.
//!
//! A file is `hive secret 1`, and in base64 a nonce and the text, sealed with ChaCha20-Poly1305 and
//! bound to its name. From the same key follow the names of secrets in the swarm.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::context_folder::{ContextFolder, write};
use crate::error::{CommandError, Result};
use crate::random;

const KEY: &str = "secrets.key";
const HEAD: &str = "hive secret 1";

/// The generated secrets of a stage.
pub struct Vault {
    key: [u8; 32],
    folder: PathBuf,
    /// Held while something may be made, so that two commands make it once.
    lock: Option<File>,
}

impl Vault {
    /// Opens it. Without `make` nothing is written: what is missing is made up for this run.
    ///
    /// # Errors
    /// The key is missing though there is something to read with it, or can't be read.
    pub fn open(private: &ContextFolder, folder: PathBuf, make: bool) -> Result<Self> {
        let lock = match make {
            true => Some(private.clone().made()?.lock()?),
            false => None,
        };
        let path = private.path(KEY);
        let key = match read_key(&path)? {
            Some(key) => key,
            None => {
                if let Some(kept) = any_file(&folder) {
                    return Err(lost(&path, &kept));
                }
                let mut key = [0; 32];
                random::fill(&mut key)?;
                if make {
                    let text = format!("{}\n", STANDARD.encode(key));
                    write(&path, 0o600, text.as_bytes())?;
                }
                key
            }
        };
        Ok(Self { key, folder, lock })
    }

    /// The key of names in the swarm.
    pub fn name_key(&self) -> Vec<u8> {
        self.derived("names")
    }

    /// A secret's text; made when it is not there.
    ///
    /// # Errors
    /// It can't be read or written.
    pub fn generated(&self, kind: &str, name: &str, length: usize) -> Result<Vec<u8>> {
        let path = match kind {
            "secret" => self.folder.join(name),
            kind => self.folder.join(format!("{kind}s")).join(name),
        };
        let bound = format!("{kind} {name}");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let opened = self.opened(&text, &bound);
                let opened = opened.with_context(|| format!("opening {}", path.display()));
                Ok(opened.map_err(|error| {
                    CommandError::from(error).hint(
                        "take the file, and secrets.key in the stage's private folder, from version control or whoever made them; \
                         if the secret is lost, delete the file, and another one is made",
                    )
                })?)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let text = random::letters(length)?;
                if self.lock.is_some() {
                    write(&path, 0o644, self.sealed(&text, &bound)?.as_bytes())?;
                }
                Ok(text)
            }
            Err(error) => {
                let doing = format!("reading {}", path.display());
                Err(anyhow!(error).context(doing).into())
            }
        }
    }

    fn derived(&self, purpose: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key);
        hmac::sign(&key, purpose.as_bytes()).as_ref().to_vec()
    }

    fn cipher(&self) -> anyhow::Result<LessSafeKey> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.derived("encryption"));
        Ok(LessSafeKey::new(
            key.map_err(|_| anyhow!("the key has a wrong length"))?,
        ))
    }

    fn sealed(&self, text: &[u8], bound: &str) -> anyhow::Result<String> {
        let mut nonce = [0; NONCE_LEN];
        random::fill(&mut nonce)?;
        let mut bytes = text.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound.as_bytes()),
                &mut bytes,
            )
            .map_err(|_| anyhow!("it can't be encrypted"))?;
        let whole = [nonce.as_slice(), &bytes].concat();
        Ok(format!("{HEAD}\n{}\n", STANDARD.encode(whole)))
    }

    fn opened(&self, text: &str, bound: &str) -> anyhow::Result<Vec<u8>> {
        let Some(body) = text.strip_prefix(HEAD) else {
            bail!("it does not begin with `{HEAD}`");
        };
        let whole = STANDARD.decode(body.trim()).context("it is damaged")?;
        let Some((nonce, bytes)) = whole.split_first_chunk::<NONCE_LEN>() else {
            bail!("it is too short");
        };
        let mut bytes = bytes.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let aad = Aad::from(bound.as_bytes());
        let opened = self
            .cipher()?
            .open_in_place(nonce, aad, &mut bytes)
            .map(|text| text.to_vec());
        opened.map_err(|_| {
            anyhow!("it was made with another key or under another name, or is damaged")
        })
    }
}

fn lost(key: &Path, kept: &Path) -> CommandError {
    let error = anyhow!(
        "the key of the generated secrets is missing: {}; without it {} and what lies beside it can't be read",
        key.display(),
        kept.display()
    );
    CommandError::from(error).hint(
        "take the key from whoever made the secrets, or from a backup; if it is lost for good, delete these files, and new secrets are made: \
         what was protected by the old ones has to be told the new ones",
    )
}

fn read_key(path: &Path) -> Result<Option<[u8; 32]>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("reading {}", path.display()))?,
    };
    let bytes = STANDARD.decode(text.trim()).unwrap_or_default();
    match <[u8; 32]>::try_from(bytes) {
        Ok(key) => Ok(Some(key)),
        Err(_) => Err(anyhow!("{} is no key: it holds 32 bytes in base64", path.display()).into()),
    }
}

/// A file in the folder or one below it.
fn any_file(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().find_map(|path| match path.is_dir() {
        true => any_file(&path),
        false => Some(path),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Place {
        dir: tempfile::TempDir,
    }

    impl Place {
        fn open(&self, make: bool) -> Result<Vault> {
            let private = ContextFolder::at(self.dir.path().join("private"));
            Vault::open(&private, self.secrets(), make)
        }

        fn secrets(&self) -> PathBuf {
            self.dir.path().join("secrets")
        }
    }

    fn place() -> Place {
        let dir = tempfile::tempdir().unwrap();
        Place { dir }
    }

    #[test]
    fn a_generated_secret_is_made_once_and_kept_encrypted() {
        let place = place();
        let made = place
            .open(true)
            .unwrap()
            .generated("secret", "db", 40)
            .unwrap();
        assert_eq!(made.len(), 40);
        assert!(made.iter().all(u8::is_ascii_alphanumeric));
        let again = place.open(false).unwrap();
        assert_eq!(again.generated("secret", "db", 12).unwrap(), made);
        let text = fs::read_to_string(place.secrets().join("db")).unwrap();
        assert!(text.starts_with("hive secret 1\n"));
        assert!(!text.contains(std::str::from_utf8(&made).unwrap()));
        let key = place.dir.path().join("private/secrets.key");
        assert_eq!(
            fs::metadata(key).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn looking_writes_nothing() {
        let place = place();
        place
            .open(false)
            .unwrap()
            .generated("secret", "db", 8)
            .unwrap();
        assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lost_key_and_a_foreign_file_are_told_plainly() {
        let place = place();
        let vault = place.open(true).unwrap();
        vault.generated("secret", "db", 8).unwrap();
        drop(vault);
        fs::rename(place.secrets().join("db"), place.secrets().join("other")).unwrap();
        let vault = place.open(false).unwrap();
        let told = vault.generated("secret", "other", 8).unwrap_err().text();
        assert!(told.contains("another key or under another name"), "{told}");
        fs::remove_file(place.dir.path().join("private/secrets.key")).unwrap();
        let told = place.open(true).err().unwrap().text();
        assert!(
            told.contains("the key of the generated secrets is missing"),
            "{told}"
        );
        assert!(told.contains("hint: take the key"), "{told}");
    }
}
