//! The few forms of DER (X.690) that a certificate is written with.

use crate::calendar::civil;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A value with its tag and length.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let zeros = length.iter().take_while(|&&b| b == 0).count();
            let length = &length[zeros..];
            out.push(0x80 | length.len() as u8);
            out.extend_from_slice(length);
        }
    }
    out.extend_from_slice(content);
    out
}

/// SEQUENCE.
pub fn sequence<const N: usize>(parts: [&[u8]; N]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// SET of one.
pub fn set(member: &[u8]) -> Vec<u8> {
    tlv(0x31, member)
}

/// INTEGER of an unsigned number, most significant byte first.
pub fn integer(bytes: &[u8]) -> Vec<u8> {
    let sign = bytes.first().is_none_or(|b| b & 0x80 != 0);
    let content = [if sign { &[0][..] } else { &[] }, bytes].concat();
    tlv(0x02, &content)
}

/// BOOLEAN, true.
pub fn yes() -> Vec<u8> {
    tlv(0x01, &[0xFF])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(0x05, &[])
}

/// OBJECT IDENTIFIER.
pub fn oid(arcs: &[u32]) -> Vec<u8> {
    let mut content = Vec::new();
    let first = arcs.first().copied().unwrap_or(0) * 40 + arcs.get(1).copied().unwrap_or(0);
    for arc in [first].iter().chain(arcs.get(2..).unwrap_or_default()) {
        let mut groups = vec![(arc & 0x7F) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push(0x80 | (rest & 0x7F) as u8);
            rest >>= 7;
        }
        content.extend(groups.iter().rev());
    }
    tlv(0x06, &content)
}

/// BIT STRING whose last `unused` bits do not count.
pub fn bits(bytes: &[u8], unused: u8) -> Vec<u8> {
    tlv(0x03, &[&[unused], bytes].concat())
}

/// OCTET STRING.
pub fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(0x04, bytes)
}

/// UTF8String.
pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0C, text.as_bytes())
}

/// IA5String.
pub fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
}

/// A time as certificates have it: UTCTime up to 2049, GeneralizedTime from there (RFC 5280, 4.1.2.5).
pub fn time(unix: i64) -> Vec<u8> {
    let (year, month, day) = civil(unix.div_euclid(DAY));
    let seconds = unix.rem_euclid(DAY);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    if (1950..2050).contains(&year) {
        tlv(0x17, format!("{:02}{rest}", year % 100).as_bytes())
    } else {
        tlv(0x18, format!("{year:04}{rest}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_grow_as_they_must() {
        assert_eq!(tlv(4, &[7; 3]), [4, 3, 7, 7, 7]);
        assert_eq!(tlv(4, &[0; 200])[..3], [4, 0x81, 200]);
        assert_eq!(tlv(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn numbers_are_positive_and_identifiers_in_groups_of_seven() {
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0x7F]), [2, 1, 0x7F]);
        // rsaEncryption, as RFC 8017 prints it.
        let rsa = [0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1];
        assert_eq!(oid(&[1, 2, 840, 113_549, 1, 1, 1]), rsa);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let text = |unix| String::from_utf8(time(unix)[2..].to_vec()).unwrap();
        assert_eq!(text(0), "700101000000Z");
        assert_eq!(text(951_782_399), "000228235959Z");
        assert_eq!(text(951_782_400), "000229000000Z");
        assert_eq!(text(2_524_607_999), "491231235959Z");
        assert_eq!(text(2_524_608_000), "20500101000000Z");
        assert_eq!(text(4_107_542_400), "21000301000000Z");
    }
}
