//! The public half of an ssh key, out of the private file (OpenSSH, PROTOCOL.key).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// The line for `.pub`, or `None` if `private` is not an unencrypted Ed25519 key.
pub(super) fn public_line(private: &str, comment: &str) -> Option<String> {
    let body: String = private
        .trim()
        .strip_prefix(BEGIN)?
        .strip_suffix(END)?
        .split_ascii_whitespace()
        .collect();
    let bytes = STANDARD.decode(body).ok()?;
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let cipher = string(&mut rest)?;
    let _kdf = string(&mut rest)?;
    let _options = string(&mut rest)?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let public = string(&mut rest)?;
    let mut inner = public;
    let ed25519 = string(&mut inner)? == b"ssh-ed25519" && string(&mut inner)?.len() == 32;
    if cipher != b"none" || u32::from_be_bytes(*count) != 1 || !ed25519 {
        return None;
    }
    Some(format!(
        "ssh-ed25519 {} {comment}\n",
        STANDARD.encode(public)
    ))
}

/// Takes a string with its length in front.
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let (string, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = tail;
    Some(string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_is_the_one_of_ssh_keygen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
            .arg(&path)
            .status();
        if !made.is_ok_and(|status| status.success()) {
            println!("SKIPPED: ssh-keygen is not installed (package openssh-client)");
            return;
        }
        let private = std::fs::read_to_string(&path).unwrap();
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        assert_eq!(public_line(&private, "test"), Some(public));
        assert_eq!(public_line(&private[..200], "test"), None);
    }

    #[test]
    fn what_is_no_key_gives_none() {
        assert_eq!(public_line("", "test"), None);
        assert_eq!(public_line(&format!("{BEGIN}\nAAAA\n{END}"), "test"), None);
    }
}
