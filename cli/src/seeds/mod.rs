//! Seeds: what each host of a stage is to become, and in whose name.
//!
//! [`document`] puts one together from the inventory and the host's keys, [`network`] says what its
//! interfaces are, and a [`Seeder`] gathers the keys and signs.

pub mod document;
mod network;

use anyhow::Context;
use hive_inventory::seed::{KnownSwarm, SignedSeed};
use hive_site::{Host, Provider, Stage};

use crate::admin_key::AdminKey;
use crate::context_folder::ContextFolder;
use crate::error::Result;
use crate::site_keys::SiteKeys;
use crate::{host_key, known_swarm};
use document::HostKeys;
pub use document::Machines;

/// Writes the seeds of a stage.
pub struct Seeder<'a> {
    /// Logs in to hosts.
    pub admin: AdminKey,
    context: &'a ContextFolder,
    stage: &'a Stage,
    machines: Machines,
    keys: SiteKeys,
    known: Option<KnownSwarm>,
}

impl<'a> Seeder<'a> {
    /// Gathers what the seeds of a stage have in common; keys that are not there are made.
    ///
    /// # Errors
    /// A key is damaged or only half there, or the folder can't be written.
    pub fn open(context: &'a ContextFolder, stage: &'a Stage, machines: Machines) -> Result<Self> {
        let comment = format!("{}@{}", stage.settings.admin, stage.site);
        // Machines on this computer that stand in for others are a swarm of their own.
        let stand_in = machines == Machines::Here && stage.provider != Provider::Qemu;
        Ok(Self {
            admin: AdminKey::find_or_make(context, &comment)?,
            context,
            stage,
            machines,
            keys: SiteKeys::find_or_make(context, &stage.site)?,
            known: match stand_in {
                true => None,
                false => known_swarm::load(context)?,
            },
        })
    }

    /// The signed seed of a host. As long as nothing changes, it is the same every time.
    ///
    /// # Errors
    /// The host's keys can't be read or made, or its network can't be put into a seed.
    pub fn seed(&self, host: &Host) -> Result<SignedSeed> {
        let ssh = host_key::of_host(self.context, host.short_name(), &host.name)?;
        let keys = HostKeys {
            admin: &self.admin.public,
            ssh: &ssh.private,
            identity: self.keys.identity(self.context, host)?,
        };
        let known = self.known.clone();
        let seed = document::seed(self.stage, host, self.machines, keys, known)?;
        Ok(self.keys.seed.sign(&seed)?)
    }

    /// The same as the text of its document.
    ///
    /// # Errors
    /// As [`Seeder::seed`].
    pub fn text(&self, host: &Host) -> Result<String> {
        let seed = self.seed(host)?;
        let text = serde_json::to_string(&seed).context("writing a seed")?;
        Ok(text + "\n")
    }
}
