//! Runs the work of a command that talks to the swarm, and ends it in good order: after Ctrl-C or
//! SIGTERM, too, connections are closed and sockets removed.

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::Result;
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
            done = work => done,
            _ = interrupt.recv() => Ok(ended(2, words)),
            _ = terminate.recv() => Ok(ended(15, words)),
            _ = hangup.recv() => Ok(ended(1, words)),
        }
    });
    // A thread that still waits for the person's next key stops nobody.
    runtime.shutdown_background();
    outcome
}

/// As a shell counts: 128 and the signal's number.
fn ended(signal: u8, words: impl FnOnce() -> Option<String>) -> ExitCode {
    if let Some(words) = words() {
        output::say(&words);
    }
    ExitCode::from(128 + signal)
}
