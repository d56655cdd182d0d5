//! The words of the command line. Help, completion and the reference come from here.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use hive_site::StageName;

use crate::{commands, names};

const AFTER_HELP: &str = "\
Start with:
  hive init mysite && cd mysite
  hive bake               make the sealed image of stage `private`
  hive run p-hive0        boot a host of it on this machine
  hive ssh -t p-hive0     log in

What options don't say, variables do: `hive set stage staging`, `hive list`.

Exit codes:
  0   done
  1   something that you can put right; the message says how
  2   the command was used wrongly
  70  a fault of hive itself
  130 ended by Ctrl-C
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
#[derive(Debug, Clone, Default, clap::Args)]
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
    /// The stage: private, staging or production [default: the variable `stage`, else private]
    #[arg(short, long, env = "HIVE_STAGE", value_name = "STAGE", global = true, add = names::stages())]
    pub stage: Option<StageName>,
    /// The folder with the definitions, said before the command [default: inventory in the site folder]
    #[arg(short, long, alias = "inventory_path", value_name = "DIR")]
    pub inventory_path: Option<PathBuf>,
    /// The stage's private folder: keys, ssh files, images [default: .hive/STAGE in the site folder]
    #[arg(short, long, alias = "context_dir", value_name = "DIR", global = true)]
    pub context_dir: Option<PathBuf>,
    /// The folder for passing files [default: /var/tmp/hive]
    #[arg(
        short = 'W',
        long,
        alias = "temp_dir",
        value_name = "DIR",
        global = true
    )]
    pub temp_dir: Option<PathBuf>,
    /// Accepted as the predecessor did; there are no playbooks
    #[arg(
        short = 'P',
        long,
        alias = "playbooks_dir",
        value_name = "DIR",
        global = true,
        hide = true
    )]
    pub playbooks_dir: Option<PathBuf>,
    /// Say more about what is done
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Folder of downloaded packages and finished steps [default: ~/.cache/hive]
    #[arg(long, env = "HIVE_CACHE", value_name = "DIR", global = true)]
    pub cache: Option<PathBuf>,
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
    /// Tell who holds which virtual IP, and where marks are
    Vips(commands::vips::Vips),
    /// Tell where mirrored volumes are in use, and how their copies are
    Volumes(commands::volumes::Volumes),
    /// Tell what is wrong, and the exact step that mends it
    Doctor(commands::doctor::Doctor),
    /// Run every phase, from where the stage has come to
    All(commands::all::All),
    /// Make the machines of a stage
    #[command(name = "build-infra")]
    BuildInfra(commands::build_infra::BuildInfra),
    /// Wait until every host is ready and all hives are in one swarm
    #[command(name = "setup-hosts")]
    SetupHosts(commands::setup_hosts::SetupHosts),
    /// Build the container images that roles make
    #[command(name = "build-images")]
    BuildImages(commands::build_images::BuildImages),
    /// Make the volumes of the services, those of docker's drivers and mirrored ones
    #[command(name = "build-volumes")]
    BuildVolumes(commands::build_volumes::BuildVolumes),
    /// Make the networks of the services
    #[command(name = "build-networks")]
    BuildNetworks(commands::build_networks::BuildNetworks),
    /// Make the services what the inventory says, and wait until they run
    #[command(name = "deploy-services")]
    DeployServices(commands::deploy_services::DeployServices),
    /// Apply roles inside running services
    #[command(name = "initialize-services")]
    InitializeServices(commands::initialize_services::InitializeServices),
    /// Found the swarm though some hosts are silent
    Found(commands::decisions::Found),
    /// Make what one host knows of the swarm the site's swarm, when its majority is lost
    Recover(commands::decisions::Recover),
    /// Let a host into the swarm again that was removed from it
    Rejoin(commands::decisions::Rejoin),
    /// Deploy stacks from compose files, list and remove them
    Stack(commands::stack::Stack),
    /// Show what the services' tasks do, and what is wrong with them
    Ps(commands::ps::Ps),
    /// Show what a service's containers say
    Logs(commands::logs::Logs),
    /// Run a command in a container of a service, wherever it runs
    Exec(commands::exec::Exec),
    /// Copy files into or out of a container of a service, wherever it runs
    Cp(commands::cp::Cp),
    /// Lead a service back to its definition before the last update
    Rollback(commands::rollback::Rollback),
    /// Spread tasks evenly over the hosts again
    Rebalance(commands::rebalance::Rebalance),
    /// Show the swarm as a page in the browser, live
    Ui(commands::ui::Ui),
    /// Keep a variable's value
    Set(commands::variables::Set),
    /// Print a variable's value
    Get(commands::variables::Get),
    /// Forget a variable's value
    Unset(commands::variables::Unset),
    /// List the variables: value, scope, and where each is from
    List(commands::variables::List),
    /// Print all groups, names and variables that the inventory makes
    Inventory(commands::inventory::Inventory),
    /// List the hosts of a stage
    #[command(name = "list-hosts")]
    ListHosts(commands::listing::Listing),
    /// List the services of a stage
    #[command(name = "list-services")]
    ListServices(commands::listing::Listing),
    /// List the volumes of a stage
    #[command(name = "list-volumes")]
    ListVolumes(commands::listing::Listing),
    /// Look into the cache, or clear it
    Cache(commands::cache::Cache),
    /// Print the completion script of a shell
    Completion(commands::completion::Completion),
    /// Write the manual pages
    Manual(commands::manual::Manual),
    /// Print the reference of all commands as Markdown
    #[command(hide = true)]
    Reference,
}
