//! Switching machines off.

use std::process::ExitCode;
use std::time::Duration;

use hive_qemu::{Patience, Switch};
use hive_site::Stage;

use crate::error::Result;
use crate::machines::machine::Machine;
use crate::output;

/// From the power button to off, on the computer that [`Patience`] compares with.
const SHUTDOWN: Duration = Duration::from_secs(60);

/// Switches machines off, and their network with the last one.
///
/// # Errors
/// A machine can't be reached or killed.
pub fn stop(machines: &[Machine<'_>], stage: &Stage) -> Result<ExitCode> {
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
