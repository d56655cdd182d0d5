//! One look for all who want it: many ask at the same time, and each needs an answer that is no older than
//! its question. Whoever asks while another's look is under way waits for the next one, which serves all of them.
//!
//! Between two looks lies as long as the last one took: what answers slowly has too much to do already, and
//! while many volumes are made somebody always asks.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The longest pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Known<T> {
    began: Instant,
    ended: Instant,
    answer: Result<Arc<T>, String>,
}

/// A thing that is looked at.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Option<Known<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Shared<T> {
    /// An answer of a look that began after this was called. May be given up at any time.
    ///
    /// # Errors
    /// Those of the look.
    pub async fn now<F>(&self, look: impl FnOnce() -> F) -> Result<Arc<T>, String>
    where
        F: Future<Output = Result<T, String>>,
    {
        self.since(Instant::now(), look).await
    }

    /// An answer of a look that began at `oldest` or later.
    ///
    /// # Errors
    /// Those of the look.
    pub async fn since<F>(
        &self,
        oldest: Instant,
        look: impl FnOnce() -> F,
    ) -> Result<Arc<T>, String>
    where
        F: Future<Output = Result<T, String>>,
    {
        let mut known = self.0.lock().await;
        if let Some(Known {
            began,
            ended,
            answer,
        }) = &*known
        {
            if *began >= oldest {
                return answer.clone();
            }
            sleep_until(*ended + (*ended - *began).min(PAUSE)).await;
        }
        let began = Instant::now();
        let answer = look().await.map(Arc::new);
        *known = Some(Known {
            began,
            ended: Instant::now(),
            answer: answer.clone(),
        });
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;
    use tokio::time::sleep;

    #[tokio::test(flavor = "current_thread")]
    async fn many_share_a_look_and_none_gets_one_from_before_its_question() {
        let shared = Arc::new(Shared::default());
        let looks = Arc::new(AtomicU32::new(0));
        let ask = || {
            let (shared, looks) = (Arc::clone(&shared), Arc::clone(&looks));
            tokio::spawn(async move {
                let look = async || {
                    sleep(Duration::from_millis(30)).await;
                    Ok(looks.fetch_add(1, Ordering::SeqCst) + 1)
                };
                shared.now(look).await.unwrap()
            })
        };
        let since = Instant::now();
        let first = ask();
        sleep(Duration::from_millis(10)).await;
        let late: Vec<_> = (0..9).map(|_| ask()).collect();
        assert_eq!(*first.await.unwrap(), 1);
        for answer in late {
            assert_eq!(*answer.await.unwrap(), 2);
        }
        // The looks took 30 ms each, and as long a time lies between them.
        assert!(since.elapsed() >= Duration::from_millis(90));
        let old = Instant::now() - Duration::from_secs(60);
        let known = shared.since(old, async || Err("not asked".into())).await;
        assert_eq!(*known.unwrap(), 2);
    }
}
