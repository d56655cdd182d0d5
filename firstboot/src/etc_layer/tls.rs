//! What the host proves itself with to its peers: `/etc/hive/tls`.

use hive_inventory::seed::Identity;

use super::render::{EtcFile, RenderError};

/// The three files of an identity.
pub(super) fn files(identity: &Identity) -> Result<[EtcFile; 3], RenderError> {
    let pem = |name: &'static str, what: &'static str, text: &str, kind: &str, mode| {
        let text = text.trim();
        // Nobody else reads the key; what it says is not repeated in an error either.
        if !is_pem(text, kind) {
            return Err(RenderError::Pem(what));
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        Ok(EtcFile {
            path: format!("hive/tls/{name}"),
            mode,
            content: format!("{}\n", lines.join("\n")).into_bytes(),
        })
    };
    Ok([
        pem(
            "certificate.pem",
            "certificate",
            &identity.certificate,
            "CERTIFICATE",
            0o644,
        )?,
        pem("key.pem", "key", &identity.key, "PRIVATE KEY", 0o600)?,
        pem(
            "authority.pem",
            "authority",
            &identity.authority,
            "CERTIFICATE",
            0o644,
        )?,
    ])
}

/// Whether the text begins and ends as a PEM document of that kind (RFC 7468) and has only what belongs there.
fn is_pem(text: &str, kind: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end);
    lines.next() == Some(&format!("-----BEGIN {kind}-----"))
        && lines.next_back() == Some(&format!("-----END {kind}-----"))
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() || matches!(c, '\n' | '\r' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(kind: &str) -> String {
        format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n")
    }

    fn identity() -> Identity {
        Identity {
            certificate: pem("CERTIFICATE"),
            key: pem("PRIVATE KEY"),
            authority: pem("CERTIFICATE"),
        }
    }

    #[test]
    fn only_the_key_is_secret() {
        let files = files(&identity()).unwrap();
        let modes: Vec<_> = files.iter().map(|f| (f.path.as_str(), f.mode)).collect();
        assert_eq!(
            modes,
            [
                ("hive/tls/certificate.pem", 0o644),
                ("hive/tls/key.pem", 0o600),
                ("hive/tls/authority.pem", 0o644)
            ]
        );
        assert_eq!(files[1].content, pem("PRIVATE KEY").into_bytes());
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let mut odd = identity();
        odd.key = "secret".into();
        let error = files(&odd).unwrap_err();
        assert_eq!(error, RenderError::Pem("key"));
        assert!(!error.to_string().contains("secret"));
        let mut odd = identity();
        odd.certificate = pem("PRIVATE KEY");
        assert!(files(&odd).is_err());
        let mut windows = identity();
        windows.key = windows.key.replace('\n', "\r\n");
        assert_eq!(files(&windows).unwrap(), files(&identity()).unwrap());
        let mut odd = identity();
        odd.authority = odd.authority.replace("AAAA", "AA\0A");
        assert!(files(&odd).is_err());
    }
}
