//! Times as engines write them: RFC 3339 with up to nine digits after the second.

use super::Instant;

/// Milliseconds since 1970; `None` for what is no time, and for Go's zero time, which means "never".
pub fn parse(text: &str) -> Option<Instant> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = rest.split_at(zone);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let away = match offset {
        "Z" | "z" => 0,
        _ => {
            let [hours, minutes] = numbers(offset.get(1..)?, ':')?;
            sign * (hours * 60 + minutes)
        }
    };
    if year <= 1 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: i64 = format!("{fraction}00").get(..3)?.parse().ok()?;
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - away;
    Some((minutes * 60 + second) * 1000 + thousandths)
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for number in &mut numbers {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days since 1970 of a date of the Gregorian calendar. Years begin in March here, so that the leap day is the
/// last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_of_engines_are_read() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(
            parse("2026-11-20T17:40:40.123456789Z"),
            Some(1_795_196_440_123)
        );
        assert_eq!(parse("2026-11-20T17:40:40.1Z"), Some(1_795_196_440_100));
        assert_eq!(parse("2026-11-20T18:40:40+01:00"), Some(1_795_196_440_000));
        assert_eq!(parse("2024-02-29T12:00:00Z"), Some(1_709_208_000_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "0001-01-01T00:00:00Z",
            "yesterday",
            "2026-11-20",
            "2026-13-20T00:00:00Z",
            "2026-11-20T17:40:40",
            "2026-11-20T17:40:40.Z",
            "2026-11-20T17:40:40+1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
