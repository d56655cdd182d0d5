//! Reading seed documents: is it a seed, of this version, by this site's key, for this stage, and
//! can it be applied?

use hive_inventory::image::BakedImage;
use hive_inventory::seed::{
    Machine, SEED_VERSION, Seed, SeedError, SignatureError, SignedSeed, VerifyingKey,
};

use crate::seed_source::{Class, Document, Source};

/// By what documents are judged.
pub struct Reader<'a> {
    /// The site's public key as the image has it, or why there is none.
    pub key: &'a Result<VerifyingKey, KeyFault>,
    /// What was baked.
    pub image: &'a BakedImage,
    /// Whether a seed can become this machine's files; if not, why.
    pub usable: &'a dyn Fn(&Seed) -> Result<(), String>,
}

/// Why an image has no key to check seeds with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The file is not there.
    #[error("was baked by an older hive, or without the site's keys")]
    Absent,
    /// The file is damaged.
    #[error("holds a damaged one: {0}")]
    Damaged(String),
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It can't be read, or is no seed.
    #[error("it does not read as a seed: {0}")]
    Unreadable(String),
    /// Written by another release.
    #[error("it has the format version {0}, this image reads version {SEED_VERSION}")]
    Version(u32),
    /// Of another site or stage.
    #[error(
        "it is for stage {stage:?} of site {site:?}, this image was baked for stage {image_stage:?} of site {image_site:?}"
    )]
    Foreign {
        /// Its stage.
        stage: String,
        /// Its site.
        site: String,
        /// The image's stage.
        image_stage: String,
        /// The image's site.
        image_site: String,
    },
    /// Changed after it was signed, or signed by a key that is not the stage's.
    #[error(
        "its signature does not hold: it was changed after it was written, or the stage's seed key is another one than when the image was baked"
    )]
    Tampered,
    /// Signed, and not to be applied all the same.
    #[error("it cannot be applied: {0}")]
    Unusable(String),
}

impl Broken {
    /// What a person does about it.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Unreadable(_) | Self::Tampered => {
                "write it again (`hive seed HOST`) and plug it in, or start the machine again where the seed does not come from a medium"
            }
            Self::Version(_) => {
                "write it again with the `hive` command that baked the image (`hive seed HOST`) and plug it in"
            }
            Self::Foreign { .. } => {
                "flash the image of the seed's stage, or plug in a seed of the image's"
            }
            Self::Unusable(_) => {
                "correct the host in the inventory, write the seed again (`hive seed HOST`) and plug it in"
            }
        }
    }
}

/// A document, read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Kind of its source.
    pub class: Class,
    /// Index of its source.
    pub source: usize,
    /// Where it was found, for people.
    pub place: String,
    /// Whether it is the one document of its volume that is called `seed.json`.
    pub plain: bool,
    /// The name that it claims outside, where nothing is signed.
    pub claimed: Option<String>,
    /// The text as it was found.
    pub text: String,
    /// The seed, or why it is none.
    pub seed: Result<Seed, Broken>,
}

impl Reading {
    /// What keeps the seed from being this machine's: the hardware that it wants.
    pub fn mismatch(&self, machine: &Machine) -> Option<String> {
        let seed = self.seed.as_ref().ok()?;
        seed.me().and_then(|me| me.machine.mismatch(machine))
    }

    /// Whether the seed says by what its machine is recognised.
    pub fn names_hardware(&self) -> bool {
        let me = self.seed.as_ref().ok().and_then(Seed::me);
        me.is_some_and(|me| !me.machine.is_empty())
    }

    /// Whether it is a seed of the host `name`, full or short.
    pub fn is_for(&self, name: &str) -> bool {
        self.seed.as_ref().is_ok_and(|s| is_name_of(name, &s.host))
    }
}

/// Whether `name`, full or short, means `host`.
pub fn is_name_of(name: &str, host: &str) -> bool {
    let short = host.split('.').next().unwrap_or(host);
    name.eq_ignore_ascii_case(host) || name.eq_ignore_ascii_case(short)
}

impl Reader<'_> {
    /// Reads every document of every source.
    pub fn all(&self, sources: &[Source], key: &VerifyingKey) -> Vec<Reading> {
        let mut out = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            for document in &source.documents {
                out.push(self.one(index, source, document, key));
            }
        }
        out
    }

    fn one(
        &self,
        index: usize,
        source: &Source,
        document: &Document,
        key: &VerifyingKey,
    ) -> Reading {
        let plain = |file: &str| file.eq_ignore_ascii_case(hive_inventory::disk::SEED_FILE);
        let place = match &document.file {
            Some(file) if !plain(file) => format!("{file} on {}", source.name),
            _ => source.name.clone(),
        };
        let text = document.text.clone().unwrap_or_default();
        let envelope: Option<SignedSeed> = serde_json::from_str(&text).ok();
        let seed = match &document.text {
            Err(why) => Err(Broken::Unreadable(why.clone())),
            Ok(text) => self.open(text, envelope.as_ref(), key),
        };
        Reading {
            class: source.class,
            source: index,
            place,
            plain: document.file.as_deref().is_some_and(plain),
            claimed: envelope.map(|e| e.host),
            text,
            seed,
        }
    }

    fn open(
        &self,
        text: &str,
        envelope: Option<&SignedSeed>,
        key: &VerifyingKey,
    ) -> Result<Seed, Broken> {
        let seed = match key.open(text) {
            Ok(seed) => seed,
            Err(SignatureError::Seed(SeedError::Version { found })) => {
                return Err(Broken::Version(found));
            }
            Err(SignatureError::Seed(other)) => return Err(Broken::Unreadable(other.to_string())),
            Err(_) => return Err(self.foreign(envelope).unwrap_or(Broken::Tampered)),
        };
        if let Some(foreign) = self.of_another(&seed.site, &seed.stage) {
            return Err(foreign);
        }
        (self.usable)(&seed).map_err(Broken::Unusable)?;
        Ok(seed)
    }

    /// A seed by another key is mostly one of another stage: then it says so itself, and that helps more.
    fn foreign(&self, envelope: Option<&SignedSeed>) -> Option<Broken> {
        let seed: serde_json::Value = serde_json::from_str(&envelope?.seed).ok()?;
        self.of_another(seed.get("site")?.as_str()?, seed.get("stage")?.as_str()?)
    }

    fn of_another(&self, site: &str, stage: &str) -> Option<Broken> {
        let image = self.image;
        ((site, stage) != (&image.site, &image.stage)).then(|| Broken::Foreign {
            stage: stage.to_owned(),
            site: site.to_owned(),
            image_stage: image.stage.clone(),
            image_site: image.site.clone(),
        })
    }
}
