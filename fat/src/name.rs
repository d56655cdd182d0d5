//! Long and short names.

use crate::FatError;

/// Characters besides letters and digits that a short name may hold.
const SHORT_EXTRA: &str = "$%'-_@~`!(){}^#&";

/// Whether a folder can keep `name`.
pub(crate) fn check(name: &str) -> Result<(), FatError> {
    let units = name.encode_utf16().count();
    let odd = |c: char| c < ' ' || "\"*/:<>?\\|\u{7f}".contains(c);
    if units == 0
        || units > 255
        || name.chars().any(odd)
        || name.ends_with(['.', ' '])
        || name.starts_with(' ')
    {
        return Err(FatError::Name(name.to_owned()));
    }
    Ok(())
}

/// The label as the boot sector keeps it.
pub(crate) fn volume_label(label: &str) -> Result<[u8; 11], FatError> {
    let upper = label.to_ascii_uppercase();
    let fits = upper.len() <= 11
        && upper
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == ' ' || SHORT_EXTRA.contains(c));
    if !fits || upper.starts_with(' ') {
        return Err(FatError::Name(label.to_owned()));
    }
    let mut out = [b' '; 11];
    if upper.is_empty() {
        out.copy_from_slice(b"NO NAME    ");
    } else {
        out[..upper.len()].copy_from_slice(upper.as_bytes());
    }
    Ok(out)
}

/// A short name for `name` that `taken` does not know, and whether it says all that `name` says.
pub(crate) fn shorten(name: &str, taken: impl Fn(&[u8; 11]) -> bool) -> ([u8; 11], bool) {
    let (stem, extension) = match name.rfind('.') {
        Some(at) if at > 0 => (&name[..at], &name[at + 1..]),
        _ => (name, ""),
    };
    let (stem, stem_lossy) = squeeze(stem, 8);
    let (extension, extension_lossy) = squeeze(extension, 3);
    let lossy = stem_lossy || extension_lossy || stem.is_empty();
    let pack = |stem: &str| {
        let mut out = [b' '; 11];
        out[..stem.len()].copy_from_slice(stem.as_bytes());
        out[8..8 + extension.len()].copy_from_slice(extension.as_bytes());
        out
    };
    if !lossy {
        let short = pack(&stem);
        if !taken(&short) {
            return (short, display(&short, 0) == name);
        }
    }
    let mut number = 1u32;
    loop {
        let tail = format!("~{number}");
        let keep = stem.len().min(8 - tail.len());
        let short = pack(&format!("{}{tail}", &stem[..keep]));
        if !taken(&short) {
            return (short, false);
        }
        number += 1;
    }
}

/// Capitals of what a short name may hold, and whether something was lost beyond case.
fn squeeze(part: &str, most: usize) -> (String, bool) {
    let mut lossy = false;
    let mut out = String::new();
    for c in part.chars() {
        if c.is_ascii_alphanumeric() || SHORT_EXTRA.contains(c) {
            out.push(c.to_ascii_uppercase());
        } else {
            lossy = true;
            if c != ' ' && c != '.' {
                out.push('_');
            }
        }
    }
    if out.len() > most {
        lossy = true;
        out.truncate(most);
    }
    (out, lossy)
}

/// A short name as people read it; `case` holds Windows NT's bits for lower case.
pub(crate) fn display(short: &[u8; 11], case: u8) -> String {
    let part = |bytes: &[u8], lower: bool| {
        let text: String = bytes.iter().map(|b| char::from(*b)).collect();
        let text = text.trim_end().to_owned();
        if lower {
            text.to_ascii_lowercase()
        } else {
            text
        }
    };
    let stem = part(&short[..8], case & 0x08 != 0);
    let extension = part(&short[8..], case & 0x10 != 0);
    if extension.is_empty() {
        stem
    } else {
        format!("{stem}.{extension}")
    }
}

/// The sum by which long-name entries find their short one.
pub(crate) fn checksum(short: &[u8; 11]) -> u8 {
    short
        .iter()
        .fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// Whether a folder takes both for the same name.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_stay_unique() {
        assert_eq!(shorten("BOOTX64.EFI", |_| false), (*b"BOOTX64 EFI", true));
        assert_eq!(shorten("seed.json", |_| false), (*b"SEED~1  JSO", false));
        assert_eq!(
            shorten("loader.conf", |s| s == b"LOADER~1CON").0,
            *b"LOADER~2CON"
        );
        assert_eq!(shorten("hive_a+3.efi", |_| false).0, *b"HIVE_A~1EFI");
        assert_eq!(shorten("日本", |_| false).0, *b"__~1       ");
    }

    #[test]
    fn names_that_would_confuse_are_refused() {
        for bad in ["", "a/b", "a:b", "end.", " x", "tab\t", "..", "."] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert!(check("hive_trixie-0a1b+3-0.efi").is_ok());
    }

    #[test]
    fn labels_are_capitals() {
        assert_eq!(volume_label("hive-seed").unwrap(), *b"HIVE-SEED  ");
        assert!(volume_label("much too long").is_err());
    }
}
