//! Where a machine's seed comes from.
//!
//! In this order, and the first that has one wins:
//!
//! 1. the kernel command line: `hive.seed=base64:…`, appended behind the sealed words
//! 2. the firmware: an SMBIOS OEM string (type 11) `hive.seed=…` in base64
//! 3. QEMU's `fw_cfg`: the file `opt/hive/seed`, plain JSON
//! 4. the partition `HIVE-SEED` of the disk that the machine boots from
//! 5. `HIVE-SEED` on any other disk: the name of a GPT partition or the label of a FAT volume, so
//!    that a stick formatted on a laptop will do
//!
//! What is nearer to the person who starts the machine comes first. A seed that does not read ends
//! the boot when it would have won; further back it is a notice, and so is one for another host.

mod firmware;
mod volumes;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hive_inventory::image::BakedImage;
use hive_inventory::seed::Seed;

use crate::block_scan::DiskInfo;
use crate::cmdline::{self, ARG_SEED};
use crate::failure::{Explain, Failure};

/// A seed document and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where, for people.
    pub source: String,
    /// The text, or why there is none although there should be.
    pub text: Result<String, String>,
}

/// A seed in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Where it was found.
    pub source: String,
    /// The seed.
    pub seed: Seed,
}

/// Looks everywhere, in order of precedence.
pub fn search(cmdline: &str, boot_disk: &str, disks: &[DiskInfo]) -> Vec<Document> {
    let mut out = Vec::new();
    if let Some(word) = cmdline::value(cmdline, ARG_SEED) {
        out.push(Document {
            source: "kernel command line".into(),
            text: decode(word),
        });
    }
    out.extend(firmware::smbios());
    out.extend(firmware::fw_cfg());
    out.extend(volumes::boot_disk(boot_disk, disks));
    out.extend(volumes::other_disks(boot_disk, disks));
    out
}

/// Decides which document makes this machine its host, and what is worth telling about the others.
pub fn choose(
    documents: &[Document],
    image: &BakedImage,
) -> Result<(Option<Chosen>, Vec<String>), Failure> {
    let mut chosen: Option<Chosen> = None;
    let mut notices = Vec::new();
    for document in documents {
        match (read(document, image), &chosen) {
            (Ok(seed), None) => {
                chosen = Some(Chosen {
                    source: document.source.clone(),
                    seed,
                });
            }
            (Err(failure), None) => return Err(failure),
            (Ok(seed), Some(first)) if seed.host != first.seed.host => notices.push(format!(
                "the seed from {} is for {}, but the one from {} is for {} and comes first; remove the one that is wrong",
                document.source, seed.host, first.source, first.seed.host
            )),
            (Ok(_), Some(_)) => {}
            (Err(failure), Some(_)) => notices.push(failure.story()),
        }
    }
    Ok((chosen, notices))
}

fn read(document: &Document, image: &BakedImage) -> Result<Seed, Failure> {
    let what = format!("the seed from {} is not valid", document.source);
    let next = "write `seed.json` anew, or remove it, and start the machine again";
    let text = document.text.as_ref().map_err(|why| {
        Failure::new(what.clone(), next).because(std::io::Error::other(why.clone()))
    })?;
    let seed = Seed::from_json(text).explain(what.clone(), next)?;
    if (&seed.site, &seed.stage) != (&image.site, &image.stage) {
        return Err(Failure::new(
            format!(
                "{what}: it is for stage {:?} of site {:?}, this image was baked for stage {:?} of site {:?}",
                seed.stage, seed.site, image.stage, image.site
            ),
            "flash the image of the seed's site, or give this machine a seed of the image's",
        ));
    }
    Ok(seed)
}

/// Base64, with or without the word in front that says so.
fn decode(word: &str) -> Result<String, String> {
    let body = word.strip_prefix("base64:").unwrap_or(word);
    let bytes = STANDARD
        .decode(body.trim())
        .map_err(|e| format!("it is not base64: {e}"))?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> BakedImage {
        BakedImage {
            version: 1,
            site: "s".into(),
            stage: "private".into(),
            image_version: "trixie-0".into(),
            kernel: "6.12".into(),
            root_hash: "00".into(),
            drbd: "8.4".into(),
        }
    }

    fn document(source: &str, host: &str) -> Document {
        let text =
            format!(r#"{{"version":2,"site":"s","stage":"private","host":"{host}.example.com"}}"#);
        Document {
            source: source.into(),
            text: Ok(text),
        }
    }

    #[test]
    fn the_first_wins_and_a_contradiction_is_told() {
        let documents = [
            document("SMBIOS", "a"),
            document("HIVE-SEED of vda", "a"),
            document("stick", "b"),
        ];
        let (chosen, notices) = choose(&documents, &image()).unwrap();
        assert_eq!(chosen.unwrap().source, "SMBIOS");
        assert_eq!(notices.len(), 1);
        assert!(notices[0].contains("b.example.com"), "{notices:?}");
    }

    #[test]
    fn a_broken_seed_ends_the_boot_only_if_it_would_win() {
        let broken = Document {
            source: "stick".into(),
            text: Ok("{".into()),
        };
        let failure = choose(std::slice::from_ref(&broken), &image()).unwrap_err();
        assert!(failure.story().contains("stick"), "{}", failure.story());
        let (chosen, notices) = choose(&[document("SMBIOS", "a"), broken], &image()).unwrap();
        assert!(chosen.is_some());
        assert_eq!(notices.len(), 1);
    }

    #[test]
    fn a_seed_of_another_site_is_refused() {
        let mut other = image();
        other.site = "t".into();
        let failure = choose(&[document("SMBIOS", "a")], &other).unwrap_err();
        assert!(failure.story().contains("baked for"), "{}", failure.story());
    }

    #[test]
    fn base64_with_and_without_its_name() {
        assert_eq!(decode("base64:e30=").unwrap(), "{}");
        assert_eq!(decode("e30=").unwrap(), "{}");
        assert!(decode("base64:%%").unwrap_err().contains("base64"));
        assert!(choose(&[], &image()).unwrap().0.is_none());
    }
}
