//! Seconds since 1970 and dates, both ways, in UTC (RFC 3339; days after Howard Hinnant's civil calendar).

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The system's clock, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// `2026-11-20T13:04:05Z`.
pub fn rfc3339(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Reads what [`rfc3339`] wrote; `None` for anything else.
pub fn from_rfc3339(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let clock = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let read = seconds(number(0, 4)?, number(5, 7)?, number(8, 10)?, clock);
    (rfc3339(read) == text).then_some(read)
}

/// Seconds since 1970 of a moment; one before 1970 counts as 1970.
pub fn seconds(year: i64, month: i64, day: i64, clock: (i64, i64, i64)) -> u64 {
    let (hour, minute, second) = clock;
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds).unwrap_or(0)
}

/// Days since 1970. The year is taken to begin in March, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_nothing_else() {
        for at in [0, 951_782_399, 951_782_400, 1_795_000_000] {
            assert_eq!(from_rfc3339(&rfc3339(at)), Some(at));
        }
        for text in ["", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00Z", "é"] {
            assert_eq!(from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn known_moments_come_out_in_both_directions() {
        for (seconds_since, text, parts) in [
            (0, "1970-01-01T00:00:00Z", (1970, 1, 1, (0, 0, 0))),
            (
                951_782_399,
                "2000-02-28T23:59:59Z",
                (2000, 2, 28, (23, 59, 59)),
            ),
            (
                951_782_400,
                "2000-02-29T00:00:00Z",
                (2000, 2, 29, (0, 0, 0)),
            ),
            (
                1_795_179_845,
                "2026-11-20T13:04:05Z",
                (2026, 11, 20, (13, 4, 5)),
            ),
            (
                4_102_444_800,
                "2100-01-01T00:00:00Z",
                (2100, 1, 1, (0, 0, 0)),
            ),
        ] {
            assert_eq!(rfc3339(seconds_since), text);
            let (year, month, day, clock) = parts;
            assert_eq!(seconds(year, month, day, clock), seconds_since);
        }
    }

    #[test]
    fn every_day_of_eight_centuries_is_its_own_inverse() {
        for day in -146_097..146_097 {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }
}
