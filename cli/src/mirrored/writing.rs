//! Writes a plan's records into the swarm. Each is a compare-and-swap, so that a host or another person who
//! was faster is noticed and nothing of theirs is lost.

use bollard::Docker;
use hive_deploy::managers::{Managers, Swarm};
use hive_records::{SECRET, SECRET_LENGTH, Written};
use hive_volumes::plan::{Action, Line, Plan};

use crate::deployment::account::Account;
use crate::deployment::connected::told;
use crate::error::Result;
use crate::{output, random};

/// Whether a line of a plan writes something.
pub fn writes(line: &&Line) -> bool {
    matches!(line.action, Action::Create(_) | Action::Change { .. })
}

/// Writes all records of a plan; gives the names of those that somebody else was faster with.
///
/// # Errors
/// No manager answers. What was written stays, and the next run goes on from there.
pub async fn write<M: Managers>(
    swarm: &mut Swarm<M>,
    plan: &Plan,
    account: &Account,
) -> Result<Vec<String>> {
    let news = |line: &Line| matches!(line.action, Action::Create(_));
    if plan.lines.iter().any(news) {
        secret(swarm).await?;
    }
    let mut overtaken = Vec::new();
    for line in plan.lines.iter().filter(writes) {
        let name = line.name.as_str();
        let written = match &line.action {
            Action::Create(new) => {
                let (identity, state) = &**new;
                let doing = format!("making the record of volume {name}");
                account.begins(doing.clone());
                let create = |docker: Docker| async move {
                    hive_records::create(&docker, identity, state).await
                };
                swarm.ask(&doing, create).await
            }
            Action::Change { record, state, .. } => {
                let doing = format!("writing the record of volume {name}");
                account.begins(doing.clone());
                let change = |docker: Docker| async move {
                    hive_records::change(&docker, record, state).await
                };
                swarm.ask(&doing, change).await
            }
            Action::Unchanged | Action::BeingRemoved => continue,
        };
        match written.map_err(told)? {
            Written::Done => {
                account.ended();
                output::say(&format!("  volume {name}: the swarm knows"));
            }
            Written::Overtaken => overtaken.push(name.to_owned()),
        }
    }
    Ok(overtaken)
}

/// What hosts know each other by; made before the first volume, and never changed.
async fn secret<M: Managers>(swarm: &mut Swarm<M>) -> Result<()> {
    let doing = "looking for the secret of mirrored volumes";
    let look = |docker: Docker| async move { hive_records::secret(&docker, SECRET).await };
    if swarm.ask(doing, look).await.map_err(told)?.is_some() {
        return Ok(());
    }
    let text = random::letters(SECRET_LENGTH)?;
    let text = &*String::from_utf8_lossy(&text);
    let doing = "making the secret of mirrored volumes";
    let make = |docker: Docker| async move { hive_records::make_secret(&docker, text).await };
    // One that somebody else made meanwhile is as good.
    swarm.ask(doing, make).await.map_err(told)?;
    Ok(())
}
