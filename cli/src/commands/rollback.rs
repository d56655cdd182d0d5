//! `hive rollback`: a service back to its definition before the last update.

use std::process::ExitCode;

use hive_deploy::convergence::Goal;
use hive_deploy::rollback::rollback;

use crate::args::Global;
use crate::cluster::{self, session};
use crate::deployment::account::{Account, State};
use crate::deployment::connected::{Connected, told};
use crate::deployment::waiting::{self, Waiting};
use crate::error::{Result, Usage};
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
        session::run_part(self.back(global, &account), || account.words())?;
        Ok(ExitCode::SUCCESS)
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
        rollback(&mut connected.swarm, name).await.map_err(told)?;
        output::say(&format!(
            "  service {name} goes back to its definition before"
        ));
        if self.waiting.detach {
            return Ok(());
        }
        let services = [name.clone()];
        let seconds = self.waiting.timeout;
        let swarm = &mut connected.swarm;
        let states = waiting::wait(swarm, &services, Goal::Rollback, seconds, account).await?;
        waiting::judge(&states)
    }
}
