//! Durations, sizes and processor shares as people write them.

use std::time::Duration;

/// How a duration is written, for messages.
pub(crate) const DURATION_EXAMPLES: &str =
    "write a number and a unit, such as `10s`, `1m30s` or `500ms`; units are us, ms, s, m and h";
/// How a size is written, for messages.
pub(crate) const SIZE_EXAMPLES: &str =
    "write a number and a unit, such as `500M` or `20G`; units are K, M, G and T";

/// A duration as docker takes it: `1m30s`, `500ms`, `1.5h`; a bare number counts nanoseconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(nanoseconds) = text.parse::<u64>() {
        return Some(Duration::from_nanos(nanoseconds));
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = behind;
    }
    // To whole nanoseconds, so that 0.1s is what it says; swarm counts them in 63 bits.
    let nanoseconds = (total * 1e9).round();
    (nanoseconds < i64::MAX as f64).then(|| Duration::from_nanos(nanoseconds as u64))
}

/// A number of bytes: `500M`, `20G`, `512mb`, `1.5GiB`, `1048576`; units are powers of 1024.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit
        .strip_suffix("ib")
        .or_else(|| unit.strip_suffix('b'))
        .unwrap_or(&unit);
    let power = ["", "k", "m", "g", "t", "p"]
        .iter()
        .position(|known| *known == unit)?;
    let factor = 1u64 << (10 * power);
    match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(factor),
        Err(_) => {
            let bytes = number.parse::<f64>().ok()? * factor as f64;
            (bytes < i64::MAX as f64).then_some(bytes as u64)
        }
    }
    .filter(|bytes| i64::try_from(*bytes).is_ok())
}

/// Billionths of a processor from `0.5` or `2`.
pub(crate) fn nano_cpus(text: &str) -> Option<i64> {
    let text = text.trim();
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let cpus = text.parse::<f64>().ok().filter(|_| plain)?;
    let nano = (cpus * 1e9).round();
    (nano < i64::MAX as f64).then_some(nano as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_docker_reads_them() {
        let millis = |text| duration(text).map(|d| d.as_millis());
        assert_eq!(millis("10s"), Some(10_000));
        assert_eq!(millis("1m30s"), Some(90_000));
        assert_eq!(millis("5h34m56s"), Some(20_096_000));
        assert_eq!(millis("1.5s"), Some(1500));
        assert_eq!(millis("1s500ms"), Some(1500));
        assert_eq!(duration("0.1s"), Some(Duration::from_millis(100)));
        assert_eq!(duration("10"), Some(Duration::from_nanos(10)));
        for wrong in ["", "10 s", "ten", "10x", "s", "-5s", "1..5s", "9999999999h"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(bytes("500M"), Some(500 << 20));
        assert_eq!(bytes("20G"), Some(20 << 30));
        assert_eq!(bytes("512mb"), Some(512 << 20));
        assert_eq!(bytes("1.5GiB"), Some(3 << 29));
        assert_eq!(bytes("1048576"), Some(1 << 20));
        assert_eq!(bytes("64 k"), Some(64 << 10));
        for wrong in ["", "G", "-1G", "1X", "1GG", "99999999999T"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn processors_may_be_parts() {
        assert_eq!(nano_cpus("0.5"), Some(500_000_000));
        assert_eq!(nano_cpus("2"), Some(2_000_000_000));
        for wrong in ["", "-1", "two", "1e3", "inf", "NaN"] {
            assert_eq!(nano_cpus(wrong), None, "{wrong}");
        }
    }
}
