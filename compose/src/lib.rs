//! Compose files as what is wanted of a swarm.
//!
//! ```text
//! texts ─► tree ─► interpolation ─► merge ─► service, network, material ─► hive_deploy::Desired
//! ```
//!
//! [`map`] does all of it; files and variables come through [`Surroundings`]. What docker does with a
//! file, `docker stack deploy`, is the measure; where hive does otherwise, the place says so.

mod attachment;
mod env_file;
mod fields;
mod grant;
mod ignored;
mod interpolation;
mod material;
mod merge;
mod network;
mod scalar;
mod service;
mod shell;
mod stack;
mod volume;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use hive_deploy::desired::Desired;
pub use hive_site::{Diagnostic, Diagnostics, SourceFile};

pub use stack::name_of;

/// Label of services: the image as the file names it.
pub const IMAGE_LABEL: &str = "com.docker.stack.image";
/// Label of secrets and configs that a file gives a fixed name: the keyed hash of their content.
pub const CONTENT_LABEL: &str = "hive.content";

/// The world that a file may refer to.
pub trait Surroundings {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// A file; relative paths lie below [`Self::folder`].
    ///
    /// # Errors
    /// It can't be read.
    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The folder that relative paths start from: that of the first file, absolute.
    fn folder(&self) -> PathBuf;
    /// The home folder, for paths with `~`.
    fn home(&self) -> Option<PathBuf>;
}

/// A stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// What is wanted of the swarm.
    pub desired: Desired,
    /// What has no effect, or surprises.
    pub warnings: Vec<Diagnostic>,
    /// Services by their names in the swarm, with the images of the file.
    pub images: BTreeMap<String, String>,
}

/// Maps the files of a stack, later ones over earlier ones. `key` is that of the hash in the names of
/// secrets and configs.
///
/// # Errors
/// All that is wrong in the files, with places.
pub fn map(
    name: &str,
    files: &[SourceFile],
    surroundings: &dyn Surroundings,
    key: &[u8],
) -> Result<Stack, Diagnostics> {
    stack::map(name, files, surroundings, key)
}
