//! Waits until all hosts have done their parts of volumes, with what each is at.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use hive_builder::progress::Progress as _;
use hive_deploy::managers::{Managers, Swarm};

use super::progress::{At, Goal, words};
use super::reports::{Asker, Reports};
use super::there;
use crate::deployment::account::{Account, State};
use crate::error::{CommandError, Result};
use crate::output;
use crate::progress::Reporter;

const STEP: &str = "volumes";
/// How long hosts may take, in seconds.
pub const PATIENCE: u64 = 600;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// For how long hosts may be silent or in trouble while nobody else does anything: a host that starts anew
/// comes back, and what passes is not told as what needs a person.
const GRACE: Duration = Duration::from_secs(30);

/// How it is waited.
#[derive(Debug, Clone, clap::Args)]
pub struct Waiting {
    /// Do not wait for the hosts to do their parts of mirrored volumes
    #[arg(long)]
    pub detach: bool,
    /// Give up waiting for them after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE)]
    pub timeout: u64,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            detach: false,
            timeout: PATIENCE,
        }
    }
}

/// What is left, by volume and host.
type Left = BTreeMap<(String, String), At>;

/// Waits for the goals, all of which are either made or removed.
///
/// # Errors
/// Hosts that are not done in time, with what each lacks and what to do. No manager answers any more.
pub async fn wait<M: Managers>(
    swarm: &mut Swarm<M>,
    asker: &Asker,
    goals: Vec<Goal>,
    seconds: u64,
    account: &Account,
) -> Result<()> {
    let start = Instant::now();
    let deadline = Duration::from_secs(seconds);
    let mut goals = goals;
    let all: usize = goals.iter().map(|goal| goal.hosts.len()).sum();
    let mut told = Told::default();
    let mut idle_since: Option<Instant> = None;
    let mut following = asker.follow();
    let outcome = loop {
        goals = still_there(swarm, goals).await?;
        let reports = match goals.is_empty() {
            true => Reports::new(),
            false => asker.last_words(&mut following).await,
        };
        let left = left(&goals, &reports);
        account.is(State::Settling(parts(&left)));
        told.tell(&left, all);
        // Of a volume that goes, the record is the last.
        if left.is_empty() && goals.iter().all(|goal| !goal.removal) {
            break Ok(());
        }
        let works = |at: &At| matches!(at, At::Works(_));
        idle_since = match left.is_empty() || left.values().any(works) {
            true => None,
            false => idle_since.or_else(|| Some(Instant::now())),
        };
        let hopeless = idle_since.is_some_and(|since| since.elapsed() > GRACE);
        if hopeless || start.elapsed() > deadline {
            break Err(late(&goals, &left, start.elapsed()));
        }
        tokio::time::sleep(PAUSE.min(deadline)).await;
    };
    told.finish();
    outcome
}

/// Goals without those whose record has gone, as it should.
async fn still_there<M: Managers>(swarm: &mut Swarm<M>, goals: Vec<Goal>) -> Result<Vec<Goal>> {
    if goals.iter().all(|goal| !goal.removal) {
        return Ok(goals);
    }
    let records = there::all_records(swarm).await?;
    let mut goals = goals;
    goals.retain(|goal| {
        let record = records.volumes.get(&goal.name);
        !goal.removal || record.is_some_and(|r| r.identity.birthmark == goal.birthmark)
    });
    Ok(goals)
}

fn left(goals: &[Goal], reports: &Reports) -> Left {
    let mut left = Left::new();
    for goal in goals {
        let open = goal.all(reports).into_iter();
        for (host, at) in open.filter(|(_, at)| *at != At::Done) {
            left.insert((goal.name.clone(), host), at);
        }
    }
    left
}

fn parts(left: &Left) -> Vec<String> {
    let parts = left.keys();
    parts
        .map(|(volume, host)| format!("{volume} on {host}"))
        .collect()
}

