//! Dates: `now()`, `strftime`, `to_datetime`. All times are UTC.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use minijinja::value::{Object, ObjectRepr};

use super::Filter;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::value;
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] =
    &[("strftime", strftime), ("to_datetime", to_datetime)];

const DAY: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    seconds: i64,
    microseconds: u32,
}

/// The number that a text begins with, of so many digits at most.
fn number(rest: &mut &str, width: usize) -> Option<i64> {
    let digits = rest.bytes().take(width).take_while(u8::is_ascii_digit);
    let (digits, after) = rest.split_at(digits.count());
    *rest = after;
    digits.parse().ok()
}

/// What is between two moments.
#[derive(Debug, Clone, Copy)]
struct Span {
    microseconds: i128,
}

/// The parts of a moment, as a calendar has them.
struct Calendar {
    year: i64,
    month: i64,
    day: i64,
    second: i64,
    weekday: i64,
    day_of_year: i64,
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl Moment {
    fn calendar(self) -> Calendar {
        let days = self.seconds.div_euclid(DAY);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let in_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * in_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Calendar {
            year,
            month,
            day: in_year - (153 * shifted_month + 2) / 5 + 1,
            second: self.seconds.rem_euclid(DAY),
            weekday: (days + 3).rem_euclid(7),
            day_of_year: days - days_from_civil(year, 1, 1) + 1,
        }
    }

    fn formatted(self, format: &str) -> String {
        let c = self.calendar();
        let (hour, minute, second) = (c.second / 3600, c.second / 60 % 60, c.second % 60);
        let month = MONTHS[(c.month - 1) as usize];
        let day = DAYS[c.weekday as usize];
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        let half = if hour < 12 { "AM" } else { "PM" };
        let mut out = String::new();
        let mut chars = format.chars();
        while let Some(next) = chars.next() {
            if next != '%' {
                out.push(next);
                continue;
            }
            let code = chars.next();
            let (plain, code) = match code {
                Some('-') => (true, chars.next()),
                code => (false, code),
            };
            let mut number = |number: i64, width: usize| {
                let width = if plain { 1 } else { width };
                out.push_str(&format!("{number:0width$}"));
            };
            match code {
                Some('Y') => number(c.year, 4),
                Some('y') => number(c.year.rem_euclid(100), 2),
                Some('C') => number(c.year / 100, 2),
                Some('m') => number(c.month, 2),
                Some('d') => number(c.day, 2),
                Some('H') => number(hour, 2),
                Some('I') => number(hour12, 2),
                Some('M') => number(minute, 2),
                Some('S') => number(second, 2),
                Some('f') => number(i64::from(self.microseconds), 6),
                Some('j') => number(c.day_of_year, 3),
                Some('u') => number(c.weekday + 1, 1),
                Some('w') => number((c.weekday + 1) % 7, 1),
                Some('U') => number((c.day_of_year + 6 - (c.weekday + 1) % 7) / 7, 2),
                Some('W') => number((c.day_of_year + 6 - c.weekday) / 7, 2),
                Some('s') => number(self.seconds, 1),
                Some('e') => out.push_str(&format!("{:2}", c.day)),
                Some('B') => out.push_str(month),
                Some('b' | 'h') => out.push_str(&month[..3]),
                Some('A') => out.push_str(day),
                Some('a') => out.push_str(&day[..3]),
                Some('p') => out.push_str(half),
                Some('Z') => out.push_str("UTC"),
                Some('z') => out.push_str("+0000"),
                Some('F') => out.push_str(&self.formatted("%Y-%m-%d")),
                Some('T' | 'X') => out.push_str(&self.formatted("%H:%M:%S")),
                Some('R') => out.push_str(&self.formatted("%H:%M")),
                Some('D' | 'x') => out.push_str(&self.formatted("%m/%d/%y")),
                Some('c') => out.push_str(&self.formatted("%a %b %e %H:%M:%S %Y")),
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('%') => out.push('%'),
                Some(other) => {
                    out.push('%');
                    out.push(other);
                }
                None => out.push('%'),
            }
        }
        out
    }

    /// A text read by a format.
    fn parsed(text: &str, format: &str) -> Option<Moment> {
        let (mut year, mut month, mut day) = (1900, 1, 1);
        let (mut hour, mut minute, mut second, mut micro, mut offset) = (0, 0, 0, 0, 0);
        let mut afternoon = None;
        let mut rest = text;
        let expanded = format.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S");
        let mut chars = expanded.chars();
        while let Some(next) = chars.next() {
            if next.is_whitespace() {
                rest = rest.trim_start();
                continue;
            }
            if next != '%' {
                rest = rest.strip_prefix(next)?;
                continue;
            }
            match chars.next()? {
                'Y' => year = number(&mut rest, 4)?,
                'y' => {
                    let short = number(&mut rest, 2)?;
                    year = if short < 69 {
                        2000 + short
                    } else {
                        1900 + short
                    };
                }
                'm' => month = number(&mut rest, 2)?,
                'd' => day = number(&mut rest, 2)?,
                'H' | 'I' => hour = number(&mut rest, 2)?,
                'M' => minute = number(&mut rest, 2)?,
                'S' => second = number(&mut rest, 2)?,
                'f' => {
                    let before = rest;
                    let digits = number(&mut rest, 6)?;
                    let length = u32::try_from(before.len() - rest.len()).ok()?;
                    micro = digits * 10i64.pow(6 - length.min(6));
                    continue;
                }
                's' => {
                    let seconds = number(&mut rest, 19)?;
                    return rest.is_empty().then_some(Moment {
                        seconds,
                        microseconds: 0,
                    });
                }
                'p' => {
                    let half = rest.get(..2)?.to_uppercase();
                    afternoon = Some(half == "PM");
                    rest = &rest[2..];
                }
                'z' => {
                    if let Some(after) = rest.strip_prefix('Z') {
                        rest = after;
                    } else {
                        let sign = if rest.starts_with('-') { -1 } else { 1 };
                        let digits: String = rest[1.min(rest.len())..]
                            .chars()
                            .filter(|c| *c != ':')
                            .collect();
                        let hours: i64 = digits.get(..2)?.parse().ok()?;
                        let minutes: i64 = digits.get(2..4)?.parse().ok()?;
                        offset = sign * (hours * 3600 + minutes * 60);
                        rest = "";
                    }
                }
                'b' | 'B' | 'h' => {
                    let lower = rest.to_lowercase();
                    let at = MONTHS
                        .iter()
                        .position(|name| lower.starts_with(&name[..3].to_lowercase()))?;
                    let long = MONTHS[at].to_lowercase();
                    let length = if lower.starts_with(&long) {
                        long.len()
                    } else {
                        3
                    };
                    rest = &rest[length..];
                    month = at as i64 + 1;
                }
                'a' | 'A' => rest = rest.trim_start_matches(|c: char| c.is_alphabetic()),
                'Z' => rest = rest.trim_start_matches(|c: char| c.is_ascii_uppercase()),
                '%' => rest = rest.strip_prefix('%')?,
                _ => return None,
            }
        }
        match afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let valid = (1..=12).contains(&month)
            && (1..=length).contains(&day)
            && hour < 24
            && minute < 60
            && second < 62;
        (valid && rest.is_empty()).then(|| Moment {
            seconds: days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second
                - offset,
            microseconds: u32::try_from(micro).unwrap_or(0),
        })
    }

    fn microseconds(self) -> i128 {
        i128::from(self.seconds) * 1_000_000 + i128::from(self.microseconds)
    }

    fn from_microseconds(microseconds: i128) -> Moment {
        Moment {
            seconds: microseconds.div_euclid(1_000_000) as i64,
            microseconds: microseconds.rem_euclid(1_000_000) as u32,
        }
    }
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let c = self.calendar();
        Some(Value::from(match key.as_str()? {
            "year" => c.year,
            "month" => c.month,
            "day" => c.day,
            "hour" => c.second / 3600,
            "minute" => c.second / 60 % 60,
            "second" => c.second % 60,
            "microsecond" => i64::from(self.microseconds),
            _ => return None,
        }))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.formatted(match self.microseconds {
            0 => "%Y-%m-%d %H:%M:%S",
            _ => "%Y-%m-%d %H:%M:%S.%f",
        }))
    }
}

