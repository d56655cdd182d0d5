//! Services that run less than they should, restart again and again, or whose update went wrong.

use super::{MINUTE, add, counted, listed, problem};
use crate::snapshot::{About, Failure, Mode, Phase, Problem, Service, Severity, Snapshot, Task};

/// How long tasks may take to start before it is worth a word.
const PATIENCE: i64 = 2 * MINUTE;
/// Within this time, so many failures mean that it will not get better by itself.
const RECENT: i64 = 15 * MINUTE;
const AGAIN_AND_AGAIN: usize = 3;

pub(super) fn of(snapshot: &Snapshot) -> Vec<Problem> {
    let mut problems = Vec::new();
    for service in &snapshot.services {
        let tasks: Vec<&Task> = snapshot
            .tasks
            .iter()
            .filter(|task| task.service_id == service.id)
            .collect();
        problems.extend(short(service, &tasks, snapshot.taken_at));
        problems.extend(update(service));
    }
    problems
}

/// Too few run, or they do not stay.
fn short(service: &Service, tasks: &[&Task], now: i64) -> Option<Problem> {
    let job = matches!(service.mode, Mode::ReplicatedJob | Mode::GlobalJob);
    let done = if job { service.completed } else { 0 };
    let missing = service.wanted.saturating_sub(service.running + done);
    let recent: Vec<&&Task> = tasks
        .iter()
        .filter(|task| task.phase == Phase::Failed && task.failure.is_some())
        .filter(|task| task.since.is_some_and(|since| now - since < RECENT))
        .collect();
    if missing == 0 {
        return (recent.len() >= AGAIN_AND_AGAIN).then(|| restarts(service, &recent));
    }
    let causes = causes(tasks);
    let finished: Vec<&&Task> = tasks
        .iter()
        .filter(|task| task.current && task.phase == Phase::Complete)
        .collect();
    let running = format!("{} of {} running", service.running, service.wanted);
    let mut problem = problem(
        Severity::Error,
        About::Service(service.name.clone()),
        format!("{}: {running}", service.name),
    );
    problem.since = since(tasks);
    if !causes.is_empty() {
        if service.running > 0 {
            problem.severity = Severity::Warning;
        }
        for (failure, times, hosts) in causes {
            problem.reasons.push(reason(failure, times, &hosts));
            add(&mut problem.next, &failure.next);
            add(&mut problem.said, &failure.said);
        }
        return Some(problem);
    }
    if !finished.is_empty() && !job {
        problem.severity = Severity::Notice;
        problem.reasons.push(format!(
            "{} ended well and its restart condition ({}) starts it no more.",
            counted(finished.len(), "task"),
            service.restart
        ));
        problem.next.push(format!(
            "If it should go on, set restart_config to any; to run it once more: `hive deploy-services -l {}` after a change.",
            service.name
        ));
        return Some(problem);
    }
    starting(service, tasks, now, problem)
}

/// Nothing has failed: tasks are on their way.
fn starting(service: &Service, tasks: &[&Task], now: i64, mut problem: Problem) -> Option<Problem> {
    let way: Vec<&&Task> = tasks
        .iter()
        .filter(|task| task.current)
        .filter(|task| matches!(task.phase, Phase::Starting | Phase::Waiting))
        .collect();
    let oldest = way.iter().filter_map(|task| task.created_at).min();
    problem.since = oldest.or(service.updated_at);
    let late = problem.since.is_some_and(|since| now - since > PATIENCE);
    problem.severity = match (late, way.is_empty()) {
        (true, true) => Severity::Error,
        (true, false) => Severity::Warning,
        (false, _) => Severity::Notice,
    };
    let mut doing: Vec<&str> = way.iter().map(|task| doing(service, task)).collect();
    doing.sort_unstable();
    doing.dedup();
    match doing.as_slice() {
        [] => {
            problem
                .reasons
                .push("The swarm has made no task for it yet.".to_owned());
            problem.next.push(
                "If it stays: the managers may lack a majority; see `hive status`.".to_owned(),
            );
        }
        doing => {
            problem.reasons.push(format!(
                "{} on the way: {}.",
                counted(way.len(), "task"),
                listed(doing)
            ));
            if late {
                let hosts: Vec<&str> = way.iter().filter_map(|task| task.host.as_deref()).collect();
                problem.next.push(match hosts.first() {
                    Some(host) => format!(
                        "This takes long. See what the engine does: `hive ssh -t {host} -- journalctl -u docker`."
                    ),
                    None => "This takes long. Look at the hosts' availability.".to_owned(),
                });
            } else {
                problem.next.push("Wait a little.".to_owned());
            }
        }
    }
    Some(problem)
}

/// What a task on its way is at.
fn doing(service: &Service, task: &Task) -> &'static str {
    match task.state.as_str() {
        "new" | "allocated" => "waiting for addresses",
        "pending" => "waiting for a host",
        "preparing" => "pulling the image or waiting for a volume",
        "ready" => "waiting for its turn",
        "starting" if service.health_check => "waiting for the first good health check",
        _ => "starting",
    }
}

