//! Waiting until a machine does its work.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::bail;
use hive_builder::progress::Progress;
use hive_inventory::node::{NodeStatus, SwarmRole};
use hive_qemu::Vm;

use crate::progress::Reporter;
use crate::remote;

/// Between two looks: a login costs an emulated machine a second or two of its own boot.
const PAUSE: Duration = Duration::from_secs(3);
/// Seconds for one connection.
const CONNECT: u64 = 20;

/// What a machine is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How long.
    pub timeout: Duration,
    /// Whether every hive of the stage runs. Otherwise one that only lacks the others is not waited
    /// for any longer: they will not come.
    pub complete: bool,
}

/// Asks a machine over ssh until it says that it is ready.
///
/// # Errors
/// The machine ends, or is not ready in time; the error has the last lines of its console.
pub fn wait(
    vm: &Vm,
    ssh_config: &Path,
    host: &str,
    wanted: Wanted,
    reporter: &Reporter,
) -> anyhow::Result<NodeStatus> {
    let name = vm.name().to_owned();
    reporter.begin(&name, "");
    reporter.note(&name, "starting");
    let result = poll(vm, ssh_config, host, wanted, &|text| {
        reporter.note(&name, text)
    });
    let end = match &result {
        Ok(status) if status.ready => "ready",
        Ok(_) => "up; other hosts do not run",
        Err(_) => "not ready",
    };
    reporter.finish(&name, end);
    result
}

/// Whether a host does its part and can't get further without the others.
fn lacks_others(status: &NodeStatus) -> bool {
    let alone = |role| matches!(role, SwarmRole::Blank | SwarmRole::Lost);
    status.root_verified
        && status.docker.is_some()
        && status.swarm.as_ref().is_some_and(|swarm| alone(swarm.role))
}

fn poll(
    vm: &Vm,
    config: &Path,
    host: &str,
    wanted: Wanted,
    note: &dyn Fn(&str),
) -> anyhow::Result<NodeStatus> {
    let since = Instant::now();
    let mut missing = "no answer to ssh yet".to_owned();
    loop {
        let answer = remote::status(config, host, CONNECT);
        let news = match answer {
            Ok(status) if status.ready => return Ok(status),
            Ok(status) if !wanted.complete && lacks_others(&status) => return Ok(status),
            Ok(status) if status.waiting_for.is_empty() => {
                "it has not looked at itself yet".to_owned()
            }
            Ok(status) => status.waiting_for.join("; "),
            Err(error)
                if error
                    .downcast_ref::<hive_system::Failure>()
                    .is_some_and(is_silence) =>
            {
                missing.clone()
            }
            // It answers, and what it says will not get better.
            Err(error) => return Err(error),
        };
        if news != missing {
            note(&news);
            missing = news;
        }
        if !vm.is_alive() {
            bail!(
                "{host} ended while it started; its console is in {}, and ends with\n{}",
                vm.serial_log().display(),
                vm.serial_tail()
            );
        }
        if since.elapsed() > wanted.timeout {
            bail!(
                "{host} is not ready after {:.0} s: what was last missing: {missing}. It runs on; `hive status` asks it again. Its console is in {}, and ends with\n{}",
                since.elapsed().as_secs_f64(),
                vm.serial_log().display(),
                vm.serial_tail()
            );
        }
        sleep(PAUSE);
    }
}

/// Whether a failure of ssh is one that passes while a machine boots: anything but a missing program.
fn is_silence(failure: &hive_system::Failure) -> bool {
    matches!(failure, hive_system::Failure::Failed { .. })
}
