//! Who signed a Release file.
//!
//! apt has checked the signature against the archive's keyring before this is read; here the
//! issuers are only taken down for the lock. Formats: RFC 9580 sections 4.2 (packets), 5.2.3
//! (signatures) and 7 (cleartext signatures).

use base64::Engine;

/// Fingerprints (subpacket 33), or else key ids (subpacket 16), of the signatures of a cleartext-signed text.
pub fn issuers(inrelease: &str) -> Vec<String> {
    let Some(armor) = inrelease.split("-----BEGIN PGP SIGNATURE-----").nth(1) else {
        return Vec::new();
    };
    let body: String = armor
        .lines()
        .skip_while(|line| line.trim().is_empty() || line.contains(": "))
        .take_while(|line| !line.starts_with('=') && !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(body) else {
        return Vec::new();
    };
    let mut found: Vec<String> = packets(&bytes)
        .into_iter()
        .filter(|(tag, _)| *tag == 2)
        .filter_map(|(_, body)| issuer(body))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn packets(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let Some((tag, header, length)) = packet_head(bytes) {
        let Some(body) = bytes.get(header..header + length) else {
            break;
        };
        found.push((tag, body));
        bytes = &bytes[header + length..];
    }
    found
}

/// Tag, length of the header, length of the body.
fn packet_head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let first = *bytes.first()?;
    if first & 0x40 != 0 {
        let (used, length) = length(&bytes[1..])?;
        return Some((first & 0x3f, 1 + used, length));
    }
    let tag = (first >> 2) & 0x0f;
    match first & 3 {
        0 => Some((tag, 2, usize::from(*bytes.get(1)?))),
        1 => Some((
            tag,
            3,
            usize::from(u16::from_be_bytes(bytes.get(1..3)?.try_into().ok()?)),
        )),
        2 => Some((
            tag,
            5,
            u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?) as usize,
        )),
        _ => None,
    }
}

/// A length of the new packet format, with the number of octets that it takes.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.first()? {
        n @ 0..192 => Some((1, usize::from(n))),
        n @ 192..224 => Some((
            2,
            ((usize::from(n) - 192) << 8) + usize::from(*bytes.get(1)?) + 192,
        )),
        255 => Some((
            5,
            u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?) as usize,
        )),
        _ => None,
    }
}

fn issuer(signature: &[u8]) -> Option<String> {
    if *signature.first()? != 4 {
        return None;
    }
    let hashed_length = usize::from(u16::from_be_bytes(signature.get(4..6)?.try_into().ok()?));
    let hashed = signature.get(6..6 + hashed_length)?;
    let rest = signature.get(6 + hashed_length..)?;
    let open_length = usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?));
    let open = rest.get(2..2 + open_length)?;
    let fingerprint = |area| {
        subpacket(area, 33)
            .and_then(|b| b.get(1..))
            .map(crate::cache::hex)
    };
    let key_id = |area| subpacket(area, 16).map(crate::cache::hex);
    fingerprint(hashed)
        .or_else(|| fingerprint(open))
        .or_else(|| key_id(hashed))
        .or_else(|| key_id(open))
        .map(|hex| hex.to_uppercase())
}

fn subpacket(mut area: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (used, length) = length(area)?;
        let body = area.get(used..used + length)?;
        if body.first()? & 0x7f == wanted {
            return body.get(1..);
        }
        area = &area[used + length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signature packet of version 4 with the given hashed subpackets, armored.
    fn armored(hashed: &[u8]) -> String {
        let mut body = vec![4, 1, 1, 8, 0, u8::try_from(hashed.len()).unwrap()];
        body.extend(hashed);
        body.extend([0, 0, 1, 2, 0, 0]);
        let mut packet = vec![0xc2, u8::try_from(body.len()).unwrap()];
        packet.extend(body);
        let text = base64::engine::general_purpose::STANDARD.encode(packet);
        format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\n\nSuite: x\n-----BEGIN PGP SIGNATURE-----\n\n{text}\n=abcd\n-----END PGP SIGNATURE-----\n"
        )
    }

    #[test]
    fn the_fingerprint_is_read() {
        let mut subpackets = vec![5, 2, 0, 0, 0, 1, 22, 33, 4];
        subpackets.extend([0xab; 20]);
        assert_eq!(issuers(&armored(&subpackets)), ["AB".repeat(20)]);
    }

    #[test]
    fn nonsense_has_no_issuer() {
        for text in [
            "",
            "-----BEGIN PGP SIGNATURE-----\n\n!!!!",
            &armored(&[200, 200]),
        ] {
            assert!(issuers(text).is_empty(), "{text}");
        }
    }
}
