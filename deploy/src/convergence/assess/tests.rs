use super::*;

fn service(mode: &str, update: &str) -> Service {
    let update = match update {
        "" => "null".to_owned(),
        state => format!(r#"{{"State":"{state}","Message":"because"}}"#),
    };
    let text =
        format!(r#"{{"ID":"s","Spec":{{"Name":"web","Mode":{mode}}},"UpdateStatus":{update}}}"#);
    serde_json::from_str(&text).unwrap()
}

const TWO: &str = r#"{"Replicated":{"Replicas":2}}"#;

fn task(slot: i64, number: u32, state: &str, desired: &str, error: &str) -> Task {
    let text = format!(
        r#"{{"ID":"t{slot}-{number}","CreatedAt":"2026-01-01T00:00:{number:02}Z","Slot":{slot},
        "NodeID":"n{slot}","DesiredState":"{desired}","Status":{{"State":"{state}","Err":"{error}"}}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

struct Story(Watch);

impl Story {
    fn new(goal: Goal) -> Self {
        Self(Watch::new("web", goal, Patience::default()))
    }

    fn at(&mut self, seconds: u64, service: &Service, tasks: &[Task]) -> ServiceState {
        let hosts = BTreeMap::from([("n1".into(), "h1".into()), ("n2".into(), "h2".into())]);
        let tasks: Vec<&Task> = tasks.iter().collect();
        self.0
            .look(Duration::from_secs(seconds), Some(service), &tasks, &hosts)
    }
}

#[test]
fn a_new_service_converges_when_its_tasks_have_run_for_a_while() {
    let mut story = Story::new(Goal::Rollout);
    let service = service(TWO, "");
    let start = [
        task(1, 1, "running", "running", ""),
        task(2, 1, "preparing", "running", ""),
    ];
    let state = story.at(0, &service, &start);
    assert_eq!(
        (state.running, state.wanted, state.phase),
        (1, 2, Phase::Starting)
    );
    assert_eq!(state.waiting[0].task, "web.2");
    assert_eq!(state.waiting[0].host.as_deref(), Some("h2"));
    let all = [
        task(1, 1, "running", "running", ""),
        task(2, 1, "running", "running", ""),
    ];
    assert_eq!(story.at(3, &service, &all).phase, Phase::Watching);
    assert_eq!(story.at(7, &service, &all).phase, Phase::Watching);
    assert_eq!(story.at(8, &service, &all).phase, Phase::Converged);
    // What happens later is not this run's matter.
    assert_eq!(story.at(9, &service, &start).phase, Phase::Converged);
}

#[test]
fn a_task_that_fails_again_and_again_ends_it_with_its_own_words() {
    let mut story = Story::new(Goal::Rollout);
    let service = service(TWO, "");
    let words = "No such image: shop:9";
    let mut tasks = vec![task(1, 1, "running", "running", "")];
    for number in 1..=3 {
        tasks.push(task(2, number, "rejected", "shutdown", words));
        let state = story.at(number.into(), &service, &tasks);
        let failed = Phase::Failed(format!("web.2 on h2: {words}"));
        let expected = if number == 3 { failed } else { Phase::Starting };
        assert_eq!(state.phase, expected);
        assert_eq!(state.error.unwrap().error.as_deref(), Some(words));
    }
}

#[test]
fn a_task_without_a_place_is_given_up_after_a_while() {
    let mut story = Story::new(Goal::Rollout);
    let service = service(r#"{"Replicated":{"Replicas":1}}"#, "");
    let words = "no suitable node (scheduling constraints not satisfied on 1 node)";
    let mut tasks = [task(1, 1, "pending", "running", words)];
    tasks[0].node_id = None;
    assert_eq!(story.at(0, &service, &tasks).phase, Phase::Starting);
    assert_eq!(story.at(19, &service, &tasks).phase, Phase::Starting);
    let phase = story.at(20, &service, &tasks).phase;
    assert_eq!(phase, Phase::Failed(format!("web.1: {words}")));
}

#[test]
fn a_slow_pull_is_waited_for_until_the_deadline() {
    let mut story = Story::new(Goal::Rollout);
    let service = service(r#"{"Replicated":{"Replicas":1}}"#, "");
    let tasks = [task(1, 1, "preparing", "running", "")];
    assert_eq!(story.at(0, &service, &tasks).phase, Phase::Starting);
    assert_eq!(story.at(599, &service, &tasks).phase, Phase::Starting);
    assert_eq!(story.at(600, &service, &tasks).phase, Phase::Late);
}

#[test]
fn dockers_account_of_an_update_is_followed() {
    let all = [
        task(1, 1, "running", "running", ""),
        task(2, 1, "running", "running", ""),
    ];
    let mut story = Story::new(Goal::Rollout);
    assert_eq!(
        story.at(0, &service(TWO, "updating"), &all).phase,
        Phase::Updating
    );
    // Docker has watched the tasks itself.
    assert_eq!(
        story.at(1, &service(TWO, "completed"), &all).phase,
        Phase::Converged
    );
    for (update, phase) in [
        ("paused", Phase::Paused("because".into())),
        ("rollback_started", Phase::RollingBack),
        ("rollback_completed", Phase::RolledBack("because".into())),
        ("rollback_paused", Phase::Paused("because".into())),
    ] {
        let mut story = Story::new(Goal::Rollout);
        assert_eq!(story.at(0, &service(TWO, update), &all).phase, phase);
    }
    // The task's error is told although docker has forgotten it.
    let mut story = Story::new(Goal::Rollout);
    let failing = [task(1, 1, "rejected", "shutdown", "No such image: shop:9")];
    story.at(0, &service(TWO, ""), &failing);
    let phase = story.at(1, &service(TWO, "rollback_completed"), &all).phase;
    let told = "web.1 on h1: No such image: shop:9 (because)".to_owned();
    assert_eq!(phase, Phase::RolledBack(told));
    let mut story = Story::new(Goal::Rollback);
    let done = service(TWO, "rollback_completed");
    assert_eq!(story.at(0, &done, &all).phase, Phase::Watching);
    assert_eq!(story.at(5, &done, &all).phase, Phase::Converged);
}

#[test]
fn a_global_service_wants_what_docker_places() {
    let service = service(r#"{"Global":{}}"#, "");
    let mut story = Story::new(Goal::Rollout);
    let mut tasks = [
        task(1, 1, "running", "running", ""),
        task(2, 1, "starting", "running", ""),
    ];
    for task in &mut tasks {
        task.slot = None;
    }
    let state = story.at(0, &service, &tasks);
    assert_eq!((state.running, state.wanted), (1, 2));
    assert_eq!(state.waiting[0].task, "web");
    // No host fits.
    let mut story = Story::new(Goal::Rollout);
    assert_eq!(story.at(0, &service, &[]).phase, Phase::Starting);
    assert_eq!(story.at(20, &service, &[]).phase, Phase::Converged);
}

#[test]
fn a_task_that_is_done_counts_where_it_is_not_started_again() {
    let mut service = service(r#"{"Replicated":{"Replicas":1}}"#, "");
    let done = [task(1, 1, "complete", "shutdown", "")];
    assert_eq!(Story::new(Goal::Rollout).at(0, &service, &done).running, 0);
    let spec = service.spec.as_mut().unwrap();
    spec.task_template = serde_json::from_str(r#"{"RestartPolicy":{"Condition":"none"}}"#).unwrap();
    assert_eq!(Story::new(Goal::Rollout).at(0, &service, &done).running, 1);
}

/// A host came back after a power cut: docker calls what ran there failed with 255, and starts it anew.
#[test]
fn a_container_that_takes_long_to_start_is_not_failed_because_one_failed_before() {
    let lost = |number| task(1, number, "failed", "shutdown", "task: non-zero exit (255)");
    let service = service(r#"{"Replicated":{"Replicas":1}}"#, "");
    let starts = [lost(1), task(1, 2, "starting", "running", "")];
    let mut story = Story::new(Goal::Rollout);
    assert_eq!(story.at(0, &service, &starts).phase, Phase::Starting);
    assert_eq!(story.at(60, &service, &starts).phase, Phase::Starting);
    // What failed often before, when nobody changed anything, may run now.
    let often = [
        lost(1),
        lost(2),
        lost(3),
        task(1, 4, "running", "running", ""),
    ];
    let mut story = Story::new(Goal::Return);
    assert_eq!(story.at(0, &service, &often[..3]).phase, Phase::Starting);
    assert_eq!(story.at(1, &service, &often).phase, Phase::Watching);
    assert_eq!(story.at(6, &service, &often).phase, Phase::Converged);
}

/// One host of a global service lost its power in the middle of an update.
#[test]
fn an_update_that_docker_never_ends_is_over_when_all_that_can_run_does() {
    let running = service(r#"{"Global":{}}"#, "updating");
    let mut tasks = [
        task(1, 1, "running", "running", ""),
        task(2, 1, "running", "running", ""),
    ];
    for task in &mut tasks {
        task.slot = None;
    }
    let mut story = Story::new(Goal::Rollout);
    assert_eq!(story.at(0, &running, &tasks).phase, Phase::Updating);
    assert_eq!(story.at(24, &running, &tasks).phase, Phase::Updating);
    assert_eq!(story.at(25, &running, &tasks).phase, Phase::Converged);
    // The pause between two hosts is not the end.
    let mut slow = running;
    let spec = slow.spec.as_mut().unwrap();
    spec.update_config = serde_json::from_str(r#"{"Delay":60000000000}"#).unwrap();
    let mut story = Story::new(Goal::Rollout);
    assert_eq!(story.at(0, &slow, &tasks).phase, Phase::Updating);
    assert_eq!(story.at(84, &slow, &tasks).phase, Phase::Updating);
}
