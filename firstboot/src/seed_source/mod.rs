//! Where a machine's seed may come from.
//!
//! In this order of precedence:
//!
//! 1. the kernel command line: `hive.seed=base64:…`, appended behind the sealed words
//! 2. the firmware: an SMBIOS OEM string (type 11) `hive.seed=…` in base64
//! 3. QEMU's `fw_cfg`: the file `opt/hive/seed`, plain JSON
//! 4. the partition `HIVE-SEED` of the disk that the machine boots from
//! 5. `HIVE-SEED` on any other disk: the name of a GPT partition or the label of a FAT volume, so
//!    that a stick formatted on a laptop will do
//!
//! What is nearer to the person who starts the machine comes first. A volume carries one document
//! as `seed.json`, or one for each of many hosts as `HOST.seed.json`, or both. Which of all these
//! documents makes the machine a host is decided in [`crate::seed_choice`].

mod firmware;
mod volumes;

pub(crate) use volumes::is_seed_file;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::block_scan::DiskInfo;
use crate::cmdline::{self, ARG_SEED};

/// Kinds of places, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The kernel command line.
    CommandLine,
    /// The firmware's tables.
    Smbios,
    /// QEMU's configuration channel.
    FwCfg,
    /// The seed partition of the disk that the machine boots from.
    BootDisk,
    /// A volume on another disk, a stick for example.
    OtherDisk,
}

impl Class {
    /// Whether it is a medium that can be replaced while the machine waits.
    pub fn is_medium(self) -> bool {
        self >= Self::BootDisk
    }
}

/// A place where seed documents were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its kind.
    pub class: Class,
    /// Where, for people.
    pub name: String,
    /// What was found there, at least one.
    pub documents: Vec<Document>,
}

/// A seed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Name of its file, if it is one.
    pub file: Option<String>,
    /// The text, or why there is none although there should be.
    pub text: Result<String, String>,
}

/// Looks everywhere; sources in order of precedence, those without a document left out.
pub fn search(cmdline: &str, boot_disk: &str, disks: &[DiskInfo]) -> Vec<Source> {
    let mut out = vec![
        Source {
            class: Class::CommandLine,
            name: "the kernel command line".into(),
            documents: cmdline::value(cmdline, ARG_SEED)
                .map(|word| given(decode(word)))
                .into_iter()
                .collect(),
        },
        Source {
            class: Class::Smbios,
            name: "SMBIOS".into(),
            documents: firmware::smbios(),
        },
        Source {
            class: Class::FwCfg,
            name: "fw_cfg".into(),
            documents: firmware::fw_cfg().into_iter().collect(),
        },
    ];
    out.extend(volumes::boot_disk(boot_disk, disks));
    out.extend(volumes::other_disks(boot_disk, disks));
    out.retain(|source| !source.documents.is_empty());
    out
}

/// A document that is no file.
fn given(text: Result<String, String>) -> Document {
    Document { file: None, text }
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

    #[test]
    fn base64_with_and_without_its_name() {
        assert_eq!(decode("base64:e30=").unwrap(), "{}");
        assert_eq!(decode("e30=").unwrap(), "{}");
        assert!(decode("base64:%%").unwrap_err().contains("base64"));
    }

    #[test]
    fn the_command_line_is_a_source_only_with_its_word() {
        let none = search("quiet hive.panic=5", "vda", &[]);
        assert!(none.iter().all(|s| s.class != Class::CommandLine));
        let one = search("quiet hive.seed=base64:e30=", "vda", &[]);
        assert_eq!(one[0].class, Class::CommandLine);
        assert_eq!(one[0].documents, [given(Ok("{}".into()))]);
    }
}
