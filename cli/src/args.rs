//! The words of the command line. Help, completion and the reference come from here.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use hive_site::StageName;

use crate::commands;

const AFTER_HELP: &str = "\
Start with:
  hive init mysite && cd mysite
  hive bake               make the sealed image of stage `private`
  hive run p-hive0        boot a host of it on this machine
  hive ssh -t p-hive0     log in

Exit codes:
  0   done
  1   something that you can put right; the message says how
  2   the command was used wrongly
  70  a fault of hive itself
`hive ssh` passes on the exit code of what ran on the host, and 255 when there was no connection.";

/// Bakes a container site's hosts into one sealed image, and runs them.
#[derive(Debug, Parser)]
#[command(name = "hive", version, after_help = AFTER_HELP, propagate_version = false)]
pub struct Args {
    /// What all commands take.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The site folder; without it the current folder, or the nearest one above that has an inventory
    #[arg(
        short,
        long,
        alias = "root_dir",
        env = "HIVE_ROOT_DIR",
        value_name = "DIR",
        global = true
    )]
    pub root_dir: Option<PathBuf>,
    /// The stage: private, staging or production [default: private]
    #[arg(short, long, env = "HIVE_STAGE", value_name = "STAGE", global = true)]
    pub stage: Option<StageName>,
    /// Say more about what is done
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Folder of downloaded packages and finished steps [default: ~/.cache/hive]
    #[arg(long, env = "HIVE_CACHE", value_name = "DIR", global = true)]
    pub cache: Option<PathBuf>,
}

impl Global {
    /// The stage that a command works on.
    pub fn stage(&self) -> StageName {
        self.stage.unwrap_or(StageName::Private)
    }
}

/// The commands; the struct of each lies beside its code.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a small site that works as it is
    Init(commands::init::Init),
    /// Choose the exact packages of the image and write them down in hive.lock
    Lock(commands::lock::Lock),
    /// Make the sealed image of a stage
    Bake(commands::bake::Bake),
    /// Write the documents that make machines hosts, onto images and sticks
    Seed(commands::seed::Seed),
    /// Boot hosts of a stage on this machine, in QEMU
    Run(commands::run::Run),
    /// Log in to a host, or run a command there
    Ssh(commands::ssh::Ssh),
    /// Tell how the hosts of a stage are
    Status(commands::status::Status),
    /// Wait until every host is ready and all hives are in one swarm
    #[command(name = "setup-hosts")]
    SetupHosts(commands::setup_hosts::SetupHosts),
    /// Found the swarm though some hosts are silent
    Found(commands::decisions::Found),
    /// Make what one host knows of the swarm the site's swarm, when its majority is lost
    Recover(commands::decisions::Recover),
    /// Let a host into the swarm again that was removed from it
    Rejoin(commands::decisions::Rejoin),
    /// Look into the cache, or clear it
    Cache(commands::cache::Cache),
    /// Print the completion script of a shell
    Completion(commands::completion::Completion),
    /// Print the reference of all commands as Markdown
    #[command(hide = true)]
    Reference,
}
