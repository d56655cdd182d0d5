//! One look at a swarm through the engine of a manager.

use std::error::Error;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{LocalNodeState, SystemInfo};
use bollard::query_parameters::{
    ListNetworksOptions, ListNodesOptions, ListServicesOptionsBuilder, ListTasksOptions,
};
use tokio::try_join;

use super::now;
use crate::snapshot::{Lists, Snapshot};

/// Why the swarm could not be seen.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// A short sentence.
    pub title: String,
    /// What was tried and how it failed.
    pub detail: String,
    /// What to do next.
    pub next: String,
    /// Whether the engine answers all the same.
    pub connected: bool,
}

impl Trouble {
    /// No connection.
    pub fn unreachable(target: &str, e: &(dyn Error + 'static)) -> Self {
        Self {
            title: format!("No connection to {target}"),
            detail: chain(e),
            next: format!(
                "It is tried again by itself. Check your network, and that `hive ssh -t {target}` works."
            ),
            connected: false,
        }
    }

    /// No answer in time.
    pub fn silent(target: &str, time: Duration) -> Self {
        Self {
            title: format!("No answer from {target}"),
            detail: format!("Nothing came within {} seconds.", time.as_secs()),
            next: format!(
                "It is tried again by itself. Check your network, and that `hive ssh -t {target}` works."
            ),
            connected: false,
        }
    }

    /// The engine answered, but not with the swarm's lists.
    fn refused(target: &str, message: &str) -> Self {
        let majority = message.contains("does not have a leader") || message.contains("no leader");
        let (title, next) = if majority {
            (
                "The managers have lost their majority".to_owned(),
                "Nothing can be changed until enough managers are back; what runs goes on. `hive status` shows who is \
                 missing, and names the command with which you decide if they are lost for good."
                    .to_owned(),
            )
        } else {
            (
                format!("{target} does not tell about its swarm"),
                format!(
                    "It is asked again by itself. `hive ssh -t {target} -- journalctl -u docker`."
                ),
            )
        };
        Self {
            title,
            detail: format!("The engine of {target} says: {message}"),
            next,
            connected: true,
        }
    }

    fn not_a_manager(target: &str, engine: &SystemInfo) -> Option<Self> {
        let swarm = engine.swarm.clone().unwrap_or_default();
        let (title, next) = match swarm.local_node_state {
            // An error is what Docker calls it for good once it had to start its part anew.
            Some(LocalNodeState::ACTIVE | LocalNodeState::ERROR)
                if swarm.control_available == Some(true) =>
            {
                return None;
            }
            Some(LocalNodeState::ACTIVE) => (
                format!("{target} is no manager"),
                "Only managers know the swarm. Another one is looked for by itself.",
            ),
            Some(LocalNodeState::LOCKED) => (
                format!("The swarm's data on {target} is locked"),
                "Unlock it with `docker swarm unlock` on that host.",
            ),
            Some(LocalNodeState::PENDING) => (
                format!("{target} is joining its swarm"),
                "Wait a little; `hive status` shows how far it is.",
            ),
            _ => (
                format!("{target} is in no swarm"),
                "Hosts join by themselves after their first boot; `hive status` shows what they wait for.",
            ),
        };
        Some(Self {
            title,
            detail: swarm.error.unwrap_or_default(),
            next: next.to_owned(),
            connected: false,
        })
    }

    fn of(target: &str, e: &bollard::errors::Error) -> Self {
        match e {
            bollard::errors::Error::DockerResponseServerError { message, .. } => {
                Self::refused(target, message)
            }
            _ => Self::unreachable(target, e),
        }
    }
}

/// All lists, asked for at the same time.
pub async fn look(docker: &Docker, target: &str) -> Result<Snapshot, Trouble> {
    let taken_at = now();
    let trouble = |e: bollard::errors::Error| Trouble::of(target, &e);
    let engine = docker.info().await.map_err(trouble)?;
    if let Some(trouble) = Trouble::not_a_manager(target, &engine) {
        return Err(trouble);
    }
    let services = ListServicesOptionsBuilder::default().status(true).build();
    let (nodes, services, tasks, networks) = try_join!(
        docker.list_nodes(None::<ListNodesOptions>),
        docker.list_services(Some(services)),
        docker.list_tasks(None::<ListTasksOptions>),
        docker.list_networks(None::<ListNetworksOptions>),
    )
    .map_err(trouble)?;
    Ok(Snapshot::of(&Lists {
        taken_at,
        engine,
        nodes,
        services,
        tasks,
        networks,
    }))
}

/// An error and what led to it.
fn chain(e: &(dyn Error + 'static)) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::SwarmInfo;

    #[test]
    fn a_lost_majority_is_told_from_other_refusals() {
        let said = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online.";
        let trouble = Trouble::refused("h1", said);
        assert_eq!(trouble.title, "The managers have lost their majority");
        assert!(trouble.connected && trouble.detail.contains(said));
        assert!(Trouble::refused("h1", "boom").title.contains("h1"));
    }

    #[test]
    fn an_engine_without_the_swarms_lists_is_explained() {
        let engine = |state, control| SystemInfo {
            swarm: Some(SwarmInfo {
                local_node_state: Some(state),
                control_available: Some(control),
                ..Default::default()
            }),
            ..Default::default()
        };
        let title = |engine: &SystemInfo| Trouble::not_a_manager("h1", engine).map(|t| t.title);
        assert_eq!(title(&engine(LocalNodeState::ACTIVE, true)), None);
        assert_eq!(title(&engine(LocalNodeState::ERROR, true)), None);
        let worker = title(&engine(LocalNodeState::ACTIVE, false)).unwrap();
        assert_eq!(worker, "h1 is no manager");
        let none = title(&engine(LocalNodeState::INACTIVE, false)).unwrap();
        assert_eq!(none, "h1 is in no swarm");
    }
}
