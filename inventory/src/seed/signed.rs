//! The envelope of a seed: the exact text that was signed, and an Ed25519 signature (RFC 8032) of it
//! by the key whose public half every image of the stage carries.
//!
//! The text lies in the envelope as a string, so nothing ever has to be written canonically.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::{SEED_VERSION, Seed, SeedError};

/// What goes before the text when it is signed, so that a signature means nothing elsewhere.
const DOMAIN: &[u8] = b"hive seed\0";

/// A seed as it lies on a stick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedSeed {
    /// Version of envelope and seed, [`SEED_VERSION`].
    pub version: u32,
    /// Full name of the host, for people and for choosing among many; the signed one counts.
    pub host: String,
    /// The seed, JSON.
    pub seed: String,
    /// Signature of the seed's text, base64.
    pub signature: String,
}

/// Why a signed text is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// Not a seed at all.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// Changed after it was signed, or signed by another site.
    #[error(
        "the seed's signature is not by this site's key: the seed was changed, or belongs to another site; write it again with `hive seed HOST`"
    )]
    Signature,
    /// The name outside says something else than the one inside.
    #[error(
        "the seed says {outside:?} outside and {inside:?} inside; write it again with `hive seed HOST`"
    )]
    Name {
        /// The envelope's.
        outside: String,
        /// The signed one.
        inside: String,
    },
    /// A key that is none.
    #[error("{0:?} is not an Ed25519 public key in base64")]
    Key(String),
    /// A private key that is none.
    #[error("the seed key is not an Ed25519 key in PKCS #8")]
    PrivateKey,
}

/// The public half of a site's seed key. Its text form is base64 of the 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Reads the text form.
    ///
    /// # Errors
    /// It is none.
    pub fn from_text(text: &str) -> Result<Self, SignatureError> {
        let bytes = STANDARD.decode(text.trim()).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| SignatureError::Key(text.trim().to_owned()))
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Opens an envelope: checks version, signature and names, in this order.
    ///
    /// # Errors
    /// The text is no envelope, of another version, not signed by this key, or no seed inside.
    pub fn open(&self, text: &str) -> Result<Seed, SignatureError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_str(text).map_err(SeedError::Shape)?;
        if head.version != SEED_VERSION {
            let found = head.version;
            return Err(SeedError::Version { found }.into());
        }
        let envelope: SignedSeed = serde_json::from_str(text).map_err(SeedError::Shape)?;
        let signature = STANDARD
            .decode(&envelope.signature)
            .map_err(|_| SignatureError::Signature)?;
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(&message(&envelope.seed), &signature)
            .map_err(|_| SignatureError::Signature)?;
        let seed = Seed::from_json(&envelope.seed)?;
        if seed.host != envelope.host {
            return Err(SignatureError::Name {
                outside: envelope.host,
                inside: seed.host,
            });
        }
        Ok(seed)
    }
}

/// The private half.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a key; the bytes are its PKCS #8 document, to be kept secret.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<(Self, Vec<u8>), SignatureError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| SignatureError::PrivateKey)?;
        let bytes = document.as_ref().to_vec();
        Ok((Self::from_pkcs8(&bytes)?, bytes))
    }

    /// Reads a PKCS #8 document.
    ///
    /// # Errors
    /// It is none of an Ed25519 key.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, SignatureError> {
        Ed25519KeyPair::from_pkcs8(document)
            .map(Self)
            .map_err(|_| SignatureError::PrivateKey)
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        VerifyingKey(bytes)
    }

    /// Signs a seed.
    ///
    /// # Errors
    /// The seed can't be written as JSON.
    pub fn sign(&self, seed: &Seed) -> Result<SignedSeed, SignatureError> {
        let text = serde_json::to_string(seed).map_err(SeedError::Shape)?;
        let signature = self.0.sign(&message(&text));
        Ok(SignedSeed {
            version: SEED_VERSION,
            host: seed.host.clone(),
            signature: STANDARD.encode(signature),
            seed: text,
        })
    }
}

fn message(text: &str) -> Vec<u8> {
    [DOMAIN, text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Seed {
        Seed::from_json(r#"{"version":2,"site":"s","stage":"private","host":"p-hive0.s"}"#).unwrap()
    }

    #[test]
    fn what_is_signed_opens_and_what_was_changed_does_not() {
        let (key, document) = SigningKey::generate().unwrap();
        let envelope = key.sign(&seed()).unwrap();
        let text = serde_json::to_string(&envelope).unwrap();
        let again = SigningKey::from_pkcs8(&document).unwrap().verifying_key();
        let public = VerifyingKey::from_text(&again.to_text()).unwrap();
        assert_eq!(public.open(&text).unwrap(), seed());

        let changed = text.replace("p-hive0.s", "p-hive1.s");
        let error = public.open(&changed).unwrap_err();
        assert!(matches!(error, SignatureError::Signature), "{error}");
        let renamed = text.replacen("p-hive0.s", "p-hive1.s", 1);
        let error = public.open(&renamed).unwrap_err();
        assert!(matches!(error, SignatureError::Name { .. }), "{error}");
        let other = SigningKey::generate().unwrap().0.verifying_key();
        assert!(matches!(
            other.open(&text).unwrap_err(),
            SignatureError::Signature
        ));
    }

    #[test]
    fn an_older_version_is_named_before_its_signature_is_looked_at() {
        let key = SigningKey::generate().unwrap().0.verifying_key();
        let old = r#"{"version":1,"site":"s","stage":"private","host":"p-hive0.s"}"#;
        let error = key.open(old).unwrap_err().to_string();
        assert!(error.contains("version 1"), "{error}");
        assert!(VerifyingKey::from_text("AAAA").is_err());
    }
}
