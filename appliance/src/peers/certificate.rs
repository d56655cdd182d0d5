//! What a certificate says of itself: who signed it, and from when to when it holds (X.509, DER).
//!
//! The certificate library that judges does not tell these things, and a stranger's certificate is
//! read before anybody has judged it: nothing in here may trust a length.

use crate::calendar;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Tag, length and content of the object identifier 2.5.4.3, the common name.
const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
/// The same of 2.5.4.10, the organization.
const ORGANIZATION: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x0a];
/// Longest name that is repeated to a person, in characters.
const LONGEST_NAME: usize = 80;

/// What is told of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Common name of the signer; empty when it has none.
    pub issuer: String,
    /// Organization of the owner; empty when it has none. Docker puts the swarm's id there.
    pub organization: String,
    /// First second of its time, since 1970.
    pub not_before: u64,
    /// Last second of its time, since 1970.
    pub not_after: u64,
}

/// Reads a certificate; `None` when it is none.
pub fn facts(der: &[u8]) -> Option<Facts> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut rest, _) = expect(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    // Serial number and signature algorithm.
    for _ in 0..2 {
        rest = element(rest)?.2;
    }
    let (issuer, rest) = expect(rest, SEQUENCE)?;
    let (validity, rest) = expect(rest, SEQUENCE)?;
    let (subject, _) = expect(rest, SEQUENCE)?;
    let (tag, first, validity) = element(validity)?;
    let not_before = time(tag, first)?;
    let (tag, last, _) = element(validity)?;
    let not_after = time(tag, last)?;
    Some(Facts {
        issuer: attribute(issuer, COMMON_NAME).unwrap_or_default(),
        organization: attribute(subject, ORGANIZATION).unwrap_or_default(),
        not_before,
        not_after,
    })
}

/// Tag, content and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let digits = usize::from(first & 0x7f);
        if digits == 0 || digits > 4 {
            return None;
        }
        let (length, rest) = rest.split_at_checked(digits)?;
        let length = length.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn expect(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(der)?;
    (tag == wanted).then_some((content, rest))
}

/// The first attribute of a kind in a distinguished name, without anything a terminal could take as an order.
fn attribute(name: &[u8], kind: [u8; 5]) -> Option<String> {
    let at = name.windows(kind.len()).position(|window| window == kind)?;
    let (_, text, _) = element(name.get(at + kind.len()..)?)?;
    let text = String::from_utf8_lossy(text);
    let plain = text.chars().filter(|c| !c.is_control());
    Some(plain.take(LONGEST_NAME).collect())
}

/// `YYMMDDHHMMSSZ` (up to 1950 of this century, RFC 5280) or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<u64> {
    let digits: Vec<i64> = text
        .strip_suffix(b"Z")?
        .iter()
        .map(|b| b.is_ascii_digit().then(|| i64::from(b - b'0')))
        .collect::<Option<_>>()?;
    let pair = |at: usize| Some(digits.get(at)? * 10 + digits.get(at + 1)?);
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year = pair(0)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, 2)
        }
        (GENERALIZED_TIME, 14) => (pair(0)? * 100 + pair(2)?, 4),
        _ => return None,
    };
    let clock = (pair(rest + 4)?, pair(rest + 6)?, pair(rest + 8)?);
    Some(calendar::seconds(year, pair(rest)?, pair(rest + 2)?, clock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::sample::Authority;

    #[test]
    fn a_certificate_tells_who_signed_it_and_when_it_holds() {
        let authority = Authority::new("hive Beispiel CA");
        let identity = authority.identity_between("h0.example", (2026, 1, 2), (2060, 3, 4));
        let facts = facts(&identity.der).unwrap();
        assert_eq!(facts.issuer, "hive Beispiel CA");
        assert_eq!(calendar::rfc3339(facts.not_before), "2026-01-02T00:00:00Z");
        assert_eq!(calendar::rfc3339(facts.not_after), "2060-03-04T00:00:00Z");
    }

    #[test]
    fn a_cut_or_changed_certificate_is_refused_or_read_but_never_a_crash() {
        let der = Authority::new("CA").identity("h0.example").der;
        for end in 0..der.len() {
            let _ = facts(&der[..end]);
        }
        for at in 0..der.len().min(200) {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[at] = value;
                let _ = facts(&changed);
            }
        }
        assert_eq!(facts(&[]), None);
        assert_eq!(facts(b"-----BEGIN"), None);
    }

    #[test]
    fn a_name_gives_a_terminal_no_orders() {
        let der = Authority::new("evil\u{1b}[2J\n").identity("h0").der;
        assert_eq!(facts(&der).unwrap().issuer, "evil[2J");
    }
}
