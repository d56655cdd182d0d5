//! Tasks: where each is, what it does, and which of them count now.

use std::cmp::Reverse;
use std::collections::HashMap;

use bollard::models::{Task as Told, TaskState};

use super::host::filled;
use super::task_failure::{Circumstances, explain};
use super::{Phase, Service, Task, instant, service};

/// All tasks of these services: by service, slot, then newest first.
pub(super) fn all(told: &[Told], services: &[Service], hosts: &HashMap<&str, &str>) -> Vec<Task> {
    let by_id: HashMap<&str, &Service> = services
        .iter()
        .map(|service| (service.id.as_str(), service))
        .collect();
    let mut tasks: Vec<Task> = told
        .iter()
        .filter_map(|task| {
            let service = by_id.get(task.service_id.as_deref()?)?;
            Some(of(task, service, hosts))
        })
        .collect();
    tasks.sort_by_cached_key(|task| {
        (
            task.service.clone(),
            task.slot,
            // Tasks of global services have no number: their host is their place.
            task.slot.is_none().then(|| task.host.clone()),
            Reverse(task.created_at),
            task.id.clone(),
        )
    });
    ended_by_themselves(&mut tasks, &by_id);
    tasks
}

fn of(told: &Told, service: &Service, hosts: &HashMap<&str, &str>) -> Task {
    let status = told.status.clone().unwrap_or_default();
    let state = status.state.unwrap_or(TaskState::NEW);
    let desired = told.desired_state.unwrap_or(TaskState::RUNNING);
    let host_id = filled(told.node_id.clone());
    let host = host_id.as_deref().map(|id| {
        // A host that was removed from the swarm is still named by its id.
        let short = || id.chars().take(12).collect();
        hosts.get(id).map_or_else(short, |name| (*name).to_owned())
    });
    let reference = told
        .spec
        .as_ref()
        .and_then(|spec| spec.container_spec.as_ref()?.image.as_deref());
    let (image, _) = service::image(reference.unwrap_or(&service.image));
    let phase = phase(state);
    let ended = matches!(phase, Phase::Complete | Phase::Failed | Phase::Stopped);
    let exit_code = status
        .container_status
        .and_then(|container| container.exit_code)
        .filter(|_| ended);
    let said = filled(status.err).or_else(|| match phase {
        Phase::Failed | Phase::Lost => filled(status.message),
        _ => None,
    });
    let circumstances = Circumstances {
        service,
        image: &image,
        host: host.as_deref(),
    };
    let failure = match phase {
        Phase::Failed | Phase::Lost | Phase::Waiting | Phase::Starting => {
            said.map(|said| explain(&said, &circumstances))
        }
        // What was told to stop may end as it likes.
        Phase::Running | Phase::Complete | Phase::Stopped => None,
    };
    Task {
        id: told.id.clone().unwrap_or_default(),
        service_id: service.id.clone(),
        service: service.name.clone(),
        slot: told.slot.filter(|slot| *slot > 0),
        host_id,
        host,
        phase,
        state: state.to_string(),
        desired: desired.to_string(),
        since: status.timestamp.as_deref().and_then(instant::parse),
        created_at: told.created_at.as_deref().and_then(instant::parse),
        image,
        exit_code,
        ports: service::ports(status.port_status.and_then(|status| status.ports)),
        current: !matches!(
            desired,
            TaskState::SHUTDOWN | TaskState::REMOVE | TaskState::ORPHANED
        ),
        failure,
    }
}

/// What a state means to a person.
fn phase(state: TaskState) -> Phase {
    match state {
        TaskState::NEW | TaskState::ALLOCATED | TaskState::PENDING => Phase::Waiting,
        TaskState::ASSIGNED
        | TaskState::ACCEPTED
        | TaskState::PREPARING
        | TaskState::READY
        | TaskState::STARTING => Phase::Starting,
        TaskState::RUNNING => Phase::Running,
        TaskState::COMPLETE => Phase::Complete,
        TaskState::SHUTDOWN | TaskState::REMOVE => Phase::Stopped,
        TaskState::FAILED | TaskState::REJECTED => Phase::Failed,
        TaskState::ORPHANED => Phase::Lost,
    }
}

/// A task that ended and is not started again is told as one that should be shut down. It counts all the same: it is
/// the answer to why nothing runs. Not so where tasks are always started again: there it is one of a slot
/// that was scaled away.
fn ended_by_themselves(tasks: &mut [Task], services: &HashMap<&str, &Service>) {
    let mut from = 0;
    while from < tasks.len() {
        let place = |task: &Task| {
            let host = task.slot.is_none().then(|| task.host_id.clone());
            (task.service_id.clone(), task.slot, host)
        };
        let here = place(&tasks[from]);
        let length = tasks[from..]
            .iter()
            .take_while(|task| place(task) == here)
            .count();
        let group = &mut tasks[from..from + length];
        from += length;
        let ends = services
            .get(here.0.as_str())
            .is_some_and(|service| service.restart != "any" || service.most_restarts.is_some());
        if ends
            && group.iter().all(|task| !task.current)
            && matches!(group[0].phase, Phase::Complete | Phase::Failed)
        {
            group[0].current = true;
        }
    }
}
