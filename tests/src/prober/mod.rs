//! The test itself as a member of a private network, which watches who answers for an address.
//!
//! [`Prober`] is a thread at a port of the switch. What it sends and makes of what it hears is
//! [`member`], what was seen and what that proves is [`history`].

pub mod frame;
pub mod history;
pub mod member;
mod table;

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hive_qemu::{Switch, Tap};

pub use history::History;
pub use member::ADDRESS;
use member::Member;

/// From one question to the next.
pub const ROUND: Duration = Duration::from_millis(50);

/// The port of the switch that it is plugged into.
const PORT: &str = "prober";

#[derive(Debug, Default)]
struct Shared {
    member: Mutex<Member>,
    fault: Mutex<Option<String>>,
    stop: AtomicBool,
}

/// A thread that asks and listens until it is dropped.
#[derive(Debug)]
pub struct Prober {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Prober {
    /// Plugs itself into a switch, and watches these addresses.
    pub fn start(switch: &Switch, watched: &[Ipv4Addr]) -> Self {
        let tap = switch.tap(PORT).unwrap();
        let shared = Arc::new(Shared::default());
        let prober = Self {
            thread: Some(thread::spawn({
                let shared = Arc::clone(&shared);
                move || {
                    if let Err(error) = run(tap, &shared) {
                        *shared.fault.lock().unwrap() = Some(error.to_string());
                    }
                }
            })),
            shared,
        };
        for ip in watched {
            prober.watch(*ip);
        }
        prober
    }

    /// Watches an address from now on.
    pub fn watch(&self, ip: Ipv4Addr) {
        self.shared.member.lock().unwrap().watch(ip);
    }

    /// Looks at what was seen so far.
    ///
    /// # Panics
    /// The switch is gone.
    pub fn look<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        if let Some(fault) = self.shared.fault.lock().unwrap().as_deref() {
            panic!("the prober lost its switch: {fault}");
        }
        look(&self.shared.member.lock().unwrap().history)
    }

    /// Looks until something is found.
    ///
    /// # Panics
    /// Nothing is within `limit`, or the switch is gone.
    pub fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&History) -> Option<T>,
    ) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = self.look(&mut look) {
                return found;
            }
            assert!(
                since.elapsed() < limit,
                "waited {:.0} s for {what}",
                limit.as_secs_f64()
            );
            thread::sleep(ROUND);
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn run(mut tap: Tap, shared: &Shared) -> io::Result<()> {
    let mut next = Instant::now();
    while !shared.stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now >= next {
            let frames = shared.member.lock().unwrap().round(now);
            for frame in frames {
                tap.send(&frame)?;
            }
            // A round that was missed is not made up for.
            next = (next + ROUND).max(now);
        }
        let left = next.saturating_duration_since(Instant::now());
        if let Some(frame) = tap.receive(left)? {
            let answer = shared.member.lock().unwrap().hear(Instant::now(), &frame);
            if let Some(answer) = answer {
                tap.send(&answer)?;
            }
        }
    }
    Ok(())
}
