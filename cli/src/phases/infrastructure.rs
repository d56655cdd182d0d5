//! build-infra: the machines of a stage. On QEMU they are made here; other providers are told apart plainly.

use std::process::ExitCode;

use clap::{Args as _, Command, FromArgMatches as _};
use hive_site::{Host, Provider};

use super::{Context, not_here};
use crate::commands::run::Run;
use crate::error::{CommandError, Result, Usage};
use crate::machines::machine::Machine;
use crate::{output, ssh_files};

/// Makes, stops or lists the machines.
///
/// # Errors
/// The provider's machines are not made by this program, or making them fails.
pub fn build(context: &Context<'_>) -> Result<()> {
    match context.stage.provider {
        Provider::Qemu => qemu(context),
        Provider::Prepared => prepared(context),
        other => Err(elsewhere(context, other)),
    }
}

fn qemu(context: &Context<'_>) -> Result<()> {
    let stage = context.stage;
    if context.options.destroy {
        let what = format!(
            "machines of stage {} are not taken away by build-infra -D",
            stage.name
        );
        return Err(not_here(
            what,
            format!(
                "`hive -s {0} run --stop` switches them off, `hive -s {0} run --fresh` makes their disks anew",
                stage.name
            ),
        ));
    }
    let hosts = limited(context)?;
    let mut off = Vec::new();
    for host in &hosts {
        let machine = Machine {
            context: &context.private,
            stage,
            host,
        };
        // Held by another program means: it runs.
        if matches!(machine.running(), Ok(None)) {
            off.push(host.short_name());
        }
    }
    if context.options.check {
        let text = match off.as_slice() {
            [] => "all hosts run: nothing is to be made".to_owned(),
            names => format!("not running, and to be started: {}", names.join(", ")),
        };
        output::say(&text);
        return Ok(());
    }
    if off.is_empty() && !context.options.halt {
        output::say(&format!(
            "All {} hosts of stage {} run: nothing to make.",
            hosts.len(),
            stage.name
        ));
        return Ok(());
    }
    // What `hive run` does with these words, the environment's say included.
    let mut words = vec!["run"];
    if context.options.halt {
        words.push("--stop");
    }
    words.extend(hosts.iter().map(|host| host.short_name()));
    let command = Run::augment_args(Command::new("run"));
    let matches = command
        .try_get_matches_from(words)
        .map_err(anyhow::Error::new)?;
    let run = Run::from_arg_matches(&matches).map_err(anyhow::Error::new)?;
    match run.run(context.global)? {
        ExitCode::SUCCESS => Ok(()),
        _ => Err(anyhow::anyhow!(
            "not all hosts of stage {} did as they were told",
            stage.name
        )
        .into()),
    }
}

/// The hosts that `-l` names, or all.
fn limited<'a>(context: &Context<'a>) -> Result<Vec<&'a Host>> {
    let stage = context.stage;
    if context.options.limit.is_empty() {
        return Ok(stage.hosts().iter().collect());
    }
    let names = context.options.limit.iter();
    names
        .map(|name| {
            stage.host(name).ok_or_else(|| {
                let have: Vec<_> = stage.hosts().iter().map(Host::short_name).collect();
                let text = format!(
                    "stage {} has no host `{name}`; it has {}",
                    stage.name,
                    have.join(", ")
                );
                CommandError::from(Usage(text))
            })
        })
        .collect()
}

fn prepared(context: &Context<'_>) -> Result<()> {
    let stage = context.stage;
    if context.options.destroy || context.options.halt {
        let what = format!(
            "the machines of stage {} are your own: build-infra neither stops nor takes away any",
            stage.name
        );
        return Err(not_here(what, "switch them off where they are"));
    }
    let known = ssh_files::hosts(&context.private)?;
    let missing = limited(context)?
        .into_iter()
        .filter(|host| !known.contains(&host.name));
    let missing: Vec<_> = missing.map(|host| host.name.as_str()).collect();
    if missing.is_empty() {
        output::say(&format!(
            "The machines of stage {} are there already: nothing to make.",
            stage.name
        ));
        return Ok(());
    }
    let what = format!("no way to log in is known for {}", missing.join(", "));
    Err(not_here(
        what,
        format!(
            "flash them with what `hive -s {0} bake` and `hive -s {0} seed` make, and write a `Host` block for each to {1}",
            stage.name,
            ssh_files::config_file(&context.private).display()
        ),
    ))
}

fn elsewhere(context: &Context<'_>, provider: Provider) -> CommandError {
    let name = context.stage.name;
    let what = format!(
        "this version of hive makes no machines at {provider}, which stage {name} belongs to"
    );
    let instead = match provider {
        Provider::Kickstart => format!(
            "install them with the media of `hive -s {name} bake` and the seeds of `hive -s {name} seed`, then go on with `hive -s {name} all -S setup-hosts`"
        ),
        _ => format!(
            "make them there from the image of `hive -s {name} bake` and the seeds of `hive -s {name} seed`, then go on with `hive -s {name} all -S setup-hosts`; `hive -s {name} run` tries the same image here"
        ),
    };
    not_here(what, instead)
}
