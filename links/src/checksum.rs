//! The Internet checksum (RFC 1071).

use std::net::Ipv6Addr;

/// Protocol number of ICMPv6.
pub(crate) const ICMPV6: u8 = 58;

/// The checksum of `bytes`, whose own checksum field is zero. Over bytes with the right checksum in
/// place it is 0.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    finish(sum(bytes))
}

/// The checksum of an ICMPv6 message, which covers addresses too (RFC 8200, section 8.1).
pub(crate) fn icmpv6(source: Ipv6Addr, target: Ipv6Addr, message: &[u8]) -> u16 {
    // Below 64 KiB: our messages are tens of bytes, and those that we check came in one packet.
    let length = message.len() as u64;
    finish(
        sum(&source.octets()) + sum(&target.octets()) + length + u64::from(ICMPV6) + sum(message),
    )
}

fn sum(bytes: &[u8]) -> u64 {
    bytes
        .chunks(2)
        .map(|pair| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0)))
        .sum()
}

fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
        assert_eq!(checksum(&[0xff, 0xff, 0x01]), !0x0100);
    }
}
