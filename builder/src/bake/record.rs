//! What the last bake of a stage was made of, beside its images.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use hive_inventory::image::BakedImage;
use serde::{Deserialize, Serialize};

use super::{Format, ImageFile};
use crate::cache::Inputs;

/// The file's name in the images folder.
pub const RECORD_FILE: &str = "hive.json";

/// The record of a bake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the image says of itself.
    pub image: BakedImage,
    /// The image files.
    pub files: Vec<ImageFile>,
    /// When each file was last changed, to notice that somebody else wrote it.
    pub changed: Vec<u128>,
    /// Bytes from the start of the raw image to its seed partition.
    pub seed_offset: u64,
    /// The inputs of every step.
    pub steps: BTreeMap<String, Inputs>,
}

impl Record {
    /// Reads the record of a folder; one that can't be read counts as none, the bake is then done again.
    pub fn load(out: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(out.join(RECORD_FILE)).ok()?).ok()
    }

    /// Writes the record by one rename, the last act of a bake.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn save(&self, out: &Path) -> Result<()> {
        let path = out.join(RECORD_FILE);
        let temporary = out.join(".hive.json.new");
        let text = serde_json::to_vec_pretty(self).context("writing the record of the bake")?;
        fs::write(&temporary, text)
            .and_then(|()| fs::rename(&temporary, &path))
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Whether the images of these inputs are there, untouched, in all these formats.
    pub fn holds(&self, image: &Inputs, formats: &[Format]) -> bool {
        self.steps.get(super::image::STEP) == Some(image)
            && formats
                .iter()
                .all(|f| self.files.iter().any(|file| file.format == *f))
            && self.files.iter().zip(&self.changed).all(|(file, changed)| {
                fs::metadata(&file.path)
                    .is_ok_and(|m| m.len() == file.size && modified(&m) == *changed)
            })
    }
}

/// Nanoseconds since 1970 of a file's last change; 0 where that is not known.
pub fn modified(meta: &fs::Metadata) -> u128 {
    meta.modified()
        .ok()
        .and_then(|t| t.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |d| d.as_nanos())
}
