//! `hive stack`: stacks from compose files, beside what the inventory wants.
//!
//! | file | what it holds |
//! |---|---|
//! | `sources.rs` | the files of a stack and what they refer to |
//! | `deploy.rs` | plan, show, apply, wait |
//! | `in_the_way.rs` | what keeps a stack from being deployed, and the way out |
//! | `listing.rs` | ls, services, ps |
//! | `removal.rs` | rm |

mod deploy;
mod in_the_way;
mod listing;
mod removal;
mod sources;

use std::process::ExitCode;

use crate::args::Global;
use crate::error::Result;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Stack {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the swarm have what compose files say: plan, show, apply, wait
    Deploy(deploy::Deploy),
    /// List the stacks
    Ls(listing::Ls),
    /// Show what the tasks of a stack do, and what is wrong with them
    Ps(listing::Ps),
    /// List the services of a stack
    Services(listing::Services),
    /// Remove a stack; its volumes stay
    Rm(removal::Rm),
}

impl Stack {
    /// Does it.
    ///
    /// # Errors
    /// Files have mistakes, the swarm can't be asked, or something is in the way.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        match self.command {
            Command::Deploy(deploy) => deploy.run(global),
            Command::Ls(ls) => ls.run(global),
            Command::Ps(ps) => ps.run(global),
            Command::Services(services) => services.run(global),
            Command::Rm(rm) => rm.run(global),
        }
    }
}
