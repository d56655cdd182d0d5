//! `hive run`: the hosts of a stage as virtual machines here.

use std::process::ExitCode;
use std::time::Duration;

use hive_builder::bake::record::Record;
use hive_inventory::site::{Host, Provider, Stage};
use hive_qemu::{Accelerator, Error as VmError, Lifetime, Patience, Switch, Vm};

use crate::admin_key::AdminKey;
use crate::args::Global;
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result, Usage};
use crate::machines::machine::{How, Machine};
use crate::machines::readiness;
use crate::progress::Reporter;
use crate::seeds::{Machines, Seeder};
use crate::site_folder::SiteFolder;
use crate::site_status::{self, HostStatus};
use crate::{known_swarm, output, ssh_files};

/// From power-on to ready, on the computer that [`Patience`] compares with.
const BOOT: Duration = Duration::from_secs(300);
/// From the power button to off, on the same.
const SHUTDOWN: Duration = Duration::from_secs(60);

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
        let context = ContextFolder::make(&folder.root, stage.name)?;
        let machines: Vec<_> = hosts
            .iter()
            .map(|host| Machine {
                context: &context,
                stage,
                host,
            })
            .collect();
        if self.stop {
            return stop(&machines, stage);
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
        let outcome = wait(context, running)?;
        report(&outcome, self.json)
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

/// Waits for all machines at once, each in its own thread.
fn wait(context: &ContextFolder, running: Vec<(Machine<'_>, Vm)>) -> Result<Vec<HostStatus>> {
    let cpus: u32 = running.iter().map(|(_, vm)| vm.config().cpus).sum();
    let timeout = Patience::measured()?.shared_by(cpus).scale(BOOT);
    let config = ssh_files::config_file(context);
    let reporter = Reporter::new();
    let (config, reporter) = (&config, &reporter);
    let outcome = std::thread::scope(|scope| {
        let waiting: Vec<_> = running
            .into_iter()
            .map(|(machine, vm)| {
                let name = machine.host.name.clone();
                scope.spawn(
                    move || match readiness::wait(&vm, config, &name, timeout, reporter) {
                        Ok(status) => HostStatus {
                            host: name,
                            status: Some(status),
                            error: None,
                        },
                        Err(error) => HostStatus {
                            host: name,
                            status: None,
                            error: Some(format!("{error:#}")),
                        },
                    },
                )
            })
            .collect();
        waiting.into_iter().filter_map(|w| w.join().ok()).collect()
    });
    Ok(outcome)
}

fn report(hosts: &[HostStatus], json: bool) -> Result<ExitCode> {
    if json {
        output::json("hosts", &hosts)?;
    } else {
        output::data(&site_status::text(hosts))?;
    }
    let failed: Vec<_> = hosts
        .iter()
        .filter(|h| h.status.is_none())
        .map(|h| h.host.as_str())
        .collect();
    if !failed.is_empty() {
        let error = anyhow::anyhow!("not every host became ready: {}", failed.join(", "));
        return Err(error.into());
    }
    if !json {
        let login = |h: &HostStatus| {
            format!(
                "  hive ssh -t {}\n",
                h.host.split('.').next().unwrap_or(&h.host)
            )
        };
        output::say(&format!(
            "Log in with\n{}Stop with\n  hive run --stop",
            hosts.iter().map(login).collect::<String>()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn stop(machines: &[Machine<'_>], stage: &Stage) -> Result<ExitCode> {
    let cpus = u32::try_from(machines.len()).unwrap_or(u32::MAX);
    let bound = Patience::measured()?.shared_by(cpus).scale(SHUTDOWN);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let stopping: Vec<_> = machines
            .iter()
            .map(|m| scope.spawn(move || (m.host.short_name(), m.stop(bound))))
            .collect();
        stopping.into_iter().filter_map(|s| s.join().ok()).collect()
    });
    let mut first_error = None;
    for (name, outcome) in outcomes {
        match outcome {
            Ok(None) => output::say(&format!("{name} was not running")),
            Ok(Some(false)) => output::say(&format!("{name} is off")),
            Ok(Some(true)) => output::say(&format!(
                "{name} did not switch itself off within {:.0} s, and its power was cut",
                bound.as_secs_f64()
            )),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    if let Some(error) = first_error {
        return Err(error);
    }
    // The network goes with the last machine.
    let context = machines.first().map(|m| m.context);
    if let Some(context) = context {
        let all = stage.hosts().iter().map(|host| Machine {
            context,
            stage,
            host,
        });
        let quiet = all.map(|m| m.running()).all(|r| matches!(r, Ok(None)));
        if quiet && let Ok(switch) = Switch::attach(&context.switch()) {
            switch.stop()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
