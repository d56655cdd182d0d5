//! Python's random numbers: with the same seed, the same ones, so that what an inventory derives from
//! a seed stays what it was.

use sha2::{Digest, Sha512};

use super::{printing, value};
use crate::{Error, Surroundings, Value};

const N: usize = 624;
const M: usize = 397;

/// A Mersenne twister.
pub(crate) struct Random {
    state: [u32; N],
    index: usize,
}

impl Random {
    /// As `random.Random(seed)`.
    pub fn seeded(seed: &Value) -> Result<Random, Error> {
        let key = match value::integer(seed) {
            Some(number) => {
                let number = number.unsigned_abs();
                let mut key: Vec<u32> = (0..4).map(|word| (number >> (32 * word)) as u32).collect();
                while key.len() > 1 && key.last() == Some(&0) {
                    key.pop();
                }
                key
            }
            None => {
                // The text, followed by its hash, as one large number.
                let text = printing::text(seed)?;
                let mut bytes = text.as_bytes().to_vec();
                bytes.extend(Sha512::digest(text.as_bytes()));
                let mut key: Vec<u32> = bytes
                    .rchunks(4)
                    .map(|chunk| {
                        chunk
                            .iter()
                            .fold(0, |word, byte| word << 8 | u32::from(*byte))
                    })
                    .collect();
                while key.len() > 1 && key.last() == Some(&0) {
                    key.pop();
                }
                key
            }
        };
        Ok(Random::from_key(&key))
    }

    /// With a seed that nobody can guess.
    pub fn unpredictable(surroundings: &dyn Surroundings) -> Result<Random, Error> {
        let mut bytes = [0; 64];
        surroundings.random_bytes(&mut bytes).map_err(|cause| {
            Error::new(
                crate::ErrorKind::Operation,
                "random bytes can't be had from this machine",
            )
            .with_cause(cause)
        })?;
        let words: Vec<u32> = bytes
            .chunks(4)
            .map(|chunk| {
                chunk
                    .iter()
                    .fold(0, |word, byte| word << 8 | u32::from(*byte))
            })
            .collect();
        Ok(Random::from_key(&words))
    }

    fn from_key(key: &[u32]) -> Random {
        let mut state = [0u32; N];
        state[0] = 19_650_218;
        for i in 1..N {
            let last = state[i - 1];
            state[i] = 1_812_433_253u32
                .wrapping_mul(last ^ (last >> 30))
                .wrapping_add(i as u32);
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            let last = state[i - 1];
            state[i] = (state[i] ^ (last ^ (last >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(key[j])
                .wrapping_add(j as u32);
            i += 1;
            j += 1;
            if i >= N {
                state[0] = state[N - 1];
                i = 1;
            }
            if j >= key.len() {
                j = 0;
            }
        }
        for _ in 0..N - 1 {
            let last = state[i - 1];
            state[i] = (state[i] ^ (last ^ (last >> 30)).wrapping_mul(1_566_083_941))
                .wrapping_sub(i as u32);
            i += 1;
            if i >= N {
                state[0] = state[N - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        Random { state, index: N }
    }

    fn word(&mut self) -> u32 {
        if self.index >= N {
            for i in 0..N {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
            }
            self.index = 0;
        }
        let mut y = self.state[self.index];
        self.index += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn bits(&mut self, count: u32) -> u64 {
        if count <= 32 {
            return u64::from(self.word() >> (32 - count));
        }
        let low = u64::from(self.word());
        let high = u64::from(self.word() >> (64 - count));
        high << 32 | low
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let count = 64 - bound.leading_zeros();
        loop {
            let drawn = self.bits(count);
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// The items in another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = usize::try_from(self.below(i as u64 + 1)).unwrap_or(0);
            items.swap(i, j);
        }
    }
}
