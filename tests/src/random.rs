//! Random moments, told so that a failure can be repeated.

use std::time::SystemTime;

/// A generator; `HIVE_SEED` starts it where an earlier one started.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Prints where it starts.
    pub fn told() -> Self {
        let given = std::env::var("HIVE_SEED").ok().and_then(|n| n.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.unwrap().as_millis() as u64
        });
        println!("HIVE_SEED={seed}");
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Numerical Recipes' linear congruential generator.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Puts a list into some order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            list.swap(last, other);
        }
    }
}
