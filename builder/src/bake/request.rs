//! What is asked of a bake, and what it reports.

use std::path::PathBuf;

use hive_inventory::image::{DrbdSettings, ImageSettings};
use hive_inventory::settings::HostSettings;
use serde::Serialize;

use crate::site_layer::PublicKeys;

/// A disk image format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The disk byte for byte: for `dd` to a disk or stick.
    Raw,
    /// QEMU's format, without the holes.
    Qcow2,
}

impl Format {
    /// The file name's ending.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// What is to be baked.
#[derive(Debug, Clone)]
pub struct BakeRequest {
    /// The site folder: `hive.lock` lies here, and paths of the inventory are relative to it.
    pub site: PathBuf,
    /// Name of the site.
    pub name: String,
    /// Name of the stage.
    pub stage: String,
    /// What the stage chooses about its image.
    pub image: ImageSettings,
    /// Where the DRBD module comes from.
    pub drbd: DrbdSettings,
    /// What goes into the site layer.
    pub settings: HostSettings,
    /// By what hosts know their site; `None` only where nothing is written.
    pub keys: Option<PublicKeys>,
    /// Where the images go.
    pub out: PathBuf,
    /// Which formats.
    pub formats: Vec<Format>,
    /// Fail rather than change `hive.lock`.
    pub locked: bool,
    /// Fail rather than use the network.
    pub offline: bool,
}

/// What a bake made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BakeReport {
    /// The image's version.
    pub image_version: String,
    /// Root hash of the sealed root, hex.
    pub root_hash: String,
    /// Version of the DRBD module that the image loads.
    pub drbd: String,
    /// The images.
    pub files: Vec<ImageFile>,
    /// Steps that were done now; the others came from the cache.
    pub rebuilt: Vec<String>,
    /// Seconds that it took.
    pub seconds: f64,
}

/// A finished image file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct ImageFile {
    /// Its format.
    pub format: Format,
    /// Where it lies.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its content.
    pub sha256: String,
}
