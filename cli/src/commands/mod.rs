//! One file per command; [`run`] leads to it.

pub mod bake;
pub mod cache;
pub mod completion;
pub mod decisions;
pub mod init;
pub mod lock;
pub mod run;
pub mod seed;
pub mod setup_hosts;
pub mod ssh;
pub mod status;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::error::Result;
use crate::{output, reference};

/// Does what the command line says.
///
/// # Errors
/// Whatever goes wrong, for [`crate::error`] to tell.
pub fn run(args: Args) -> Result<ExitCode> {
    let Args { global, command } = args;
    match command {
        Command::Init(init) => init.run(&global),
        Command::Lock(lock) => lock.run(&global),
        Command::Bake(bake) => bake.run(&global),
        Command::Seed(seed) => seed.run(&global),
        Command::Run(run) => run.run(&global),
        Command::Ssh(ssh) => ssh.run(&global),
        Command::Status(status) => status.run(&global),
        Command::SetupHosts(setup) => setup.run(&global),
        Command::Found(found) => found.run(&global),
        Command::Recover(recover) => recover.run(&global),
        Command::Rejoin(rejoin) => rejoin.run(&global),
        Command::Cache(cache) => cache.run(&global),
        Command::Completion(completion) => completion.run(),
        Command::Reference => output::data(&reference::markdown()).map(|()| ExitCode::SUCCESS),
    }
}
