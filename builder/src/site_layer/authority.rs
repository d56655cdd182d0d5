//! By what a host knows its site: the key that signs seeds, and the authority of its peers.
//!
//! The authority is not among those that the system believes in: it vouches for hosts of the site,
//! and for no web site.

use hive_inventory::disk::{ETC_AUTHORITY, ETC_SEED_KEY};
use hive_inventory::seed::VerifyingKey;

use super::{LayerFile, PublicKeys, SettingError};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----\n";
const END: &str = "-----END CERTIFICATE-----\n";

/// Renders the two files.
pub fn render(keys: &PublicKeys) -> Result<[LayerFile; 2], SettingError> {
    let seed_key = VerifyingKey::from_text(&keys.seed_key).map_err(|error| {
        let hint = "give the 32 bytes of the public half in base64";
        SettingError::new("the stage's seed key", error.to_string(), hint)
    })?;
    // The image goes to everyone: nothing but the one block may be in the file.
    let inside = keys
        .authority
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END));
    if inside.is_none_or(|text| text.contains('-')) {
        let fault = "it is not one certificate in PEM and nothing else";
        let hint = "give the authority's certificate alone, without its key";
        return Err(SettingError::new("the stage's authority", fault, hint));
    }
    Ok([
        LayerFile::text(ETC_SEED_KEY, format!("{}\n", seed_key.to_text())),
        LayerFile::text(ETC_AUTHORITY, keys.authority.clone()),
    ])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use hive_inventory::seed::SigningKey;

    /// A key that was made for this test, and something in the shape of a certificate.
    pub(crate) fn keys() -> PublicKeys {
        let (key, _) = SigningKey::generate().unwrap();
        PublicKeys {
            seed_key: key.verifying_key().to_text(),
            authority: format!("{BEGIN}MIIB\n{END}"),
        }
    }

    #[test]
    fn private_halves_are_refused_wherever_they_stand() {
        let good = keys();
        assert!(render(&good).is_ok());
        let key = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
        let authority = &good.authority;
        for text in [
            key.to_owned(),
            format!("{authority}{key}"),
            format!("{key}{authority}"),
            format!("{authority}{authority}"),
        ] {
            let keys = PublicKeys {
                authority: text.clone(),
                ..good.clone()
            };
            assert!(render(&keys).is_err(), "{text}");
        }
        let (_, document) = SigningKey::generate().unwrap();
        let document = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, document);
        let keys = PublicKeys {
            seed_key: document,
            ..good
        };
        assert!(render(&keys).is_err());
    }
}