/// What was told already, so that only news is.
#[derive(Default)]
struct Told {
    reporter: Option<Reporter>,
    lines: BTreeMap<(String, String), String>,
}

impl Told {
    fn tell(&mut self, left: &Left, all: usize) {
        // What is done at the first look is no work to be shown.
        if self.reporter.is_none() {
            if left.is_empty() {
                return;
            }
            let reporter = Reporter::new();
            reporter.begin(STEP, "waiting for the hosts");
            self.reporter = Some(reporter);
        }
        let Some(reporter) = &self.reporter else {
            return;
        };
        reporter.advance(STEP, all.saturating_sub(left.len()) as u64, all as u64);
        let mut lines = BTreeMap::new();
        for ((volume, host), at) in left {
            let line = words(volume, host, at);
            let key = (volume.clone(), host.clone());
            let news = self.lines.get(&key) != Some(&line);
            let bad = matches!(at, At::Trouble(_) | At::Silent(_));
            if news && (bad || !output::is_watched()) {
                reporter.say(&format!("  {line}"));
            }
            lines.insert(key, line);
        }
        for (volume, host) in self.lines.keys().filter(|key| !lines.contains_key(*key)) {
            reporter.say(&format!("  {volume} on {host} done"));
        }
        if output::is_watched() {
            let at: Vec<&str> = lines.values().take(2).map(String::as_str).collect();
            reporter.note(STEP, &at.join("; "));
        }
        self.lines = lines;
    }

    fn finish(&self) {
        if let Some(reporter) = &self.reporter {
            reporter.finish(STEP, "");
        }
    }
}

/// The error of what is not done.
fn late(goals: &[Goal], left: &Left, after: Duration) -> CommandError {
    let mut lines: Vec<String> = left
        .iter()
        .map(|((volume, host), at)| words(volume, host, at))
        .collect();
    let waits = |goal: &&Goal| goal.removal && !left.keys().any(|(name, _)| *name == goal.name);
    let going = goals.iter().filter(waits);
    lines.extend(going.map(|goal| {
        format!(
            "{}: no host has anything of it, and its record is still there",
            goal.name
        )
    }));
    let what = format!(
        "mirrored volumes are not done after {} s; the swarm knows what is wanted, and the hosts go on by themselves",
        after.as_secs()
    );
    let mut error = CommandError::from(anyhow!(lines.join("\n")).context(what));
    let has = |kind: fn(&At) -> bool| left.values().any(kind);
    if has(|at| matches!(at, At::Silent(_))) {
        error = error.hint(
            "a host that is out of reach does its part as soon as it is back: `hive status` tells how the hosts are",
        );
    }
    if has(|at| matches!(at, At::Trouble(_))) {
        error = error.hint("`hive doctor volumes` tells what mends it");
    }
    error.hint("run this again to wait for them; `hive volumes` shows how far they are")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn goal(removal: bool) -> Goal {
        Goal {
            name: "data".into(),
            birthmark: "b".into(),
            turn: 0,
            hosts: BTreeSet::from(["h0".to_owned(), "h1".to_owned()]),
            removal,
        }
    }

    #[test]
    fn the_error_names_each_host_and_what_to_do() {
        let reports = Reports::from([("h0".to_owned(), Err("refused".to_owned()))]);
        let goals = [goal(false)];
        let open = left(&goals, &reports);
        let told = late(&goals, &open, Duration::from_secs(3)).text();
        assert!(told.contains("not done after 3 s"), "{told}");
        assert!(
            told.contains("data on h0: no word of it (refused)"),
            "{told}"
        );
        assert!(told.contains("hint: a host that is out of reach"), "{told}");
        assert_eq!(parts(&open), ["data on h0", "data on h1"]);
    }

    #[test]
    fn a_record_that_stays_is_told() {
        let told = late(&[goal(true)], &Left::new(), Duration::from_secs(9)).text();
        assert!(told.contains("its record is still there"), "{told}");
    }
}
