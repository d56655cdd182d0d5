//! What to think of a service, from what docker tells of it. Pure: time is given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bollard::models::{
    Service, ServiceUpdateStatus, ServiceUpdateStatusStateEnum as Update, Task,
    TaskSpecRestartPolicyConditionEnum as Condition, TaskState as State,
};

use super::{Goal, Patience, Phase, ServiceState, TaskState};

/// What docker watches tasks for after an update when nothing is said.
const MONITOR: Duration = Duration::from_secs(5);

/// The memory of one service's looks.
pub struct Watch {
    name: String,
    goal: Goal,
    patience: Patience,
    /// Failed before the first look.
    before: Option<BTreeSet<String>>,
    /// All tasks have been running since.
    steady_since: Option<Duration>,
    /// What was seen last, and since when it has been like that.
    last: Option<(Vec<String>, Duration)>,
    /// The last error of a task; docker forgets those of a definition that it went back from.
    error: Option<TaskState>,
    ended: Option<ServiceState>,
}

impl Watch {
    pub fn new(name: &str, goal: Goal, patience: Patience) -> Self {
        Self {
            name: name.to_owned(),
            goal,
            patience,
            before: None,
            steady_since: None,
            last: None,
            error: None,
            ended: None,
        }
    }

    /// `tasks` are those of the service's present definition.
    pub fn look(
        &mut self,
        now: Duration,
        service: Option<&Service>,
        tasks: &[&Task],
        hosts: &BTreeMap<String, String>,
    ) -> ServiceState {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let Some(service) = service else {
            let phase = Phase::Failed("it was removed by somebody else".into());
            return self.end(ServiceState {
                name: self.name.clone(),
                running: 0,
                wanted: 0,
                phase,
                waiting: Vec::new(),
                error: None,
            });
        };
        let places = places(tasks);
        let wanted = wanted(service, &places);
        let ends = ends_well(service);
        let runs = |task: &Task| match state(task) {
            State::COMPLETE => ends,
            running => running == State::RUNNING && desired(task) <= State::RUNNING,
        };
        let newest = || places.values().filter_map(|tasks| tasks.last().copied());
        let running = newest().filter(|task| runs(task)).count() as u64;
        let told = |task: &Task| self.told(task, hosts);
        let waiting: Vec<TaskState> = newest()
            .filter(|task| !runs(task) && desired(task) <= State::RUNNING)
            .map(told)
            .collect();
        let failed = |task: &&Task| matches!(state(task), State::FAILED | State::REJECTED);
        let ids = |tasks: &[&Task]| -> BTreeSet<String> {
            let failed = tasks.iter().copied().filter(failed);
            failed.filter_map(|task| task.id.clone()).collect()
        };
        // Tasks of this definition that failed in the moment before the first look count; those of
        // an older failure belong to a definition that is not new.
        let before = self
            .before
            .get_or_insert_with(|| match (update(service), self.goal) {
                (None, Goal::Rollout | Goal::Rollback) => BTreeSet::new(),
                (Some(_), _) | (_, Goal::Return) => ids(tasks),
            });
        let new = |task: &&&Task| task.id.as_ref().is_none_or(|id| !before.contains(id));
        let failures = |tasks: &[&Task]| tasks.iter().filter(|t| failed(t)).filter(new).count();
        let most = places.values().map(|tasks| failures(tasks)).max();
        let last_failed = tasks.iter().filter(|t| failed(t)).filter(new);
        let last_failed = last_failed.max_by_key(|task| age(task)).copied();
        let stuck = newest().find(|task| !runs(task) && !error_of(task).is_empty());
        let error = last_failed.or(stuck).map(|task| self.told(task, hosts));
        let error = error.or_else(|| self.error.take());
        self.error = error.clone();

        let mut seen: Vec<String> = newest()
            .map(|task| format!("{:?} {:?} {:?}", task.id, state(task), desired(task)))
            .collect();
        seen.push(format!("{:?}", update(service).and_then(|u| u.state)));
        let since = match &self.last {
            Some((before, since)) if *before == seen => *since,
            _ => now,
        };
        self.last = Some((seen, since));
        let quiet = now.saturating_sub(since);

        let all = running == wanted && (wanted > 0 || is_empty_on_purpose(service));
        let mut phase = match update_phase(service, self.goal) {
            // Docker goes on with an update of a global service while one of its hosts is gone, maybe for ever.
            Some(Phase::Updating) if all && quiet >= self.patience.stuck + pauses(service) => {
                Phase::Converged
            }
            Some(phase) => phase,
            None if all => self.watching(now, service),
            None => Phase::Starting,
        };
        if !all {
            self.steady_since = None;
        }
        let reason = error.as_ref().map(words);
        if !phase.is_final() && phase != Phase::RollingBack && phase != Phase::Watching {
            let often = most.unwrap_or_default() >= self.patience.failures;
            // A container may take long to start: it is pulled, or its health is being found out.
            let starts = |task: &Task| matches!(state(task), State::PREPARING | State::STARTING);
            let still = quiet >= self.patience.stuck && !all && !newest().any(starts);
            // With a policy for it, docker itself ends an update whose tasks fail.
            let dockers = phase == Phase::Updating && !still;
            if let Some(reason) = reason.filter(|_| (often || still) && !dockers) {
                phase = Phase::Failed(reason);
            } else if still && wanted == 0 && tasks.is_empty() {
                // A global service on whose constraints no host fits: nothing is to run.
                phase = Phase::Converged;
            }
        }
        // Docker's account names a task by its id only.
        if let Phase::Paused(told) | Phase::RolledBack(told) = &mut phase
            && let Some(error) = &error
        {
            *told = format!("{} ({told})", words(error));
        }
        if !phase.is_final() && now >= self.patience.deadline {
            phase = Phase::Late;
        }
        let ended = phase.is_final();
        let state = ServiceState {
            name: self.name.clone(),
            running,
            wanted,
            phase,
            waiting,
            error,
        };
        match ended {
            true => self.end(state),
            false => state,
        }
    }

