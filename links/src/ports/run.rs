//! Running nft and iptables without blocking and without waiting for ever.

use std::time::Duration;

use hive_system::{Failure, Program};

use crate::error::Error;

/// Both take milliseconds; a machine that swaps may need seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the program prints.
pub(super) async fn text(doing: &str, program: Program) -> Result<String, Error> {
    outcome(program).await.map_err(|source| Error::Program {
        doing: doing.to_owned(),
        source,
    })
}

/// As [`text`], with the failure itself.
pub(super) async fn outcome(program: Program) -> Result<String, Failure> {
    let program = program.within(PATIENCE);
    let command = program.to_string();
    // A thread of the pool starts in the network namespace of the thread that started it, ours.
    match tokio::task::spawn_blocking(move || program.text()).await {
        Ok(ended) => ended,
        // The runtime ends.
        Err(e) => Err(Failure::Start {
            command,
            source: std::io::Error::other(e),
        }),
    }
}
