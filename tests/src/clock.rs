//! A host's clock as moments of this program's, so that what the host wrote down can be compared with
//! what was seen here.

use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use crate::cluster::Cluster;

/// Bash says the time without starting anything, in microseconds since 1970.
const TELLS: &str = "bash -c 'while read -r _; do echo $EPOCHREALTIME; done'";
/// Times that the clock is asked; the quickest answer counts.
const QUESTIONS: usize = 20;

/// How a host's clock stands to ours.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    here: Instant,
    /// Seconds since 1970, there, at `here`.
    there: f64,
    /// What moments of it are off at the most, either way, if it was not set since.
    pub precision: Duration,
}

impl Clock {
    /// The moment here at which the clock there showed so many seconds since 1970.
    pub fn moment(&self, there: f64) -> Instant {
        let apart = Duration::from_secs_f64((there - self.there).abs());
        match there < self.there {
            true => self.here.checked_sub(apart).unwrap(),
            false => self.here + apart,
        }
    }
}

impl Cluster {
    /// Asks a host for its clock.
    pub fn clock(&self, host: &str) -> Clock {
        let mut ssh = self.ssh(host, TELLS).spawn().unwrap();
        let mut question = ssh.stdin.take().unwrap();
        let mut answers = BufReader::new(ssh.stdout.take().unwrap()).lines();
        let mut best: Option<Clock> = None;
        for _ in 0..QUESTIONS {
            let asked = Instant::now();
            question.write_all(b"\n").unwrap();
            let told = answers.next().unwrap().unwrap();
            let half = asked.elapsed() / 2;
            if best.is_none_or(|clock| half < clock.precision) {
                best = Some(Clock {
                    here: asked + half,
                    there: told.parse().unwrap(),
                    precision: half,
                });
            }
        }
        drop(question);
        ssh.wait().unwrap();
        best.unwrap()
    }
}

/// Seconds since 1970 of a moment as Docker writes it: RFC 3339, in UTC.
pub fn unix(text: &str) -> f64 {
    let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    assert!(text.ends_with('Z'), "`{text}` is not in UTC");
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    // Years begin with March, so that the day of a leap year is the last one.
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468;
    let minutes = (days * 24 + part(11..13)) * 60 + part(14..16);
    let seconds: f64 = text[17..text.len() - 1].parse().unwrap();
    minutes as f64 * 60.0 + seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_docker_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2000-02-29T12:00:01.5Z", 951_825_601.5),
            ("2026-11-28T20:31:49.25Z", 1_795_897_909.25),
        ] {
            assert_eq!(unix(text), seconds, "{text}");
        }
    }

    #[test]
    fn a_clock_that_is_ahead_is_set_right() {
        let here = Instant::now();
        let clock = Clock {
            here,
            there: 1000.0,
            precision: Duration::ZERO,
        };
        assert_eq!(clock.moment(1002.5), here + Duration::from_millis(2500));
        assert_eq!(
            clock.moment(1002.5) - clock.moment(999.0),
            Duration::from_millis(3500)
        );
    }
}
