//! The `hive` command. A command's story is in `commands/`, its words in `args.rs`, what becomes
//! of its errors in `error.rs`.

mod admin_key;
mod args;
mod calendar;
mod cluster;
mod commands;
mod confirmation;
mod context_folder;
mod deployment;
mod desired;
mod error;
mod host_key;
mod known_swarm;
mod machines;
mod mirrored;
mod moment;
mod names;
mod output;
mod outside;
mod phases;
mod progress;
mod random;
mod reference;
mod remote;
mod seed_target;
mod seeds;
mod service_names;
mod site_folder;
mod site_keys;
mod site_status;
mod ssh_files;
mod variables;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use hive_builder::namespace;

fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == namespace::SUBCOMMAND)
    {
        return namespace::enter();
    }
    clap_complete::CompleteEnv::with_factory(args::Args::command)
        .var(commands::completion::ASKS)
        .complete();
    error::report_panics_as_bugs();
    match commands::run(args::Args::parse()) {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}
