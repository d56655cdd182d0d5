//! OpenSSH public keys, as far as a line of `authorized_keys` must be trusted to be one (RFC 4253, section 6.6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SettingError;

/// Kinds of key that the image's sshd accepts.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The key as one line, without what surrounds it.
///
/// Options before the key are refused: a setting called a key must not be able to run a command.
pub fn line(setting: &str, text: &str) -> Result<String, SettingError> {
    let refuse = |fault: &str| {
        SettingError::new(
            setting,
            fault,
            "give the one line of an OpenSSH public key file, such as id_ed25519.pub",
        )
    };
    let text = text.trim();
    if text.contains("PRIVATE KEY") {
        return Err(refuse(
            "this is a private key, which belongs in no inventory",
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(refuse("a public key is one line"));
    }
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let kind = words.next().unwrap_or_default();
    if kind == "ssh-dss" {
        return Err(refuse("DSA keys are too weak, sshd no longer accepts them"));
    }
    if !KINDS.contains(&kind) {
        return Err(refuse(&format!("{kind:?} is not a kind of public key")));
    }
    let blob = words
        .next()
        .and_then(|word| STANDARD.decode(word).ok())
        .ok_or_else(|| refuse("the second word is not base64"))?;
    if !names_kind(&blob, kind) {
        return Err(refuse("the key's bytes are of another kind or cut off"));
    }
    Ok(text.to_owned())
}

/// Whether the bytes are length-prefixed strings and numbers that fill them exactly, the first one `kind`.
fn names_kind(blob: &[u8], kind: &str) -> bool {
    let mut rest = blob;
    let mut fields = 0;
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((field, tail)) = tail.split_at_checked(length) else {
            return false;
        };
        if fields == 0 && field != kind.as_bytes() {
            return false;
        }
        fields += 1;
        rest = tail;
    }
    rest.is_empty() && fields >= 2
}

#[cfg(test)]
mod tests {
    use super::super::tests::KEY;
    use super::*;

    fn fault(text: &str) -> String {
        line("hive_users.alice.id_rsa_pub", text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_key_keeps_its_remark_and_loses_its_line_end() {
        assert_eq!(
            line("x", &format!("{KEY} alice laptop\n")).unwrap(),
            format!("{KEY} alice laptop")
        );
    }

    #[test]
    fn what_is_no_public_key_is_refused_with_the_setting() {
        let cut = &KEY[..KEY.len() - 8];
        for (text, part) in [
            ("", "not a kind"),
            ("hello", "not a kind"),
            ("ssh-ed25519", "not base64"),
            ("ssh-ed25519 %%%", "not base64"),
            (cut, "cut off"),
            (&KEY.replace("ssh-ed25519", "ssh-rsa"), "another kind"),
            (&format!("command=\"reboot\" {KEY}"), "not a kind"),
            (&format!("{KEY}\n{KEY}"), "one line"),
            ("ssh-dss AAAA", "too weak"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb", "private key"),
        ] {
            let fault = fault(text);
            assert!(
                fault.starts_with("hive_users.alice.id_rsa_pub: ") && fault.contains(part),
                "{text:?}: {fault}"
            );
        }
    }
}
