//! `hive doctor`: what is wrong, and the exact next step.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use hive_site::Stage;

use crate::args::Global;
use crate::cluster::{Cluster, session};
use crate::context_folder::ContextFolder;
use crate::deployment::connected::Connected;
use crate::error::{CommandError, Result};
use crate::mirrored::doctor::examine;
use crate::mirrored::doctor::findings::{Finding, Step, text};
use crate::mirrored::reports::Asker;
use crate::mirrored::there;
use crate::site_folder::SiteFolder;
use crate::{confirmation, output, remote};

/// Seconds until a host that does not even take the connection counts as silent.
const CONNECT: u64 = 10;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    #[command(subcommand)]
    command: DoctorCommand,
}

/// What is examined.
#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Tell what is wrong with mirrored volumes, and what mends it
    Volumes(DoctorVolumes),
}

/// Arguments of `hive doctor volumes`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Steps marked `safe` lose nothing whatever the matter is: --fix does them. Those marked `you` are for a person who has \
    read what stands above them, and are only printed. The exit code is 1 when something is wrong."
)]
pub struct DoctorVolumes {
    /// Do the steps that are safe, after a question
    #[arg(long)]
    fix: bool,
    /// Do not ask
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Print what is found as JSON
    #[arg(long, conflicts_with = "fix")]
    json: bool,
}

impl Doctor {
    /// Examines, and with `--fix` mends.
    ///
    /// # Errors
    /// The stage's ssh files can't be read, or a step failed.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let DoctorCommand::Volumes(volumes) = self.command;
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = folder.context();
        session::run(volumes.examine(&context, stage))
    }
}

impl DoctorVolumes {
    async fn examine(&self, context: &ContextFolder, stage: &Stage) -> Result<ExitCode> {
        let asker = Asker::of(context, stage)?;
        let found = look(&asker, context, stage, true).await;
        match self.json {
            true => output::json("findings", &found.findings)?,
            false if found.is_empty() => output::data("nothing is wrong with mirrored volumes\n")?,
            false => output::data(&text(&found.findings))?,
        }
        let safe = |finding: &&Finding| finding.safe;
        let count = found.findings.iter().filter(safe).count();
        if !self.fix || count == 0 {
            return Ok(ExitCode::from(u8::from(!found.is_empty())));
        }
        let what = format!("The steps of {count} findings that are marked `safe` will be done.");
        let (word, yes) = (stage.name.to_string(), self.yes);
        let asked = tokio::task::spawn_blocking(move || confirmation::ask(&what, &word, yes));
        asked.await??;
        // Hosts report at different moments, and people take their time: only what is still so is mended.
        let again = look(&asker, context, stage, false).await;
        let still = |finding: &&Finding| {
            let same = |now: &Finding| now.safe && now.steps == finding.steps;
            again.findings.iter().any(same)
        };
        for finding in found.findings.iter().filter(safe).filter(still) {
            for step in &finding.steps {
                output::say(&format!("  {}", step.command()));
                run(&asker, step).await?;
            }
        }
        output::say("Run `hive doctor volumes` again in a moment: it shows what is left.");
        Ok(ExitCode::from(u8::from(
            found.findings.len() > count || found.is_blind,
        )))
    }
}

/// What was found.
struct Found {
    findings: Vec<Finding>,
    /// A host or the swarm said nothing.
    is_blind: bool,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.findings.is_empty() && !self.is_blind
    }
}

async fn look(asker: &Asker, context: &ContextFolder, stage: &Stage, tell: bool) -> Found {
    let records = async {
        let cluster = Cluster::connect(context, stage).await?;
        let mut connected = Connected::to_swarm(&cluster).await;
        there::all_records(&mut connected.swarm).await
    };
    let (reports, records) = tokio::join!(asker.ask(), records);
    let silent = reports.iter().filter_map(|(host, report)| {
        let why = report.as_ref().err()?;
        Some(format!("{host} says nothing of volumes: {why}"))
    });
    let mut blind: Vec<String> = silent.collect();
    let records = match records {
        Ok(records) => {
            blind.extend(records.unreadable.iter().cloned());
            Some(records)
        }
        Err(error) => {
            let why = error.last_cause();
            blind.push(format!(
                "the swarm's records can't be read, so whose copy counts is not known: {why}"
            ));
            None
        }
    };
    if tell {
        blind.iter().for_each(|line| output::warn(line));
    }
    Found {
        findings: examine(&reports, records.as_ref()),
        is_blind: !blind.is_empty(),
    }
}

/// Does a step on its host.
async fn run(asker: &Asker, step: &Step) -> Result<()> {
    let Some(host) = &step.host else {
        return Ok(());
    };
    let full = asker.full(host).unwrap_or(host);
    let mut words = vec!["sudo", "-n"];
    words.extend(step.words.iter().map(String::as_str));
    let program = remote::on_host(asker.config(), full, CONNECT, &words);
    let done = remote::told(program)
        .await
        .with_context(|| format!("on {host}: {}", step.words.join(" ")));
    done.map(drop).map_err(|error| {
        CommandError::from(error)
            .hint("the steps before it were done; `hive doctor volumes` tells how things are now")
    })
}
