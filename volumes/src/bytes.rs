//! Sizes as people read and write them.

use std::fmt;

/// A size in words: `1 GiB`, `52 MiB`, `1.5 GiB`; with the exact number where that would lose something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((unit, size)) = UNITS.into_iter().find(|(_, size)| self.0 >= *size) else {
            return write!(f, "{} bytes", self.0);
        };
        let (whole, rest) = (self.0 / size, self.0 % size);
        let hundredths = u128::from(rest) * 100 / u128::from(size);
        let fraction = format!("{hundredths:02}");
        let fraction = fraction.trim_end_matches('0');
        match fraction.is_empty() {
            true => write!(f, "{whole} {unit}")?,
            false => write!(f, "{whole}.{fraction} {unit}")?,
        }
        match u128::from(rest) * 100 % u128::from(size) {
            0 => Ok(()),
            _ => write!(f, " ({} bytes)", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_say_when_they_are_not_exact() {
        let words = |bytes| Bytes(bytes).to_string();
        assert_eq!(words(0), "0 bytes");
        assert_eq!(words(1 << 30), "1 GiB");
        assert_eq!(words(3 << 29), "1.5 GiB");
        assert_eq!(words(52 << 20), "52 MiB");
        assert_eq!(words(5 << 40), "5 TiB");
        assert_eq!(words((1 << 30) + 1), "1 GiB (1073741825 bytes)");
        assert_eq!(words(21_464_350_720), "19.99 GiB (21464350720 bytes)");
    }
}