impl Object for Span {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let seconds = self.microseconds.div_euclid(1_000_000);
        Some(value::from_integer(match key.as_str()? {
            "days" => seconds.div_euclid(i128::from(DAY)),
            "seconds" => seconds.rem_euclid(i128::from(DAY)),
            "microseconds" => self.microseconds.rem_euclid(1_000_000),
            _ => return None,
        }))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.microseconds.div_euclid(1_000_000);
        let days = seconds.div_euclid(i128::from(DAY));
        let rest = seconds.rem_euclid(i128::from(DAY));
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        write!(f, "{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)?;
        match self.microseconds.rem_euclid(1_000_000) {
            0 => Ok(()),
            micro => write!(f, ".{micro:06}"),
        }
    }
}

/// Python's name for the type, if it is one of these.
pub(super) fn type_name(found: &Value) -> Option<&'static str> {
    if found.downcast_object_ref::<Moment>().is_some() {
        return Some("datetime");
    }
    found.downcast_object_ref::<Span>().map(|_| "timedelta")
}

/// Arithmetic with moments and what is between them.
pub(crate) fn subtract(operator: &str, left: &Value, right: &Value) -> Option<Value> {
    let moment = |found: &Value| found.downcast_object_ref::<Moment>().copied();
    let span = |found: &Value| found.downcast_object_ref::<Span>().copied();
    let sign = match operator {
        "-" => -1,
        "+" => 1,
        _ => return None,
    };
    if let (Some(left), Some(right), "-") = (moment(left), moment(right), operator) {
        return Some(Value::from_object(Span {
            microseconds: left.microseconds() - right.microseconds(),
        }));
    }
    let right = span(right)?.microseconds * sign;
    if let Some(left) = moment(left) {
        let moment = Moment::from_microseconds(left.microseconds() + right);
        return Some(Value::from_object(moment));
    }
    let left = span(left)?.microseconds;
    Some(Value::from_object(Span {
        microseconds: left + right,
    }))
}

