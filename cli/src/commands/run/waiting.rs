//! Waiting for the machines that were started, and telling how they are.

use std::process::ExitCode;
use std::time::Duration;

use hive_qemu::{Patience, Vm};
use hive_site::Stage;

use crate::context_folder::ContextFolder;
use crate::error::Result;
use crate::machines::machine::Machine;
use crate::machines::readiness::{self, Wanted};
use crate::output;
use crate::progress::Reporter;
use crate::site_status::{self, HostStatus};

/// From power-on to ready, on the computer that [`Patience`] compares with.
const BOOT: Duration = Duration::from_secs(300);

/// Waits for all machines at once, each in its own thread.
///
/// # Errors
/// The speed of this computer can't be measured.
pub fn wait(
    context: &ContextFolder,
    stage: &Stage,
    running: Vec<(Machine<'_>, Vm)>,
) -> Result<Vec<HostStatus>> {
    let cpus: u32 = running.iter().map(|(_, vm)| vm.config().cpus).sum();
    let wanted = Wanted {
        timeout: Patience::measured()?.shared_by(cpus).scale(BOOT),
        complete: all_run(context, stage),
    };
    let reporter = &Reporter::new();
    let outcome = std::thread::scope(|scope| {
        let waiting: Vec<_> = running
            .into_iter()
            .map(|(machine, vm)| {
                let name = machine.host.name.clone();
                scope.spawn(
                    move || match readiness::wait(&vm, context, &name, wanted, reporter) {
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

/// Whether every hive of the stage runs here.
fn all_run(context: &ContextFolder, stage: &Stage) -> bool {
    let mut hives = stage.hosts().iter().filter(|host| host.is_hive());
    hives.all(|host| {
        let machine = Machine {
            context,
            stage,
            host,
        };
        !matches!(machine.running(), Ok(None))
    })
}

/// Tells how they are, and how to log in.
///
/// # Errors
/// A host did not become ready.
pub fn report(hosts: &[HostStatus], json: bool) -> Result<ExitCode> {
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
