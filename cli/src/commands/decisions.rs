//! `hive found`, `hive recover`, `hive rejoin`: what hosts leave to a person, because the wrong
//! decision makes two swarms of one.

use std::process::ExitCode;

use hive_site::{Host, Stage};

use crate::args::Global;
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result, Usage};
use crate::site_folder::SiteFolder;
use crate::{confirmation, output, remote, site_status, ssh_files};

/// Arguments of `hive found`.
#[derive(Debug, clap::Args)]
pub struct Found {
    /// A host that is silent, has never been in the site's swarm, and will not come back with the disk it has
    #[arg(long, value_name = "HOST", required = true, num_args = 1..)]
    without: Vec<String>,
    /// Also if the silent host was already allowed to found, and may have done so
    #[arg(long)]
    even_if_granted: bool,
    /// The host to tell; without it the first that answers
    #[arg(long, value_name = "HOST")]
    on: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Arguments of `hive recover`.
#[derive(Debug, clap::Args)]
pub struct Recover {
    /// The host whose swarm is to be the site's from now on
    #[arg(value_name = "HOST")]
    host: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Arguments of `hive rejoin`.
#[derive(Debug, clap::Args)]
pub struct Rejoin {
    /// The host that was removed from the swarm
    #[arg(value_name = "HOST")]
    host: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Found {
    /// Founds the swarm without hosts that are silent.
    ///
    /// # Errors
    /// A host is unknown, the person does not confirm, or the hosts refuse.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = folder.context();
        let names = |hosts: &[&Host]| -> Vec<String> {
            hosts.iter().map(|host| host.name.clone()).collect()
        };
        let without: Vec<&Host> = self
            .without
            .iter()
            .map(|word| hive(stage, word))
            .collect::<Result<_>>()?;
        let without = names(&without);
        let on = match &self.on {
            Some(word) => hive(stage, word)?.name.clone(),
            None => first_that_answers(&context, stage, &without)?,
        };
        let list = without.join(", ");
        let consequence = format!(
            "The swarm of stage {} of {} will be founded without {list}.\n\
             If {list} carries a swarm of this site, there will be two, and whatever services and \
             data the other one has is not in this one. Do this only if {list} was never in the \
             swarm, or its disk is gone for good.",
            stage.name, stage.site
        );
        confirmation::ask(&consequence, &without[0], self.yes)?;
        let mut words = vec!["found"];
        for name in &without {
            words.extend(["--without", name]);
        }
        if self.even_if_granted {
            words.push("--even-if-granted");
        }
        tell(&context, &on, &words)
    }
}

impl Recover {
    /// Makes a survivor the site's swarm.
    ///
    /// # Errors
    /// The host is unknown, the person does not confirm, or the host refuses.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = folder.context();
        let host = hive(stage, &self.host)?;
        let consequence = format!(
            "What {} knows of the swarm of stage {} of {} becomes the site's swarm, with {} as its \
             only manager.\nAll other hosts leave the swarm that they are in as soon as they hear \
             of it, those that are off when they come back, and join this one. What only they knew \
             (services, networks, secrets changed after {} lost touch) is lost. If {} knows \
             nothing, the new swarm is empty and every service must be deployed again.",
            host.name, stage.name, stage.site, host.name, host.name, host.name
        );
        confirmation::ask(&consequence, host.short_name(), self.yes)?;
        tell(&context, &host.name, &["recover"])
    }
}

impl Rejoin {
    /// Lets a host into the swarm again.
    ///
    /// # Errors
    /// The host is unknown, the person does not confirm, or the host refuses.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = folder.context();
        let host = hive(stage, &self.host)?;
        let consequence = format!(
            "{} joins the swarm of stage {} of {} again, and may be given containers.",
            host.name, stage.name, stage.site
        );
        confirmation::ask(&consequence, host.short_name(), self.yes)?;
        tell(&context, &host.name, &["rejoin"])
    }
}

/// The hive with this name.
fn hive<'a>(stage: &'a Stage, word: &str) -> Result<&'a Host> {
    let found = stage.host(word).filter(|host| host.is_hive());
    found.ok_or_else(|| {
        let hives = stage.hosts().iter().filter(|host| host.is_hive());
        let names: Vec<&str> = hives.map(Host::short_name).collect();
        Usage(format!(
            "stage {} has no hive `{word}`; it has {}",
            stage.name,
            names.join(", ")
        ))
        .into()
    })
}

fn first_that_answers(
    context: &ContextFolder,
    stage: &Stage,
    without: &[String],
) -> Result<String> {
    let hosts = site_status::ask(context, stage)?;
    let living = hosts.into_iter().find(|host| {
        let hive = stage.host(&host.host).is_some_and(Host::is_hive);
        hive && host.status.is_some() && !without.contains(&host.host)
    });
    living.map(|host| host.host).ok_or_else(|| {
        CommandError::from(anyhow::anyhow!(
            "no hive answers that could found the swarm"
        ))
        .hint("`hive status` tells why")
    })
}

fn tell(context: &ContextFolder, host: &str, words: &[&str]) -> Result<ExitCode> {
    let answer = remote::decide(&ssh_files::config_file(context), host, words)
        .map_err(|error| CommandError::from(error).hint("nothing was changed"))?;
    output::say(answer.trim_end());
    Ok(ExitCode::SUCCESS)
}