/// Methods of moments and spans.
pub(crate) fn method(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Option<Result<Value, Error>> {
    if let Some(span) = object.downcast_object_ref::<Span>() {
        return (name == "total_seconds")
            .then(|| Ok(Value::from(span.microseconds as f64 / 1_000_000.0)));
    }
    let moment = object.downcast_object_ref::<Moment>()?;
    let c = moment.calendar();
    Some(Ok(match name {
        "strftime" => match arguments.need_text(0, "format") {
            Ok(format) => Value::from(moment.formatted(&format)),
            Err(error) => return Some(Err(error)),
        },
        "isoformat" => Value::from(moment.formatted(match moment.microseconds {
            0 => "%Y-%m-%dT%H:%M:%S",
            _ => "%Y-%m-%dT%H:%M:%S.%f",
        })),
        "timestamp" => Value::from(moment.microseconds() as f64 / 1_000_000.0),
        "date" => Value::from(moment.formatted("%Y-%m-%d")),
        "time" => Value::from(moment.formatted("%H:%M:%S")),
        "weekday" => Value::from(c.weekday),
        "isoweekday" => Value::from(c.weekday + 1),
        _ => return None,
    }))
}

fn current(evaluator: &Evaluator<'_>) -> Moment {
    let since = evaluator.surroundings.now().duration_since(UNIX_EPOCH);
    Moment::from_microseconds(since.map_or(0, |since| since.as_micros() as i128))
}

/// `now(utc=…, fmt=…)`.
pub(crate) fn now(evaluator: &Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let moment = current(evaluator);
    Ok(match arguments.text(1, "fmt")? {
        Some(format) if !format.is_empty() => Value::from(moment.formatted(&format)),
        _ => Value::from_object(moment),
    })
}

fn strftime(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let format = arguments.input_text()?;
    let moment = match arguments.get(1, "second") {
        Some(second) if !second.is_none() => {
            let number = value::float(second)
                .or_else(|| crate::python::number::parse_float(second.as_str()?));
            let number = number.ok_or_else(|| {
                Error::new(
                    ErrorKind::Operation,
                    format!("{} is not a number of seconds", value::described(second)),
                )
            })?;
            Moment::from_microseconds((number * 1_000_000.0).round() as i128)
        }
        _ => current(evaluator),
    };
    Ok(Value::from(moment.formatted(&format)))
}

fn to_datetime(_: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.input_text()?;
    let format = arguments
        .text(1, "format")?
        .unwrap_or_else(|| "%Y-%m-%d %H:%M:%S".into());
    let moment = Moment::parsed(&text, &format).ok_or_else(|| {
        Error::new(
            ErrorKind::Operation,
            format!("`{text}` is not a date as the format `{format}` says"),
        )
    })?;
    Ok(Value::from_object(moment))
}
