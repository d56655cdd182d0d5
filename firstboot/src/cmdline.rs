//! The kernel's command line: what was sealed, and whether the kernel runs under it.

use hive_inventory::disk::{ARG_ROOT_BLOCKS, ARG_ROOT_HASH, ARG_ROOT_SALT};

/// Command line: seconds between a fatal failure and the restart; 0 waits for ever.
pub const ARG_PANIC: &str = "hive.panic";
/// Command line: seconds to wait for the disk with the root.
pub const ARG_WAIT: &str = "hive.wait";
/// Command line: a seed, `base64:` and the document in base64.
pub const ARG_SEED: &str = "hive.seed";
/// Command line: the host, full or short name, whose seed this machine takes.
pub const ARG_HOST: &str = "hive.host";
/// Command line: seconds to wait for a person when seeds are there and none can be taken; 0 waits for ever.
pub const ARG_SEED_WAIT: &str = "hive.seedwait";

/// Seconds between a fatal failure and the restart unless [`ARG_PANIC`] says otherwise: time to read.
pub const PANIC_SECONDS: u64 = 30;
/// Seconds to wait for a fault of the seeds to be put right unless [`ARG_SEED_WAIT`] says otherwise.
pub const FAULT_SECONDS: u64 = 60;
/// Seconds to wait for a choice among seeds unless [`ARG_SEED_WAIT`] says otherwise: somebody has to come.
pub const CHOICE_SECONDS: u64 = 300;
/// Seconds to wait for the disk unless [`ARG_WAIT`] says otherwise: slow RAID controllers take a minute.
pub const WAIT_SECONDS: u64 = 90;

/// What the sealed command line says of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRoot {
    /// Root hash of the dm-verity tree.
    pub hash: [u8; 32],
    /// Number of 4096-byte data blocks.
    pub blocks: u64,
    /// Salt of the tree.
    pub salt: Vec<u8>,
}

impl SealedRoot {
    /// The hash as 64 hex digits.
    pub fn hash_hex(&self) -> String {
        hex(&self.hash)
    }
}

/// Why a command line is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CmdlineError {
    /// The kernel runs under other words.
    #[error("the kernel command line is not the sealed one (they differ at byte {at})")]
    NotSealed {
        /// The first byte that differs, counted from 0.
        at: usize,
    },
    /// A word that init can't do without.
    #[error("the sealed command line has no valid {0}=")]
    Missing(&'static str),
}

/// Checks that `running` (`/proc/cmdline`) is `sealed`, or `sealed` and further words behind it.
pub fn check_sealed(sealed: &[u8], running: &[u8]) -> Result<(), CmdlineError> {
    let sealed = sealed.trim_ascii_end();
    let running = running.trim_ascii_end();
    if let Some(at) = sealed
        .iter()
        .enumerate()
        .position(|(i, b)| running.get(i) != Some(b))
    {
        return Err(CmdlineError::NotSealed { at });
    }
    match running.get(sealed.len()) {
        None | Some(b' ') => Ok(()),
        // Otherwise the last sealed word would be longer than it was: `hive.salt=ab` + `cd`.
        Some(_) => Err(CmdlineError::NotSealed { at: sealed.len() }),
    }
}

/// The root that the sealed command line names. Only sealed words count here, so that words
/// appended by a boot menu can't name another root.
pub fn sealed_root(sealed: &str) -> Result<SealedRoot, CmdlineError> {
    let hash = value(sealed, ARG_ROOT_HASH)
        .and_then(unhex)
        .and_then(|h| <[u8; 32]>::try_from(h).ok())
        .ok_or(CmdlineError::Missing(ARG_ROOT_HASH))?;
    let blocks = value(sealed, ARG_ROOT_BLOCKS)
        .and_then(|b| b.parse().ok())
        .filter(|b| (2..1 << 40).contains(b))
        .ok_or(CmdlineError::Missing(ARG_ROOT_BLOCKS))?;
    let salt = match value(sealed, ARG_ROOT_SALT) {
        None | Some("" | "-") => Vec::new(),
        Some(text) => unhex(text)
            .filter(|s| s.len() <= 256)
            .ok_or(CmdlineError::Missing(ARG_ROOT_SALT))?,
    };
    Ok(SealedRoot { hash, blocks, salt })
}

/// The value of the last `key=` word, as the kernel's own parameters have it.
pub fn value<'a>(cmdline: &'a str, key: &str) -> Option<&'a str> {
    cmdline
        .split_ascii_whitespace()
        .filter_map(|word| word.split_once('='))
        .filter(|(k, _)| *k == key)
        .map(|(_, v)| v)
        .next_back()
}

/// The value of `key=` as a number of seconds, or `default`.
pub fn seconds(cmdline: &str, key: &str, default: u64) -> u64 {
    value(cmdline, key)
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

/// Bytes of hex digits, or `None`.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "console=ttyS0 hive.roothash=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff hive.rootblocks=1000 hive.salt=abcd";

    #[test]
    fn only_appended_words_are_allowed() {
        let ok = |running: &str| check_sealed(SEALED.as_bytes(), running.as_bytes());
        assert_eq!(ok(SEALED), Ok(()));
        assert_eq!(ok(&format!("{SEALED}\n")), Ok(()));
        assert_eq!(ok(&format!("{SEALED} hive.panic=5\n")), Ok(()));
        let longer = format!("{SEALED}ef");
        assert_eq!(
            ok(&longer),
            Err(CmdlineError::NotSealed { at: SEALED.len() })
        );
        assert_eq!(
            ok(&SEALED.replace("=1000", "=1001")),
            Err(CmdlineError::NotSealed {
                at: SEALED.find("1000").unwrap() + 3
            })
        );
        assert!(ok("").is_err());
        assert!(ok(&format!("init=/bin/sh {SEALED}")).is_err());
    }

    #[test]
    fn the_root_is_read() {
        let root = sealed_root(SEALED).unwrap();
        assert_eq!(root.blocks, 1000);
        assert_eq!(root.salt, [0xAB, 0xCD]);
        assert!(root.hash_hex().starts_with("0011"));
        for broken in [
            SEALED.replace("roothash=00", "roothash="),
            SEALED.replace("1000", "0"),
            SEALED.replace("abcd", "abc"),
        ] {
            assert!(sealed_root(&broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn the_last_word_counts() {
        assert_eq!(seconds("hive.panic=5 hive.panic=7", ARG_PANIC, 30), 7);
        assert_eq!(seconds("hive.panic=x", ARG_PANIC, 30), 30);
        assert_eq!(unhex("é0"), None);
    }
}
