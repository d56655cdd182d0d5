//! Waiting for what three emulated hosts do.

use std::thread;
use std::time::{Duration, Instant};

use hive_qemu::Patience;

use crate::cluster::{Cluster, HOSTS};

/// Between two looks; or twice as long as a look took, which is what it costs emulated hosts. What is measured does not
/// come from looks.
const PAUSE: Duration = Duration::from_secs(2);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

impl Cluster {
    /// A time that is enough on a quick computer, stretched for this one.
    pub fn patient(&self, seconds: u64) -> Duration {
        let patience = Patience::measured().unwrap().shared_by(HOSTS.len() as u32);
        patience
            .scale(Duration::from_secs(seconds))
            .max(Duration::from_secs(2 * seconds))
    }

    /// Looks until something is found.
    ///
    /// # Panics
    /// It is not, within a [time](Self::patient).
    pub fn eventually<T>(
        &self,
        what: &str,
        seconds: u64,
        look: impl FnMut() -> Result<T, String>,
    ) -> T {
        self.eventually_or(what, seconds, look, String::new)
    }

    /// Looks until something is found; `more` is asked once, for the message, when it is not.
    ///
    /// # Panics
    /// As [`Self::eventually`].
    pub fn eventually_or<T>(
        &self,
        what: &str,
        seconds: u64,
        mut look: impl FnMut() -> Result<T, String>,
        more: impl Fn() -> String,
    ) -> T {
        let (since, limit) = (Instant::now(), self.patient(seconds));
        loop {
            let looked = Instant::now();
            match look() {
                Ok(found) => return found,
                Err(why) if since.elapsed() > limit => {
                    let limit = limit.as_secs_f64();
                    panic!("waited {limit:.0} s for {what}: {why}\n{}", more())
                }
                Err(_) => thread::sleep((2 * looked.elapsed()).clamp(PAUSE, LONGEST_PAUSE)),
            }
        }
    }
}

/// A host that is not this one.
pub fn other(host: &str) -> &'static str {
    HOSTS.into_iter().find(|h| *h != host).unwrap()
}
