//! What a host is in its swarm, and what to say when none of them can be asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bollard::errors::Error;
use bollard::models::LocalNodeState;

use super::Link;
use crate::error::CommandError;

/// What a host is, as far as asking the swarm goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It answers for the whole swarm.
    Manager,
    /// A manager that can't: too few others are in reach. Its engine's words.
    NoMajority(String),
    /// In the swarm, without a say.
    Worker,
    /// In no swarm (yet).
    Outside,
    /// ssh or docker does not answer, and why.
    Silent(String),
}

/// Asks a host's engine.
pub async fn of(link: &Link) -> Standing {
    let docker = link.docker();
    let info = match docker.info().await {
        Ok(info) => info.swarm.unwrap_or_default(),
        Err(error) => return Standing::Silent(no_engine(link, error).await),
    };
    match info.local_node_state {
        Some(LocalNodeState::ACTIVE) => {}
        // Docker calls it so for good once it had to start its part anew; without words it works.
        Some(LocalNodeState::ERROR) if info.error.as_ref().is_none_or(String::is_empty) => {}
        Some(LocalNodeState::ERROR | LocalNodeState::LOCKED) => {
            let words = info.error.unwrap_or_else(|| "its swarm is locked".into());
            return Standing::NoMajority(words);
        }
        _ => return Standing::Outside,
    }
    if info.control_available != Some(true) {
        return Standing::Worker;
    }
    // Only a leader in reach can answer this.
    match docker.list_nodes(None).await {
        Ok(_) => Standing::Manager,
        Err(Error::DockerResponseServerError { message, .. }) => Standing::NoMajority(message),
        Err(error) => Standing::Silent(format!("{:#}", link.explain(error).await)),
    }
}

/// ssh took the connection and docker did not: its socket is missing or closed to this user.
async fn no_engine(link: &Link, error: Error) -> String {
    match link.lost() {
        Some(lost) => lost,
        None => format!(
            "ssh lets us in, and docker does not answer ({error}); is docker running there, and the user in group docker?"
        ),
    }
}

/// The error of a stage without a manager that could be asked.
pub fn no_manager(answers: &BTreeMap<String, Standing>) -> CommandError {
    let any = |wanted: fn(&Standing) -> bool| answers.values().any(wanted);
    let silent: Vec<&str> = answers
        .iter()
        .filter(|(_, standing)| matches!(standing, Standing::Silent(_)))
        .map(|(name, _)| name.as_str())
        .collect();
    let (what, hint) = if any(|s| matches!(s, Standing::NoMajority(_))) {
        let lost = match silent.as_slice() {
            [] => "the other managers".to_owned(),
            names => names.join(" and "),
        };
        (
            "the swarm has lost the majority of its managers, so it can't be asked or changed; what runs goes on",
            format!(
                "bring {lost} back; the swarm is whole again as soon as more than half of its managers are. \
                 If they are gone for good, `hive recover HOST` makes what one host knows the swarm"
            ),
        )
    } else if any(|s| *s == Standing::Worker) {
        (
            "no manager of the swarm is in reach",
            format!("bring back {}", silent.join(" or ")),
        )
    } else if any(|s| *s == Standing::Outside) {
        (
            "the stage has no swarm yet",
            "`hive setup-hosts` waits for the hosts to make one, and says what they wait for"
                .to_owned(),
        )
    } else {
        (
            "no host of the stage is in reach",
            "`hive status` tells how the hosts are; `hive ssh -t HOST` shows what ssh says"
                .to_owned(),
        )
    };
    let mut list = String::new();
    for (name, standing) in answers {
        let word = match standing {
            Standing::Manager => "a manager".to_owned(),
            Standing::NoMajority(words) => format!("a manager without majority ({words})"),
            Standing::Worker => "a worker".to_owned(),
            Standing::Outside => "in no swarm".to_owned(),
            Standing::Silent(why) => format!("no answer: {why}"),
        };
        let _ = writeln!(list, "{name}: {word}");
    }
    let error = anyhow::anyhow!(list.trim_end().to_owned()).context(what);
    CommandError::from(error).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answers: &[(&str, Standing)]) -> String {
        let answers = answers.iter().cloned();
        no_manager(&answers.map(|(n, s)| (n.to_owned(), s)).collect()).text()
    }

    fn refused() -> Standing {
        Standing::Silent("Connection refused".into())
    }

    #[test]
    fn a_lost_majority_names_whom_to_bring_back() {
        let alone = Standing::NoMajority("The swarm does not have a leader.".into());
        let text = told(&[("a", alone), ("b", refused()), ("c", refused())]);
        assert!(text.contains("lost the majority"), "{text}");
        assert!(
            text.contains("cause: a: a manager without majority (The swarm"),
            "{text}"
        );
        assert!(text.contains("hint: bring b and c back"), "{text}");
    }

    #[test]
    fn hosts_that_are_all_off_are_told_from_a_swarm_that_is_not_there() {
        let off = told(&[("a", refused()), ("b", refused())]);
        assert!(off.starts_with("error: no host of the stage is in reach\n  cause: a: no answer: Connection refused\n         b:"), "{off}");
        let young = told(&[("a", Standing::Outside), ("b", refused())]);
        assert!(young.contains("no swarm yet") && young.contains("hive setup-hosts"));
        let workers = told(&[("a", Standing::Worker), ("b", refused())]);
        assert!(workers.contains("bring back b"), "{workers}");
    }
}
