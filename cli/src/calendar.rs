//! Days and times for people and certificates, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 24 * 3600;

/// Year, month and day of a day counted from 1970-01-01 (Gregorian; eras of 400 years that begin in March).
pub fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, in_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The time now: `2026-11-20 17:40:40 +0000`.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let unix = since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    });
    text(unix)
}

fn text(unix: i64) -> String {
    let (year, month, day) = civil(unix.div_euclid(DAY));
    let seconds = unix.rem_euclid(DAY);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} +0000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(text(951_782_399), "2000-02-28 23:59:59 +0000");
        assert_eq!(text(951_782_400), "2000-02-29 00:00:00 +0000");
    }
}
