//! Runs the work of a command that talks to the swarm, and ends it in good order: after Ctrl-C or
//! SIGTERM, too, connections are closed and sockets removed.

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Interrupted, Result};
use crate::output;

/// Runs the work until it is done or a signal ends it.
///
/// # Errors
/// Those of the work.
pub fn run(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    run_with(work, || Some("interrupted".into()))
}

/// The same; when a signal ends the work, says what `words` knows then.
///
/// # Errors
/// Those of the work.
pub fn run_with(
    work: impl Future<Output = Result<ExitCode>>,
    words: impl FnOnce() -> Option<String>,
) -> Result<ExitCode> {
    match until_signal(work)? {
        Ended::Done(code) => Ok(code),
        Ended::Signal(signal) => {
            if let Some(words) = words() {
                output::say(&words);
            }
            // As a shell counts.
            Ok(ExitCode::from(128 + signal))
        }
    }
}

/// The same for a part of a command, whose caller has to know that a signal ended it.
///
/// # Errors
/// Those of the work, and [`Interrupted`] with what `words` knows then.
pub fn run_part<T>(
    work: impl Future<Output = Result<T>>,
    words: impl FnOnce() -> String,
) -> Result<T> {
    match until_signal(work)? {
        Ended::Done(done) => Ok(done),
        Ended::Signal(signal) => {
            let words = words();
            Err(Interrupted { signal, words }.into())
        }
    }
}

/// How work ended.
enum Ended<T> {
    Done(T),
    Signal(u8),
}

fn until_signal<T>(work: impl Future<Output = Result<T>>) -> Result<Ended<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("preparing to talk to the hosts")?;
    let outcome = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        // Whichever comes first; the work, and all that it holds, is dropped with this block.
        tokio::select! {
            done = work => done.map(Ended::Done),
            _ = interrupt.recv() => Ok(Ended::Signal(2)),
            _ = terminate.recv() => Ok(Ended::Signal(15)),
            _ = hangup.recv() => Ok(Ended::Signal(1)),
        }
    });
    // A thread that still waits for the person's next key stops nobody.
    runtime.shutdown_background();
    outcome
}
