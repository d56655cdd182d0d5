//! Where outside programs and calls that may hang are run: each has a time, and one that does not even end
//! when it is killed, because the kernel waits for a device, is not started a second time beside itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hive_system::Program;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A program that ran out of time is killed, and has so long to be gone.
const DYING: Duration = Duration::from_secs(3);

/// The bench of a daemon.
#[derive(Debug, Clone, Default)]
pub struct Bench(Arc<Mutex<BTreeSet<String>>>);

/// Takes a piece of work off the bench when it ends, however late.
struct Place {
    bench: Bench,
    work: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bench.lock().remove(&self.work);
    }
}

impl Bench {
    /// Runs a program to its end, and gives back what it printed on standard output.
    ///
    /// # Errors
    /// It fails, or takes longer than it may; in words.
    pub async fn run(&self, program: Program, within: Duration) -> Result<String, String> {
        let name = format!("`{program}`");
        let program = program.within(within);
        let work = move || program.text().map_err(|e| e.to_string());
        self.work(name, within + DYING, work).await
    }

    /// Does something that may block in the kernel. `work` reads after "while" and before "did not end".
    ///
    /// # Errors
    /// Its own, or that it takes longer than it may.
    pub async fn work<T: Send + 'static>(
        &self,
        work: String,
        within: Duration,
        act: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        if !self.lock().insert(work.clone()) {
            return Err(format!(
                "{work} of an earlier try has still not ended; the kernel waits for a device, and `dmesg` may tell which"
            ));
        }
        let place = Place {
            bench: self.clone(),
            work: work.clone(),
        };
        let acting = spawn_blocking(move || {
            let _place = place;
            act()
        });
        match timeout(within, acting).await {
            Ok(Ok(done)) => done,
            Ok(Err(e)) => Err(format!("{work}: {e}")),
            Err(_) => Err(format!("{work} did not end within {} s", within.as_secs())),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_program_s_own_words_come_back() {
        let bench = Bench::default();
        let said = Program::new("sh").args(["-c", "echo 'no such thing' >&2; exit 1"]);
        let error = bench.run(said, Duration::from_secs(60)).await.unwrap_err();
        assert!(error.ends_with("no such thing"), "{error}");
        let hello = Program::new("echo").arg("hello");
        let said = bench.run(hello, Duration::from_secs(60)).await;
        assert_eq!(said.unwrap(), "hello\n");
    }

    #[tokio::test]
    async fn what_hangs_is_given_up_and_not_done_twice_at_once() {
        let bench = Bench::default();
        let (release, held) = mpsc::channel::<()>();
        let short = Duration::from_millis(20);
        let hangs = move || {
            let _ = held.recv();
            Ok(())
        };
        let late = bench.work("mounting x".into(), short, hangs).await;
        assert!(late.unwrap_err().contains("did not end"));
        let long = Duration::from_secs(60);
        let again = bench.work("mounting x".into(), long, || Ok(())).await;
        assert!(again.unwrap_err().contains("earlier try"));
        let other = bench.work("mounting y".into(), long, || Ok(())).await;
        assert_eq!(other, Ok(()));
        drop(release);
        while bench
            .work("mounting x".into(), long, || Ok(()))
            .await
            .is_err()
        {
            tokio::time::sleep(short).await;
        }
    }
}
