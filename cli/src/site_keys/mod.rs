//! The keys of a stage: its [`authority`], the [`seed_key`], and a [`host_certificate`] per host.
//!
//! All lie in the stage's private folder. Private halves never leave it, but for a host's own key,
//! which goes into that host's seed. An image carries [`PublicKeys`] and nothing else of them.

pub mod authority;
mod certificate;
mod der;
pub mod host_certificate;
mod private_file;
mod seed_key;
mod signer;

use hive_builder::site_layer::PublicKeys;
use hive_inventory::seed::{Identity, SigningKey, VerifyingKey};
use hive_site::Host;

use crate::context_folder::ContextFolder;
use crate::error::Result;
use authority::Authority;

/// Everything that seeds are made with.
pub struct SiteKeys {
    /// Signs the hosts' certificates.
    pub authority: Authority,
    /// Signs the seeds.
    pub seed: SigningKey,
}

impl SiteKeys {
    /// The stage's keys; those that it does not have are made.
    ///
    /// # Errors
    /// A key is damaged, or only its public half is here, or the folder can't be written.
    pub fn find_or_make(context: &ContextFolder, site: &str) -> Result<Self> {
        let _only_one = context.lock()?;
        Ok(Self {
            authority: Authority::find_or_make(context, site)?,
            seed: seed_key::find_or_make(context)?,
        })
    }

    /// What a host proves itself with.
    ///
    /// # Errors
    /// As [`host_certificate::of_host`].
    pub fn identity(&self, context: &ContextFolder, host: &Host) -> Result<Identity> {
        let _only_one = context.lock()?;
        host_certificate::of_host(context, &self.authority, host)
    }
}

/// The public halves that go into an image; `None` when one is missing.
///
/// # Errors
/// A file is damaged.
pub fn find_public(context: &ContextFolder) -> Result<Option<PublicKeys>> {
    let authority = authority::certificate(context)?;
    let seed = seed_key::public(context)?;
    Ok(authority
        .zip(seed)
        .map(|(authority, seed)| public_keys(&seed, authority.pem)))
}

/// The public halves that go into an image; what a stage does not have at all is made.
///
/// # Errors
/// A file is damaged, or the folder can't be written.
pub fn find_or_make_public(context: &ContextFolder, site: &str) -> Result<PublicKeys> {
    let _only_one = context.lock()?;
    let authority = match authority::certificate(context)? {
        Some(found) if !context.path("ca/cakey.pem").exists() => found,
        _ => Authority::find_or_make(context, site)?.certificate,
    };
    let seed = match seed_key::public(context)? {
        Some(found) if !context.path("seed-key.pk8").exists() => found,
        _ => seed_key::find_or_make(context)?.verifying_key(),
    };
    Ok(public_keys(&seed, authority.pem))
}

fn public_keys(seed: &VerifyingKey, authority: String) -> PublicKeys {
    PublicKeys {
        seed_key: seed.to_text(),
        authority,
    }
}

#[cfg(test)]
pub mod tests;
