//! Waiting, with time-outs that fit how slow this computer emulates.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{BoxError, Error, Result};
use crate::speed;

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How many times slower than the reference machines run here; never below 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    factor: f64,
}

impl Patience {
    /// A factor known from elsewhere.
    pub fn new(factor: f64) -> Self {
        let factor = if factor.is_finite() {
            factor.max(1.0)
        } else {
            1.0
        };
        Self { factor }
    }

    /// Measures the factor of software emulation, once per program; takes about a second.
    /// `HIVE_PATIENCE` in the environment, a number, is taken instead.
    ///
    /// # Errors
    /// QEMU is missing or does not run.
    pub fn measured() -> Result<Self> {
        // Held while measuring: two at once would measure each other.
        static MEASURED: Mutex<Option<Patience>> = Mutex::new(None);
        let mut measured = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = *measured {
            return Ok(known);
        }
        let given = std::env::var("HIVE_PATIENCE")
            .ok()
            .and_then(|v| v.parse().ok());
        let factor = match given {
            Some(factor) => factor,
            None => speed::measure("qemu-system-x86_64")?.div_duration_f64(speed::REFERENCE),
        };
        Ok(*measured.insert(Self::new(factor)))
    }

    /// For so many busy virtual CPUs at once, on the CPUs this computer has.
    pub fn shared_by(self, cpus: u32) -> Self {
        let here = std::thread::available_parallelism().map_or(1, usize::from);
        let load = f64::from(cpus) / here as f64;
        Self::new(self.factor * load.max(1.0))
    }

    /// The factor.
    pub fn factor(self) -> f64 {
        self.factor
    }

    /// A time-out meant for the reference, stretched for this computer.
    pub fn scale(self, timeout: Duration) -> Duration {
        timeout.mul_f64(self.factor)
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "time-outs × {:.1}", self.factor)
    }
}

/// Calls `look` until it returns something, for `timeout` at the most.
///
/// # Errors
/// Nothing came in time, or `look` failed, which ends the waiting.
pub fn wait_until<T, E: Into<BoxError>>(
    what: &str,
    timeout: Duration,
    look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<T> {
    wait_with_logs(what, timeout, None, look)
}

pub(crate) fn wait_with_logs<T, E: Into<BoxError>>(
    what: &str,
    timeout: Duration,
    logs: Option<&Path>,
    mut look: impl FnMut() -> Result<Option<T>, E>,
) -> Result<T> {
    let from = Instant::now();
    let logs = || logs.map(PathBuf::from);
    loop {
        // The clock is read first: on a computer that stood still the condition gets its last look.
        let late = from.elapsed() >= timeout;
        match look() {
            Ok(Some(found)) => return Ok(found),
            Ok(None) if late => {
                return Err(Error::TimedOut {
                    what: what.to_owned(),
                    waited: from.elapsed(),
                    logs: logs(),
                    cause: None,
                });
            }
            Ok(None) => sleep(POLL),
            Err(error) => {
                return Err(Error::Waiting {
                    what: what.to_owned(),
                    logs: logs(),
                    source: error.into(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_only_grow() {
        let second = Duration::from_secs(1);
        assert_eq!(Patience::new(0.2).scale(second), second);
        assert_eq!(Patience::new(f64::NAN).scale(second), second);
        assert_eq!(
            Patience::new(2.5).scale(second),
            Duration::from_millis(2500)
        );
        assert_eq!(Patience::new(2.0).shared_by(0).factor(), 2.0);
        assert!(Patience::new(1.0).shared_by(100_000).factor() > 10.0);
    }

    #[test]
    fn waiting_in_vain_says_for_what_how_long_and_where_the_logs_are() {
        let logs = Some(Path::new("/logs"));
        let nothing = || Ok::<Option<()>, Error>(None);
        let error = wait_with_logs("the moon", Duration::ZERO, logs, nothing).unwrap_err();
        assert_eq!(
            error.to_string(),
            "waited 0.0 s for the moon, in vain; logs are in /logs"
        );
    }

    #[test]
    fn a_failing_look_ends_the_waiting_with_its_cause() {
        let mut looks = 0;
        let error = wait_until("the moon", Duration::from_secs(600), || {
            looks += 1;
            if looks < 3 {
                Ok(None::<()>)
            } else {
                Err("it fell down")
            }
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "waiting for the moon");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "it fell down");
    }
}
