//! The stage's authority: whoever has a certificate by it belongs to the site.
//!
//! `ca/cakey.pem` and `ca/cacert.pem` are those of an older project where there are any, else made
//! here. The key is written first. So a key alone is a run that was cut short, and a certificate
//! alone is a folder that may bake, but makes no certificates.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};

use super::certificate::{Certificate, Purpose, Request, key_id, name};
use super::private_file;
use super::signer::Signer;
use crate::context_folder::{ContextFolder, write};
use crate::error::{CommandError, Result};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Days that an authority lasts: 100 years, as the predecessor's. A site does not outlive it, and
/// with it every certificate of the site would end on one day.
const LIFE: i64 = 36_500;
/// From when it is valid, 2020-01-01: a machine whose clock was lost must still know its peers.
const FROM: i64 = 1_577_836_800;

/// The authority with its private key.
pub struct Authority {
    /// Its certificate.
    pub certificate: Certificate,
    signer: Signer,
}

fn key_file(context: &ContextFolder) -> PathBuf {
    context.path("ca/cakey.pem")
}

fn certificate_file(context: &ContextFolder) -> PathBuf {
    context.path("ca/cacert.pem")
}

/// Now, in seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |s| i64::try_from(s.as_secs()).unwrap_or(i64::MAX))
}

/// The stage's authority as others may see it, if there is one.
///
/// # Errors
/// The file does not read, is no authority's, or is no longer valid.
pub fn certificate(context: &ContextFolder) -> Result<Option<Certificate>> {
    let file = certificate_file(context);
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("reading {}", file.display()))?,
    };
    let doing = || format!("reading the stage's authority {}", file.display());
    let found = Certificate::from_pem(&text).with_context(doing)?;
    let refused = if !found.is_authority {
        Some("it is not an authority's certificate (CA:TRUE)")
    } else if found.until <= now() {
        Some("it is no longer valid")
    } else {
        None
    };
    match refused {
        None => Ok(Some(found)),
        Some(why) => {
            let error = anyhow!(why).context(doing());
            Err(CommandError::from(error).hint(format!(
                "put the right pair there, or move {} away to have a new one made; after that all hosts need new images and seeds",
                context.path("ca").display()
            )))
        }
    }
}

impl Authority {
    /// The stage's authority, made if there is none.
    ///
    /// # Errors
    /// Half of it is missing, the halves do not belong together, or the folder can't be written.
    pub fn find_or_make(context: &ContextFolder, site: &str) -> Result<Self> {
        let (key_path, certificate_path) = (key_file(context), certificate_file(context));
        let certificate = certificate(context)?;
        let signer = private_file::read_text(&key_path)?
            .map(|text| {
                Signer::from_pem(&text).with_context(|| {
                    format!("reading the authority's private key {}", key_path.display())
                })
            })
            .transpose()?;
        match (signer, certificate) {
            (Some(signer), Some(certificate)) if certificate.public == signer.public() => {
                Ok(Self {
                    certificate,
                    signer,
                })
            }
            (Some(_), Some(_)) => Err(CommandError::from(anyhow!(
                "the authority's certificate {} is not that of its private key {}",
                certificate_path.display(),
                key_path.display()
            ))
            .hint("restore the two that belong together from a backup; nothing was changed")),
            (None, Some(_)) => Err(CommandError::from(anyhow!(
                "the authority's private key {} is not here, only its certificate",
                key_path.display()
            ))
            .hint("with the certificate alone a stage can be baked; seeds are written where the key is, so copy it from there")),
            (Some(signer), None) if !signer.is_ecdsa() => Err(CommandError::from(anyhow!(
                "the authority's certificate {} is missing beside its private key",
                certificate_path.display()
            ))
            .hint("restore it from a backup: hosts that run know the authority by it")),
            (Some(signer), None) => Self::found(context, site, signer),
            (None, None) => {
                let (signer, text) = Signer::generate()?;
                write(&key_path, 0o600, text.as_bytes())?;
                Self::found(context, site, signer)
            }
        }
    }

    /// Writes the certificate of a new authority.
    fn found(context: &ContextFolder, site: &str, signer: Signer) -> Result<Self> {
        let domain: Vec<&str> = site.split('.').rev().collect();
        let subject = name(&domain, &format!("ca.{site}"));
        let text = Request {
            subject: &subject,
            issuer: &subject,
            public: &signer.public(),
            issuer_key: Some(&key_id(&signer.public())),
            from: FROM,
            until: now() + LIFE * DAY,
            purpose: Purpose::Authority,
        }
        .sign(&signer)?;
        write(&certificate_file(context), 0o644, text.as_bytes())?;
        Ok(Self {
            certificate: Certificate::from_pem(&text)?,
            signer,
        })
    }

    /// Makes a certificate for a host, valid until then at most; its PEM block.
    pub(super) fn certify(
        &self,
        subject: &[u8],
        public: &[u8],
        until: i64,
        purpose: Purpose,
    ) -> anyhow::Result<String> {
        let above = &self.certificate;
        Request {
            subject,
            issuer: &above.subject,
            public,
            issuer_key: above.key_id.as_deref(),
            from: above.from,
            until: until.min(above.until),
            purpose,
        }
        .sign(&self.signer)
    }
}
