//! When an address is announced.

use std::time::Duration;

/// Waits between announcements of an address, without end: at once, then 1, 2 and 4 seconds later,
/// since a switch that just saw a link come up may lose the first ones, then every minute, for
/// neighbours that were off or learnt something wrong.
///
/// Start a new one after the address was added and after each change of its link.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    told: usize,
}

/// The first waits, in seconds.
const FIRST: [u64; 4] = [0, 1, 2, 4];
/// Every later wait.
const LATER: Duration = Duration::from_secs(60);

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let wait = FIRST.get(self.told).copied().map(Duration::from_secs);
        self.told = FIRST.len().min(self.told + 1);
        Some(wait.unwrap_or(LATER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn often_at_first_and_for_ever() {
        let waits: Vec<u64> = Schedule::default().take(7).map(|w| w.as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 60, 60, 60]);
    }
}
