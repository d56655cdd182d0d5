//! Durations, sizes and shares as compose files write them.

/// `1m30s`, `1.5h`, `500ms` in nanoseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let text = text.trim();
    if text == "0" {
        return Some(0);
    }
    let mut total = 0.0_f64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, after) = rest.split_at(end.unwrap_or(rest.len()));
        let nanoseconds = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 24.0 * 3600e9,
            _ => return None,
        };
        total += number * nanoseconds;
        rest = after;
    }
    (!text.is_empty() && total < i64::MAX as f64).then_some(total.round() as i64)
}

/// `512M`, `1.5gb`, `1024` in bytes; a kilobyte has 1024 of them.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let number: f64 = number.parse().ok()?;
    let power = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(power);
    (bytes < i64::MAX as f64).then_some(bytes as i64)
}

/// `0.5` of a processor in billionths.
pub(crate) fn nano_cpus(text: &str) -> Option<i64> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if part.len() > 9 || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let part: i64 = format!("{part:0<9}").parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(part)
}

/// Permissions: with a leading 0 octal, else as YAML counts.
pub(crate) fn mode(text: &str) -> Option<u32> {
    let mode = match text.strip_prefix("0o").or_else(|| text.strip_prefix('0')) {
        Some("") => 0,
        Some(octal) => u32::from_str_radix(octal, 8).ok()?,
        None => text.parse().ok()?,
    };
    (mode <= 0o7777).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_sizes_and_shares_are_read() {
        assert_eq!(duration("1m30s"), Some(90_000_000_000));
        assert_eq!(duration("1.5h"), Some(5_400_000_000_000));
        assert_eq!(duration("500ms"), Some(500_000_000));
        assert_eq!(duration("0"), Some(0));
        for wrong in ["", "10", "s", "1x", "-1s", "1s2", "99999999999h", "1..2s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        assert_eq!(bytes("50M"), Some(50 << 20));
        assert_eq!(bytes("1.5gb"), Some(3 << 29));
        assert_eq!(bytes("1024"), Some(1024));
        for wrong in ["", "M", "1 x", "-1", "99999999P", "nan"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
        assert_eq!(nano_cpus("0.25"), Some(250_000_000));
        assert_eq!(nano_cpus("2"), Some(2_000_000_000));
        assert_eq!(nano_cpus(".5"), Some(500_000_000));
        for wrong in ["", ".", "x", "-1", "1.2.3", "99999999999", "1e9"] {
            assert_eq!(nano_cpus(wrong), None, "{wrong}");
        }
        assert_eq!(mode("0440"), Some(0o440));
        assert_eq!(mode("0o440"), Some(0o440));
        assert_eq!(mode("288"), Some(0o440));
        assert_eq!(mode("0"), Some(0));
        assert_eq!(mode("0999"), None);
        assert_eq!(mode("99999"), None);
    }
}