    fn end(&mut self, state: ServiceState) -> ServiceState {
        self.ended = Some(state.clone());
        state
    }

    fn watching(&mut self, now: Duration, service: &Service) -> Phase {
        let completed = update(service).and_then(|status| status.state);
        let steady = self.patience.steady.unwrap_or_else(|| monitor(service));
        let since = *self.steady_since.get_or_insert(now);
        // Docker has watched them already.
        let watched = completed == Some(Update::COMPLETED);
        match watched || now.saturating_sub(since) >= steady {
            true => Phase::Converged,
            false => Phase::Watching,
        }
    }

    fn told(&self, task: &Task, hosts: &BTreeMap<String, String>) -> TaskState {
        let host = task.node_id.as_ref().and_then(|id| hosts.get(id)).cloned();
        let slot = task.slot.filter(|slot| *slot > 0);
        let error = error_of(task);
        TaskState {
            task: match slot {
                Some(slot) => format!("{}.{slot}", self.name),
                None => self.name.clone(),
            },
            host,
            state: state(task).to_string(),
            error: (!error.is_empty()).then_some(error),
        }
    }
}

/// How long docker watches a task that it updated.
fn monitor(service: &Service) -> Duration {
    let spec = service.spec.as_ref();
    let config = spec.and_then(|spec| spec.update_config.as_ref());
    let monitor = config.and_then(|config| u64::try_from(config.monitor?).ok());
    let monitor = monitor.filter(|nanos| *nanos > 0).map(Duration::from_nanos);
    monitor.unwrap_or(MONITOR)
}

/// How long nothing may be seen to happen between two steps of an update.
fn pauses(service: &Service) -> Duration {
    let spec = service.spec.as_ref();
    let config = spec.and_then(|spec| spec.update_config.as_ref());
    let delay = config.and_then(|config| u64::try_from(config.delay?).ok());
    Duration::from_nanos(delay.unwrap_or_default()) + monitor(service)
}

