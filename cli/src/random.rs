//! What nobody can guess, from the kernel.

use anyhow::anyhow;
use ring::rand::{SecureRandom, SystemRandom};

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Fills bytes.
///
/// # Errors
/// The kernel gives none.
pub fn fill(bytes: &mut [u8]) -> anyhow::Result<()> {
    let filled = SystemRandom::new().fill(bytes);
    filled.map_err(|_| anyhow!("the kernel gives no random bytes"))
}

/// So many letters and digits of ASCII.
///
/// # Errors
/// As [`fill`].
pub fn letters(length: usize) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        fill(&mut bytes)?;
        // 248 is a multiple of 62: so each letter is as likely as any other.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let letters = fair.map(|byte| LETTERS[usize::from(byte % 62)]);
        text.extend(letters.take(length - text.len()));
    }
    Ok(text)
}

/// 16 hexadecimal digits.
///
/// # Errors
/// As [`fill`].
pub fn birthmark() -> anyhow::Result<String> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_has_its_length_and_letters_and_differs() {
        let text = letters(40).unwrap();
        assert_eq!(text.len(), 40);
        assert!(text.iter().all(u8::is_ascii_alphanumeric));
        assert_ne!(text, letters(40).unwrap());
        let mark = birthmark().unwrap();
        assert_eq!(mark.len(), 16);
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        assert!(mark.bytes().all(hex));
    }
}