/// All run, but some have failed again and again.
fn restarts(service: &Service, recent: &[&&Task]) -> Problem {
    let mut problem = problem(
        Severity::Warning,
        About::Service(service.name.clone()),
        format!(
            "{} is restarted again and again: {} in {} minutes",
            service.name,
            counted(recent.len(), "failure"),
            RECENT / MINUTE
        ),
    );
    problem.since = recent.iter().filter_map(|task| task.since).min();
    let failed: Vec<&Task> = recent.iter().map(|task| **task).collect();
    for (failure, times, hosts) in grouped(&failed) {
        problem.reasons.push(reason(failure, times, &hosts));
        add(&mut problem.next, &failure.next);
        add(&mut problem.said, &failure.said);
    }
    problem
}

type Cause<'a> = (&'a Failure, usize, Vec<&'a str>);

/// Why tasks do not run: of each place without a running task, the newest failure.
fn causes<'a>(tasks: &[&'a Task]) -> Vec<Cause<'a>> {
    let failed: Vec<&'a Task> = empty_places(tasks)
        .iter()
        .filter_map(|group| group.iter().find(|task| task.failure.is_some()).copied())
        .collect();
    grouped(&failed)
}

/// Since when nothing runs at some place: the first of the failures that lead to now.
fn since(tasks: &[&Task]) -> Option<i64> {
    let begins = |group: &[&Task]| {
        let failures = group
            .iter()
            .skip_while(|task| task.phase != Phase::Failed)
            .take_while(|task| task.phase == Phase::Failed);
        let first = failures.filter_map(|task| task.since).min();
        first.or_else(|| group.first()?.created_at)
    };
    empty_places(tasks)
        .iter()
        .filter_map(|group| begins(group))
        .min()
}

/// The tasks of each place (slot or host) that should have a running one and has none, newest first.
fn empty_places<'a, 't>(tasks: &'t [&'a Task]) -> Vec<&'t [&'a Task]> {
    let place = |task: &Task| (task.slot, task.slot.is_none().then(|| task.host_id.clone()));
    let mut places = Vec::new();
    let mut rest = tasks;
    while let Some(first) = rest.first() {
        let here = place(first);
        let length = rest.iter().take_while(|task| place(task) == here).count();
        let (group, others) = rest.split_at(length);
        rest = others;
        let counts = group.iter().any(|task| task.current);
        let runs = group
            .iter()
            .any(|task| task.current && task.phase == Phase::Running);
        if counts && !runs {
            places.push(group);
        }
    }
    places
}

/// The same failure told once, with its number and hosts; the most frequent first.
fn grouped<'a>(failed: &[&'a Task]) -> Vec<Cause<'a>> {
    let mut causes: Vec<Cause<'a>> = Vec::new();
    for task in failed {
        let Some(failure) = &task.failure else {
            continue;
        };
        let host = task.host.as_deref();
        match causes
            .iter_mut()
            .find(|(known, _, _)| known.title == failure.title)
        {
            Some((_, times, hosts)) => {
                *times += 1;
                hosts.extend(host.filter(|host| !hosts.contains(host)));
            }
            None => causes.push((failure, 1, host.into_iter().collect())),
        }
    }
    causes.sort_by_key(|(_, times, _)| std::cmp::Reverse(*times));
    causes
}

fn reason(failure: &Failure, times: usize, hosts: &[&str]) -> String {
    match (times, hosts) {
        (1, _) => failure.detail.clone(),
        (_, [_, _, ..]) => format!(
            "{} ({times} tasks, on {})",
            failure.detail.trim_end_matches('.'),
            listed(hosts)
        ),
        _ => format!("{} ({times} tasks)", failure.detail.trim_end_matches('.')),
    }
}

/// An update that stopped or went back.
fn update(service: &Service) -> Option<Problem> {
    let update = service.update.as_ref()?;
    let name = &service.name;
    let (severity, title, next) = match update.state.as_str() {
        "paused" => (
            Severity::Error,
            format!("The update of {name} has stopped in the middle"),
            format!(
                "Correct the definition and run `hive deploy-services -l {name}`, or go back with `hive rollback {name}`."
            ),
        ),
        "rollback_paused" => (
            Severity::Error,
            format!("Going back to the earlier {name} has stopped in the middle"),
            format!(
                "The earlier definition fails too. Correct it and run `hive deploy-services -l {name}`."
            ),
        ),
        "rollback_completed" => (
            Severity::Warning,
            format!("{name} went back to its earlier definition"),
            format!(
                "The new one failed: see the tasks of {name} for the reason, correct it and deploy again."
            ),
        ),
        _ => return None,
    };
    let mut problem = problem(severity, About::Service(name.clone()), title);
    problem.next.push(next);
    problem.said.extend(update.message.clone());
    problem.since = update.completed_at.or(update.started_at);
    Some(problem)
}
