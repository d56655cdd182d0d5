//! One file per command; [`run`] leads to it.

pub mod all;
pub mod bake;
pub mod build_images;
pub mod build_infra;
pub mod build_networks;
pub mod build_volumes;
pub mod cache;
pub mod completion;
pub mod cp;
pub mod decisions;
pub mod deploy_services;
pub mod doctor;
pub mod exec;
pub mod init;
pub mod initialize_services;
pub mod inventory;
pub mod listing;
pub mod lock;
pub mod logs;
pub mod manual;
pub mod phase_options;
pub mod ps;
pub mod rebalance;
pub mod rollback;
pub mod run;
pub mod seed;
pub mod setup_hosts;
pub mod ssh;
pub mod stack;
pub mod status;
pub mod ui;
pub mod variables;
pub mod verify;
pub mod vips;
pub mod volumes;

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
    if global.playbooks_dir.is_some() {
        output::warn("-P has no effect: hive has no playbooks");
    }
    match command {
        Command::Init(init) => init.run(&global),
        Command::Lock(lock) => lock.run(&global),
        Command::Bake(bake) => bake.run(&global),
        Command::Seed(seed) => seed.run(&global),
        Command::Run(run) => run.run(&global),
        Command::Ssh(ssh) => ssh.run(&global),
        Command::Status(status) => status.run(&global),
        Command::Vips(vips) => vips.run(&global),
        Command::Volumes(volumes) => volumes.run(&global),
        Command::Doctor(doctor) => doctor.run(&global),
        Command::All(all) => all.run(&global),
        Command::BuildInfra(infra) => infra.run(&global),
        Command::SetupHosts(setup) => setup.run(&global),
        Command::BuildImages(images) => images.run(&global),
        Command::BuildVolumes(volumes) => volumes.run(&global),
        Command::BuildNetworks(networks) => networks.run(&global),
        Command::DeployServices(services) => services.run(&global),
        Command::Rollback(rollback) => rollback.run(&global),
        Command::InitializeServices(services) => services.run(&global),
        Command::Found(found) => found.run(&global),
        Command::Recover(recover) => recover.run(&global),
        Command::Rejoin(rejoin) => rejoin.run(&global),
        Command::Ps(ps) => ps.run(&global),
        Command::Logs(logs) => logs.run(&global),
        Command::Exec(exec) => exec.run(&global),
        Command::Cp(cp) => cp.run(&global),
        Command::Rebalance(rebalance) => rebalance.run(&global),
        Command::Stack(stack) => stack.run(&global),
        Command::Ui(ui) => ui.run(&global),
        Command::Set(set) => set.run(&global),
        Command::Get(get) => get.run(&global),
        Command::Unset(unset) => unset.run(&global),
        Command::List(list) => list.run(&global),
        Command::Inventory(inventory) => inventory.run(&global),
        Command::ListHosts(listing) => listing.hosts(&global),
        Command::ListServices(listing) => listing.services(&global),
        Command::ListVolumes(listing) => listing.volumes(&global),
        Command::Cache(cache) => cache.run(&global),
        Command::Completion(completion) => completion.run(),
        Command::Manual(manual) => manual.run(),
        Command::Reference => output::data(&reference::markdown()).map(|()| ExitCode::SUCCESS),
    }
}
