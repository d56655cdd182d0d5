//! GUIDs as partition tables keep them: the first three fields little-endian (UEFI 2.10, appendix A).

use std::fmt;
use std::str::FromStr;

/// A GUID, in the order of its bytes on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Guid(pub [u8; 16]);

/// The text is no GUID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a GUID")]
pub struct GuidError(String);

/// For each byte of the text form, its place on disk.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

impl Guid {
    /// No GUID: marks an unused entry.
    pub const ZERO: Self = Self([0; 16]);

    /// A random GUID (version 4, RFC 9562) of 16 random bytes.
    pub fn from_random(mut random: [u8; 16]) -> Self {
        // Version and variant lie in bytes 6 and 8 of the text form.
        random[ORDER[6]] = random[ORDER[6]] & 0x0F | 0x40;
        random[8] = random[8] & 0x3F | 0x80;
        Self(random)
    }

    /// A GUID from the contract's constants, which are known to be well-formed.
    pub(crate) fn known(text: &str) -> Self {
        text.parse().unwrap_or(Self::ZERO)
    }
}

impl FromStr for Guid {
    type Err = GuidError;

    fn from_str(text: &str) -> Result<Self, GuidError> {
        let bad = || GuidError(text.to_owned());
        let dashes = [8, 13, 18, 23];
        let well_formed = text.len() == 36
            && text.bytes().enumerate().all(|(i, b)| {
                if dashes.contains(&i) {
                    b == b'-'
                } else {
                    b.is_ascii_hexdigit()
                }
            });
        if !well_formed {
            return Err(bad());
        }
        let bytes = crate::cmdline::unhex(&text.replace('-', "")).ok_or_else(bad)?;
        let mut out = [0; 16];
        for (at, place) in ORDER.iter().enumerate() {
            out[*place] = bytes[at];
        }
        Ok(Self(out))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, place) in ORDER.iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                f.write_str("-")?;
            }
            write!(f, "{:02X}", self.0[*place])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_inventory::disk;

    #[test]
    fn text_and_bytes_agree() {
        let esp: Guid = disk::TYPE_ESP.parse().unwrap();
        // As sgdisk and every firmware write it.
        assert_eq!(
            esp.0,
            [
                0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11, 0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E,
                0xC9, 0x3B
            ]
        );
        assert_eq!(esp.to_string(), disk::TYPE_ESP);
        assert!(
            "C12A7328-F81F-11D2-BA4B-00A0C93EC93"
                .parse::<Guid>()
                .is_err()
        );
    }

    #[test]
    fn random_ones_are_version_4() {
        let text = Guid::from_random([0xFF; 16]).to_string();
        assert_eq!(text, "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF");
    }

    #[test]
    fn the_contract_is_well_formed() {
        for text in [
            disk::TYPE_ESP,
            disk::TYPE_ROOT,
            disk::TYPE_SEED,
            disk::TYPE_STATE,
        ] {
            assert_ne!(Guid::known(text), Guid::ZERO, "{text}");
        }
    }
}