/// Tasks by slot, or by host of a global service; the newest last.
fn places<'a>(tasks: &[&'a Task]) -> BTreeMap<String, Vec<&'a Task>> {
    let mut places: BTreeMap<String, Vec<&Task>> = BTreeMap::new();
    for &task in tasks {
        let place = match task.slot {
            Some(slot) if slot > 0 => slot.to_string(),
            _ => task.node_id.clone().unwrap_or_default(),
        };
        places.entry(place).or_default().push(task);
    }
    for tasks in places.values_mut() {
        // The one that is to run is the newest, whatever the clocks say.
        tasks.sort_by_key(|task| (desired(task) <= State::RUNNING, age(task)));
    }
    places
}

fn wanted(service: &Service, places: &BTreeMap<String, Vec<&Task>>) -> u64 {
    let mode = service.spec.as_ref().and_then(|spec| spec.mode.as_ref());
    let replicas = match mode {
        Some(mode) if mode.replicated.is_some() => {
            let replicated = mode.replicated.as_ref();
            Some(replicated.and_then(|r| r.replicas).unwrap_or(1))
        }
        Some(mode) if mode.global.is_some() || mode.global_job.is_some() => None,
        Some(mode) => mode
            .replicated_job
            .as_ref()
            .map(|job| job.total_completions.or(job.max_concurrent).unwrap_or(1)),
        None => Some(1),
    };
    match replicas {
        Some(replicas) => u64::try_from(replicas).unwrap_or_default(),
        None => {
            let places = places.values().filter_map(|tasks| tasks.last());
            places
                .filter(|task| desired(task) <= State::COMPLETE)
                .count() as u64
        }
    }
}

fn is_empty_on_purpose(service: &Service) -> bool {
    let mode = service.spec.as_ref().and_then(|spec| spec.mode.as_ref());
    let replicated = mode.and_then(|mode| mode.replicated.as_ref());
    replicated.is_some_and(|replicated| replicated.replicas == Some(0))
}

/// Whether a task that ended without error has done what it was for.
fn ends_well(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    let mode = spec.and_then(|spec| spec.mode.as_ref());
    let job = mode.is_some_and(|m| m.replicated_job.is_some() || m.global_job.is_some());
    let restart = spec.and_then(|spec| spec.task_template.as_ref()?.restart_policy.as_ref());
    let condition = restart.and_then(|restart| restart.condition);
    job || matches!(condition, Some(Condition::NONE | Condition::ON_FAILURE))
}

fn update(service: &Service) -> Option<&ServiceUpdateStatus> {
    service.update_status.as_ref()
}

/// What docker's own account of an update says, unless tasks have to tell.
fn update_phase(service: &Service, goal: Goal) -> Option<Phase> {
    let status = update(service)?;
    let message = || status.message.clone().unwrap_or_default();
    match (status.state?, goal) {
        (Update::UPDATING, _) => Some(Phase::Updating),
        (Update::ROLLBACK_STARTED, _) => Some(Phase::RollingBack),
        (Update::ROLLBACK_COMPLETED, Goal::Rollout) => Some(Phase::RolledBack(message())),
        (Update::ROLLBACK_COMPLETED, Goal::Rollback | Goal::Return) => None,
        (Update::PAUSED | Update::ROLLBACK_PAUSED, _) => Some(Phase::Paused(message())),
        (Update::COMPLETED | Update::EMPTY, _) => None,
    }
}

fn state(task: &Task) -> State {
    let status = task.status.as_ref();
    status.and_then(|status| status.state).unwrap_or(State::NEW)
}

fn desired(task: &Task) -> State {
    task.desired_state.unwrap_or(State::RUNNING)
}

fn age(task: &Task) -> &str {
    task.created_at.as_deref().unwrap_or_default()
}

fn error_of(task: &Task) -> String {
    let status = task.status.as_ref();
    status
        .and_then(|status| status.err.clone())
        .unwrap_or_default()
}

/// `web.2 on h2: No such image: …`.
fn words(task: &TaskState) -> String {
    let place = match &task.host {
        Some(host) => format!("{} on {host}", task.task),
        None => task.task.clone(),
    };
    let error = task.error.as_deref().unwrap_or(&task.state);
    format!("{place}: {error}")
}

#[cfg(test)]
mod tests;
