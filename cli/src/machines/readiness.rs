//! Waiting until a machine does its work.

use std::time::{Duration, Instant};

use anyhow::bail;
use hive_builder::progress::Progress;
use hive_inventory::node::{NodeStatus, SwarmRole};
use hive_qemu::Vm;

use crate::context_folder::ContextFolder;
use crate::progress::Reporter;
use crate::site_status::Following;

/// Between two looks at the machine itself.
const PAUSE: Duration = Duration::from_secs(2);

/// What a machine is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How long.
    pub timeout: Duration,
    /// Whether every hive of the stage runs. Otherwise one that only lacks the others is not waited
    /// for any longer: they will not come.
    pub complete: bool,
}

/// Listens to a machine over ssh until it says that it is ready.
///
/// # Errors
/// The machine ends, or is not ready in time; the error has the last lines of its console.
pub fn wait(
    vm: &Vm,
    context: &ContextFolder,
    host: &str,
    wanted: Wanted,
    reporter: &Reporter,
) -> anyhow::Result<NodeStatus> {
    let name = vm.name().to_owned();
    reporter.begin(&name, "");
    reporter.note(&name, "starting");
    let result = poll(vm, context, host, wanted, &|text| {
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
    context: &ContextFolder,
    host: &str,
    wanted: Wanted,
    note: &dyn Fn(&str),
) -> anyhow::Result<NodeStatus> {
    let since = Instant::now();
    let mut missing = "no answer to ssh yet".to_owned();
    let mut following = Following::new(context, [host]);
    loop {
        following.wait(PAUSE);
        let word = following.words().next().map(|(_, word)| word);
        let news = match word {
            Some(Ok(status)) if status.ready => return Ok(status.clone()),
            Some(Ok(status)) if !wanted.complete && lacks_others(status) => {
                return Ok(status.clone());
            }
            Some(Ok(status)) if status.waiting_for.is_empty() => {
                "it has not looked at itself yet".to_owned()
            }
            Some(Ok(status)) => status.waiting_for.join("; "),
            // It answers, and what it says will not get better.
            Some(Err(silence)) if silence.stays => bail!(silence.why),
            // That passes while a machine boots.
            Some(Err(_)) | None => missing.clone(),
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
    }
}
