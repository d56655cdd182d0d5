//! `hive rollback`: a service back to its definition before the last update.

use std::process::ExitCode;

use hive_deploy::convergence::Goal;
use hive_deploy::rollback::rollback;

use crate::args::Global;
use crate::cluster::{self, session};
use crate::deployment::account::{Account, State};
use crate::deployment::connected::{Connected, told};
use crate::deployment::waiting::{self, Waiting};
use crate::error::{CommandError, Result, Usage};
use crate::{names, output};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A second rollback leads to the newer definition again. The inventory is not changed: the next deploy-services \
    wants what it says."
)]
pub struct Rollback {
    /// The service
    #[arg(value_name = "SERVICE", add = names::services())]
    service: String,
    #[command(flatten)]
    waiting: Waiting,
}

impl Rollback {
    /// Rolls the service back.
    ///
    /// # Errors
    /// There is no such service, nothing to go back to, or its tasks do not come to run.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let account = Account::default();
        let words = || match account.is_at_rest() {
            true => account.words(),
            false => format!("interrupted; {}", self.look_first()),
        };
        session::run_part(self.back(global, &account), words)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Twice would lead to the newer definition again.
    fn look_first(&self) -> String {
        let name = &self.service;
        format!(
            "the swarm goes on by itself if it was told. Look with `hive ps {name}` before you repeat this: a second rollback leads to the newer definition again"
        )
    }

    async fn back(&self, global: &Global, account: &Account) -> Result<()> {
        let cluster = cluster::of_stage(global).await?;
        let mut connected = Connected::to_swarm(&cluster).await;
        let actual = connected.actual(false).await?;
        let name = &self.service;
        if !actual.services.contains_key(name) {
            let names: Vec<&str> = actual.services.keys().map(String::as_str).collect();
            let has = match names.as_slice() {
                [] => "it has none".to_owned(),
                names => format!("it has {}", names.join(", ")),
            };
            return Err(Usage(format!("the swarm has no service `{name}`; {has}")).into());
        }
        account.is(State::CarryingOut {
            done: 0,
            all: 1,
            now: Some(format!("roll back service {name}")),
        });
        let answer = rollback(&mut connected.swarm, name).await;
        answer.map_err(|error| match error.is_passing() {
            true => CommandError::from(anyhow::anyhow!(error.to_string())).hint(self.look_first()),
            false => told(error),
        })?;
        output::say(&format!(
            "  service {name} goes back to its definition before"
        ));
        if self.waiting.detach {
            return Ok(());
        }
        let services = [(name.clone(), Goal::Rollback)];
        let seconds = self.waiting.timeout;
        let swarm = &mut connected.swarm;
        let states = waiting::wait(swarm, &services, seconds, account).await?;
        waiting::judge(&states)
    }
}
