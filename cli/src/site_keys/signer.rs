//! Private keys that certificates are made with: our own on the curve P-256, and RSA keys that a
//! project has had before.

use anyhow::{Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use x509_parser::pem::Pem;

use super::der;

/// PEM label of a PKCS #8 private key.
const PKCS8: &str = "PRIVATE KEY";
/// PEM label of an RSA private key as older programs write it.
const PKCS1: &str = "RSA PRIVATE KEY";

/// A private key.
pub enum Signer {
    /// ECDSA on P-256.
    Ecdsa(Box<EcdsaKeyPair>),
    /// RSA, 2048 to 4096 bits.
    Rsa(Box<RsaKeyPair>),
}

impl Signer {
    /// Makes an ECDSA key; the text is its PEM file, to be kept secret.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<(Self, String)> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(|_| anyhow!("making a private key: the system gives no random numbers"))?;
        let text = pem(PKCS8, document.as_ref());
        Ok((Self::from_pem(&text)?, text))
    }

    /// Reads a PEM file.
    ///
    /// # Errors
    /// It is no key, an encrypted one, or of a kind that nothing here signs with.
    pub fn from_pem(text: &str) -> Result<Self> {
        if text.contains("ENCRYPTED") {
            bail!(
                "it is encrypted; write it without a passphrase: `openssl pkey -in FILE -out PLAIN`, then put PLAIN in its place"
            );
        }
        let key = Pem::iter_from_buffer(text.as_bytes())
            .flatten()
            .find(|block| block.label.ends_with(PKCS8))
            .ok_or_else(|| anyhow!("there is no PEM block of a private key in it"))?;
        let der = &key.contents;
        let random = SystemRandom::new();
        let found = match key.label.as_str() {
            PKCS1 => RsaKeyPair::from_der(der).ok().map(Box::new).map(Self::Rsa),
            PKCS8 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &random)
                .ok()
                .map(Box::new)
                .map(Self::Ecdsa)
                .or_else(|| {
                    RsaKeyPair::from_pkcs8(der)
                        .ok()
                        .map(Box::new)
                        .map(Self::Rsa)
                }),
            _ => None,
        };
        found.ok_or_else(|| {
            anyhow!(
                "it is neither an RSA key of 2048 to 4096 bits nor an ECDSA key on P-256 in PKCS #8; `openssl pkcs8 -topk8 -nocrypt -in FILE -out PLAIN` writes the latter form"
            )
        })
    }

    /// Whether it is of the kind that is made here.
    pub fn is_ecdsa(&self) -> bool {
        matches!(self, Self::Ecdsa(_))
    }

    /// The public half as certificates have it (SubjectPublicKeyInfo).
    pub fn public(&self) -> Vec<u8> {
        let (algorithm, key) = match self {
            Self::Ecdsa(pair) => (
                der::sequence([
                    &der::oid(&[1, 2, 840, 10_045, 2, 1]),
                    &der::oid(&[1, 2, 840, 10_045, 3, 1, 7]),
                ]),
                pair.public_key().as_ref(),
            ),
            Self::Rsa(pair) => (
                der::sequence([&der::oid(&[1, 2, 840, 113_549, 1, 1, 1]), &der::null()]),
                pair.public_key().as_ref(),
            ),
        };
        der::sequence([&algorithm, &der::bits(key, 0)])
    }

    /// What a signature by it is called (AlgorithmIdentifier).
    pub fn algorithm(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(_) => der::sequence([&der::oid(&[1, 2, 840, 10_045, 4, 3, 2])]),
            Self::Rsa(_) => {
                der::sequence([&der::oid(&[1, 2, 840, 113_549, 1, 1, 11]), &der::null()])
            }
        }
    }

    /// Signs, with SHA-256.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let failed = |_| anyhow!("signing a certificate: the system gives no random numbers");
        match self {
            Self::Ecdsa(pair) => Ok(pair
                .sign(&random, message)
                .map_err(failed)?
                .as_ref()
                .to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

/// A PEM block.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.extend(line.iter().map(|&b| char::from(b)));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_others_are_told_apart() {
        let (key, text) = Signer::generate().unwrap();
        let again = Signer::from_pem(&text).unwrap();
        assert!(again.is_ecdsa());
        assert_eq!(again.public(), key.public());
        let told = |text: &str| Signer::from_pem(text).err().unwrap().to_string();
        assert!(told("nothing").contains("no PEM block"));
        let locked = text.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert!(told(&locked).contains("openssl pkey"));
        let other = text.replace("PRIVATE KEY", "EC PRIVATE KEY");
        assert!(told(&other).contains("openssl pkcs8 -topk8"));
    }
}
