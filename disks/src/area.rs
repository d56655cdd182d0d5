//! What lies where a physical volume of LVM keeps its metadata.

use crate::disk::Area;
use crate::gpt::is_zero;

/// Bytes from the start of a physical volume that are looked at; data begins behind them.
pub const LENGTH: usize = 1 << 20;

/// What `pvcreate` writes: the label in the second sector, and the head of the metadata area.
const LABEL: std::ops::Range<usize> = 512..1024;
const HEAD: std::ops::Range<usize> = 4096..4608;

/// Tells by the first [`LENGTH`] bytes whether a physical volume has ever been part of something.
///
/// A lost label alone must not make a disk full of volumes look like one that was just prepared: the
/// texts that LVM keeps behind it tell.
pub fn area(bytes: &[u8], tag: &str) -> Area {
    let windows = [&bytes[..LABEL.start], &bytes[LABEL.end..HEAD.start]];
    let text = &bytes[HEAD.end..];
    if windows.iter().any(|w| !is_zero(w)) {
        return Area::Used;
    }
    if is_zero(text) {
        return Area::Unused;
    }
    let text = String::from_utf8_lossy(text);
    // Text of any later generation means that the group was in use.
    let first = text
        .match_indices("seqno = ")
        .all(|(at, word)| text[at + word.len()..].starts_with("1\n"));
    let texts = text.matches("seqno = ").count();
    if first && texts > 0 && text.matches(&format!("[\"{tag}\"]")).count() == texts {
        Area::First
    } else {
        Area::Used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(at: usize, text: &str) -> Vec<u8> {
        let mut bytes = vec![0; LENGTH];
        bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn a_volume_that_was_only_prepared_is_unused() {
        assert_eq!(area(&vec![0; LENGTH], "t"), Area::Unused);
        assert_eq!(area(&with(512, "LABELONE"), "t"), Area::Unused);
        assert_eq!(area(&with(4096, " LVM2 x[5A%r0N*>"), "t"), Area::Unused);
    }

    #[test]
    fn the_first_text_of_our_group_is_told_from_later_ones_and_from_others() {
        let first = "vg {\nseqno = 1\ntags = [\"t\"]\n}";
        assert_eq!(area(&with(4608, first), "t"), Area::First);
        assert_eq!(area(&with(4608, first), "other"), Area::Used);
        let later = format!("{first}vg {{\nseqno = 12\n}}");
        assert_eq!(area(&with(4608, &later), "t"), Area::Used);
        assert_eq!(area(&with(1080, "S"), "t"), Area::Used);
    }
}
