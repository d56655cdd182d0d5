//! GUIDs as partition tables keep them, and those that hive derives instead of drawing them.

use std::fmt;

use sha2::{Digest, Sha256};

/// A GUID, in the order of its bytes on disk (the first three fields little-endian; UEFI, appendix A).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Guid(pub [u8; 16]);

/// For each byte of the text form, its place on disk.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// Partition type of a physical volume of LVM, `E6D6D379-F507-44C2-A23C-238F2A3DF928`.
pub const LVM: Guid = Guid([
    0x79, 0xD3, 0xD6, 0xE6, 0x07, 0xF5, 0xC2, 0x44, 0xA2, 0x3C, 0x23, 0x8F, 0x2A, 0x3D, 0xF9, 0x28,
]);

impl Guid {
    /// No GUID: marks an unused entry.
    pub const ZERO: Self = Self([0; 16]);

    /// The GUID that belongs to these words (version 8, RFC 9562: made of a hash).
    ///
    /// Derived, not drawn: what hive would write can be told from the disk alone, so work that a
    /// power cut left half done is recognised, and nobody else's partition has it by chance.
    pub fn derived(words: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for word in words {
            // The length keeps two words from reading as two others.
            hash.update((word.len() as u64).to_le_bytes());
            hash.update(word);
        }
        let mut guid = [0; 16];
        guid.copy_from_slice(&hash.finalize()[..16]);
        guid[ORDER[6]] = guid[ORDER[6]] & 0x0F | 0x80;
        guid[8] = guid[8] & 0x3F | 0x80;
        Self(guid)
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

    #[test]
    fn the_type_is_the_one_of_lvm() {
        assert_eq!(LVM.to_string(), "E6D6D379-F507-44C2-A23C-238F2A3DF928");
    }

    #[test]
    fn derived_ones_differ_with_every_word_and_keep_the_form_of_a_guid() {
        let one = Guid::derived(&[b"a", b"bc"]);
        assert_eq!(one, Guid::derived(&[b"a", b"bc"]));
        assert_ne!(one, Guid::derived(&[b"ab", b"c"]));
        let text = one.to_string();
        assert_eq!(&text[14..15], "8", "{text}");
        assert!("89AB".contains(&text[19..20]), "{text}");
    }
}
