//! `hive run`: the hosts of a stage as virtual machines here.

mod stopping;
mod waiting;

use std::process::ExitCode;

use hive_builder::bake::record::Record;
use hive_qemu::{Accelerator, Error as VmError, Lifetime, Switch, Vm};
use hive_site::{Host, Provider, Stage};

use crate::admin_key::AdminKey;
use crate::args::Global;
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result, Usage};
use crate::machines::machine::{How, Machine};
use crate::seeds::{Machines, Seeder};
use crate::site_folder::SiteFolder;
use crate::{known_swarm, output, site_status, ssh_files};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Machines run on after the command has ended; `hive run --stop` switches them off. Each has its \
    disks, its console (serial.log) and its sockets in .hive/STAGE/run/HOST. Hosts that run already are left alone, and \
    a host keeps the disk that it was made with: a newer bake comes in with --fresh only."
)]
pub struct Run {
    /// Hosts by full or short name; without them all hosts of the stage
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    /// Switch the hosts off: by the power button, and by force if that takes too long
    #[arg(long, conflicts_with_all = ["fresh", "wait", "no_wait"])]
    stop: bool,
    /// Make the hosts' disks anew from the last bake; what was on them is lost
    #[arg(long)]
    fresh: bool,
    /// Wait until the hosts are ready [default]
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Only start the hosts
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    /// What executes the machines: tcg (software, works everywhere) or kvm (fast, needs /dev/kvm)
    #[arg(long, env = "HIVE_ACCEL", value_name = "ACCEL", value_parser = accelerator, default_value = "tcg")]
    accel: Accelerator,
    /// Print the hosts' status as JSON
    #[arg(long)]
    json: bool,
}

fn accelerator(word: &str) -> Result<Accelerator, String> {
    match word {
        "tcg" => Ok(Accelerator::Tcg),
        "kvm" => Ok(Accelerator::Kvm),
        other => Err(format!(
            "there is no accelerator `{other}`; take tcg or kvm"
        )),
    }
}

impl Run {
    /// Starts or stops.
    ///
    /// # Errors
    /// Nothing is baked, QEMU is missing or refuses, or a host does not become ready.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let hosts = chosen(stage, &self.hosts)?;
        if stage.provider != Provider::Qemu {
            output::say(&format!(
                "Stage {} belongs to {}. Its image is tried here in QEMU; nothing at {} is touched.",
                stage.name, stage.provider, stage.provider
            ));
        }
        let context = folder.context().made()?;
        let machines: Vec<_> = hosts
            .iter()
            .map(|host| Machine {
                context: &context,
                stage,
                host,
            })
            .collect();
        if self.stop {
            return stopping::stop(&machines, stage);
        }
        self.start(&context, stage, &machines)
    }

    fn start(
        &self,
        context: &ContextFolder,
        stage: &Stage,
        machines: &[Machine<'_>],
    ) -> Result<ExitCode> {
        let Some(record) = Record::load(&context.images()) else {
            let none = anyhow::anyhow!("stage {} has no baked image", stage.name);
            return Err(CommandError::from(none)
                .hint(format!("make it with `hive -s {} bake`", stage.name)));
        };
        if !stage.settings.ssh_source_ips.is_empty() {
            output::warn(
                "`hive_ssh_source_ips` is set: ssh from this computer comes from 10.0.2.2 there, and is refused unless that is among them",
            );
        }
        if self.fresh {
            begin_again(context, stage, machines)?;
        }
        let seeder = Seeder::open(context, stage, Machines::Here)?;
        let switch = switch(context)?;
        let mut running: Vec<(Machine<'_>, Vm)> = Vec::new();
        for machine in machines {
            let name = machine.host.short_name();
            let vm = match machine.running()? {
                Some(_) if self.fresh => {
                    let runs =
                        anyhow::anyhow!("{name} is running, and --fresh makes its disks anew");
                    return Err(CommandError::from(runs)
                        .hint(format!("stop it first: `hive run --stop {name}`")));
                }
                Some(vm) => {
                    output::say(&format!("{name} runs already"));
                    vm
                }
                None => {
                    let how = How {
                        fresh: self.fresh,
                        accelerator: self.accel,
                    };
                    let vm = machine.start(&record, &seeder, &switch, how)?;
                    output::say(&format!("{name} started: {}", vm.accelerator()));
                    vm
                }
            };
            if let Some(made) = machine
                .made()
                .filter(|m| m.image_version != record.image.image_version)
            {
                output::say(&format!(
                    "{name} keeps its disk of image {}; baked is {}. A new disk, and an empty one: `hive run --stop {name} && hive run --fresh {name}`",
                    made.image_version, record.image.image_version
                ));
            }
            running.push((*machine, vm));
        }
        save_logins(context, stage, &seeder.admin)?;
        if self.no_wait {
            let names: String = running
                .iter()
                .map(|(m, _)| format!("{}\n", m.host.name))
                .collect();
            if self.json {
                output::json(
                    "started",
                    &running
                        .iter()
                        .map(|(m, _)| &m.host.name)
                        .collect::<Vec<_>>(),
                )?;
            } else {
                output::data(&names)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let outcome = waiting::wait(context, stage, running)?;
        if site_status::missing(stage, &outcome).is_empty() {
            site_status::remember_swarm(context, stage, &outcome)?;
        }
        waiting::report(&outcome, self.json)
    }
}

/// With the disks of all hosts made anew, none is left that knows a swarm, and seeds that could only
/// join it would wait for ever.
fn begin_again(context: &ContextFolder, stage: &Stage, machines: &[Machine<'_>]) -> Result<()> {
    let all = machines.len() == stage.hosts().len() && stage.provider == Provider::Qemu;
    let off = machines.iter().all(|m| matches!(m.running(), Ok(None)));
    match all && off {
        true => known_swarm::forget(context),
        false => Ok(()),
    }
}

/// The hosts that were named, or all.
pub(super) fn chosen<'a>(stage: &'a Stage, names: &[String]) -> Result<Vec<&'a Host>> {
    if names.is_empty() {
        return Ok(stage.hosts().iter().collect());
    }
    let find = |name: &String| {
        stage.host(name).ok_or_else(|| {
            let have: Vec<_> = stage.hosts().iter().map(Host::short_name).collect();
            Usage(format!(
                "stage {} has no host `{name}`; it has {}",
                stage.name,
                have.join(", ")
            ))
            .into()
        })
    };
    names.iter().map(find).collect()
}

/// The private network, started if it does not run yet.
fn switch(context: &ContextFolder) -> Result<Switch> {
    let dir = context.switch();
    match Switch::attach(&dir) {
        Err(VmError::NotRunning { .. }) => Ok(Switch::start(&dir, Lifetime::Detached)?),
        other => Ok(other?),
    }
}

/// Writes how all machines that were ever started are reached.
fn save_logins(context: &ContextFolder, stage: &Stage, admin: &AdminKey) -> Result<()> {
    let mut logins = Vec::new();
    for host in stage.hosts() {
        logins.extend(
            Machine {
                context,
                stage,
                host,
            }
            .login()?,
        );
    }
    ssh_files::save(context, &stage.settings.admin, &admin.file, &logins)
}
