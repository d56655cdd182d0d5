//! A site's services on a real engine: deployed, unchanged, drifted, repaired, failed, rolled back.

// As in every test; clippy sees helpers of integration tests as ordinary code.
#![allow(clippy::unwrap_used)]

mod engine;
mod site;

use std::collections::BTreeMap;
use std::time::Instant;

use bollard::Docker;
use engine::Engine;
use hive_deploy::actual::Actual;
use hive_deploy::apply::{self, Cause, Ended, Inputs, Outcome, Stopped};
use hive_deploy::convergence::{self, Goal, Patience, Phase, ServiceState};
use hive_deploy::desired::Desired;
use hive_deploy::from_site::{self, Contents};
use hive_deploy::images;
use hive_deploy::managers::{OnlyThis, Swarm};
use hive_deploy::plan::{self, Action, Change, Images, Kind, Plan, Request};
use hive_deploy::rollback::rollback;
use hive_site::service::model::{Mode, Services};

/// An operator with a connection.
struct Operator {
    docker: Docker,
    swarm: Swarm<OnlyThis>,
    hosts: BTreeMap<String, Docker>,
}

impl Operator {
    fn new(engine: &Engine) -> Self {
        let docker = engine.connect();
        Self {
            swarm: Swarm::new(docker.clone(), OnlyThis(docker.clone())),
            hosts: BTreeMap::from([("h1".to_owned(), docker.clone())]),
            docker,
        }
    }

    async fn plan(&self, desired: &Desired, request: &Request) -> (Plan, Images) {
        let images = images::survey(&self.hosts, &desired.services)
            .await
            .unwrap();
        let mut actual = Actual::read(&self.docker).await.unwrap();
        actual.read_volumes(&self.hosts).await.unwrap();
        let plan = plan::plan(desired, &actual, &images, request).unwrap();
        (plan, images)
    }

    async fn apply(
        &mut self,
        desired: &Desired,
        request: &Request,
        plan: &Plan,
        images: &Images,
    ) -> Result<Vec<Ended>, Stopped> {
        let inputs = Inputs {
            desired,
            images,
            request,
            credentials: &BTreeMap::new(),
            hosts: &self.hosts,
        };
        apply::apply(&mut self.swarm, plan, &inputs, &mut |_| {}).await
    }

    /// Plans, carries it out, waits for what was touched.
    async fn deploy(&mut self, desired: &Desired, request: &Request) -> (Plan, Vec<ServiceState>) {
        let (plan, images) = self.plan(desired, request).await;
        let ended = self.apply(desired, request, &plan, &images).await;
        let ended = ended.map_err(|stopped| stopped.cause).unwrap();
        let outcomes = ended.iter().map(|ended| &ended.outcome);
        let unexpected: Vec<_> = outcomes
            .filter(|o| !matches!(o, Outcome::Done { .. }))
            .collect();
        assert!(unexpected.is_empty(), "{unexpected:?}");
        let states = self.wait(&plan.touched_services(), Goal::Rollout).await;
        (plan, states)
    }

    async fn wait(&mut self, services: &[String], goal: Goal) -> Vec<ServiceState> {
        let patience = Patience {
            stuck: std::time::Duration::from_secs(8),
            ..Patience::default()
        };
        let swarm = &mut self.swarm;
        let services: Vec<_> = services.iter().map(|name| (name.clone(), goal)).collect();
        let states = convergence::wait(swarm, &services, &patience, &mut |_| {}).await;
        states.unwrap()
    }
}

fn contents() -> Contents {
    let [secrets, configs] = site::secrets_and_configs();
    Contents {
        key: b"key".to_vec(),
        secrets,
        configs,
    }
}

fn desired(site: &Services, contents: &Contents) -> Desired {
    from_site::desired(site, contents).unwrap()
}

fn all_converged(states: &[ServiceState]) {
    for state in states {
        assert_eq!(state.phase, Phase::Converged, "{states:#?}");
    }
}

fn changes_of<'a>(plan: &'a Plan, service: &str) -> &'a [Change] {
    let mut steps = plan.steps.iter();
    let step = steps.find(|step| step.kind == Kind::Service && step.name == service);
    match &step.unwrap().action {
        Action::Update { changes, .. } => changes,
        other => panic!("{other:?}"),
    }
}

fn unchanged(plan: &Plan) {
    let changed = plan
        .steps
        .iter()
        .filter(|step| step.action != Action::Unchanged);
    let changed: Vec<_> = changed.map(|step| (&step.name, &step.action)).collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

#[tokio::test]
async fn a_site_is_deployed_and_kept_as_its_files_say() {
    if let Some(why) = engine::missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    engine.load("tiny", "1");
    let mut operator = Operator::new(&engine);
    let mut site = site::five_services();
    let mut contents = contents();
    let everything = Request::everything();
    let services = Request::services();

    // A first time, and a second.
    let wanted = desired(&site, &contents);
    let (plan, states) = operator.deploy(&wanted, &everything).await;
    assert_eq!(plan.counts()["create"], 1 + 1 + 1 + 1 + 5, "{plan:#?}");
    all_converged(&states);
    let (again, _) = operator.plan(&wanted, &everything).await;
    unchanged(&again);
    assert_eq!(again.counts()["unchanged"], 9);
    eprintln!("deployed, then unchanged: {:?}", again.counts());

    let check = "{{.Spec.TaskTemplate.ContainerSpec.Healthcheck.Interval}}";
    let check = engine.docker_says(&["service", "inspect", "--format", check, "web"]);
    assert_eq!(check, "2s");

    // Drift by hand.
    engine.docker_says(&[
        "service",
        "update",
        "--detach",
        "--env-add",
        "DEBUG=1",
        "--label-add",
        "by=hand",
        "api",
    ]);
    let (plan, states) = operator.deploy(&wanted, &services).await;
    let drift: Vec<&str> = changes_of(&plan, "api")
        .iter()
        .map(|c| c.path.as_str())
        .collect();
    assert_eq!(drift, ["environment.DEBUG", "labels.by"]);
    all_converged(&states);
    unchanged(&operator.plan(&wanted, &everything).await.0);

    // Scaled by hand: kept where the files leave the number open.
    engine.docker_says(&["service", "scale", "--detach", "api=2", "many=1"]);
    let (plan, states) = operator.deploy(&wanted, &services).await;
    assert_eq!(plan.touched_services(), ["many"]);
    all_converged(&states);

    // The same tag, another image, no registry.
    engine.load("tiny", "2");
    let (plan, states) = operator
        .deploy(&wanted, &services.clone().only(["api".into()]))
        .await;
    let api = plan.steps.iter().find(|step| step.name == "api").unwrap();
    assert!(
        matches!(&api.action, Action::Update { changes, force: Some(_) } if changes.is_empty()),
        "{plan:#?}"
    );
    all_converged(&states);
    unchanged(
        &operator
            .plan(&wanted, &services.clone().only(["api".into()]))
            .await
            .0,
    );

    // A pull without registry keeps what is there, and tells where there is nothing.
    let references = ["tiny".to_owned(), "127.0.0.1:9/absent:1".to_owned()].into();
    let pulls = images::pull(&operator.hosts, &references, &BTreeMap::new(), &|_| {}).await;
    assert!(
        matches!(pulls[0].state, images::PullState::Failed { .. }),
        "{pulls:?}"
    );
    assert!(
        matches!(pulls[1].state, images::PullState::Kept { .. }),
        "{pulls:?}"
    );

    // No place for a task, and no image for another.
    let (plan, _) = operator.deploy(&wanted, &services).await;
    assert!(plan.counts().contains_key("update"));
    let mut failing = site.clone();
    let api = failing.services.get_mut("api").unwrap();
    api.placement.constraints = vec!["node.labels.nowhere == true".into()];
    let one = services.clone().only(["api".into()]);
    let (_, states) = operator.deploy(&desired(&failing, &contents), &one).await;
    let Phase::Failed(words) = &states[0].phase else {
        panic!("{states:#?}");
    };
    assert!(
        words.contains("no suitable node (scheduling constraints"),
        "{words}"
    );
    eprintln!("{words}");
    rollback(&mut operator.swarm, "api").await.unwrap();
    all_converged(&operator.wait(&["api".into()], Goal::Rollback).await);
    unchanged(&operator.plan(&wanted, &services).await.0);
    let mut failing = site.clone();
    let api = failing.services.get_mut("api").unwrap();
    api.image = hive_site::service::model::Image::Reference("127.0.0.1:9/absent:1".into());
    let (_, states) = operator.deploy(&desired(&failing, &contents), &one).await;
    let Phase::Paused(words) = &states[0].phase else {
        panic!("{states:#?}");
    };
    assert!(
        words.contains("on h1: No such image: 127.0.0.1:9/absent:1"),
        "{words}"
    );
    eprintln!("{words}");
    let (_, states) = operator.deploy(&wanted, &one).await;
    all_converged(&states);

    // A secret's new content has a new name; two contents later the first is gone.
    let secrets = |engine: &Engine| engine.docker_says(&["secret", "ls", "-q"]).lines().count();
    for (content, count) in [("second", 2), ("third", 2)] {
        let bytes = content.as_bytes().to_vec();
        contents.secrets.insert("password".into(), bytes);
        let rotated = desired(&site, &contents);
        let (_, states) = operator.deploy(&rotated, &services).await;
        all_converged(&states);
        assert_eq!(secrets(&engine), count);
        unchanged(&operator.plan(&rotated, &services).await.0);
    }

    // Somebody else writes between plan and apply: the same plan is still carried out...
    site.services
        .get_mut("api")
        .unwrap()
        .environment
        .insert("A".into(), "new".into());
    let wanted = desired(&site, &contents);
    let (plan, images) = operator.plan(&wanted, &services).await;
    engine.docker_says(&["service", "update", "--detach", "--force", "api"]);
    let ended = operator
        .apply(&wanted, &services, &plan, &images)
        .await
        .unwrap();
    assert!(
        matches!(ended[0].outcome, Outcome::Done { .. }),
        "{ended:?}"
    );
    // ... another one is not ...
    site.services
        .get_mut("api")
        .unwrap()
        .environment
        .insert("A".into(), "newer".into());
    let wanted = desired(&site, &contents);
    let (plan, images) = operator.plan(&wanted, &services).await;
    engine.docker_says(&[
        "service",
        "update",
        "--detach",
        "--env-add",
        "B=else",
        "api",
    ]);
    let stopped = operator
        .apply(&wanted, &services, &plan, &images)
        .await
        .unwrap_err();
    assert!(matches!(stopped.cause, Cause::Conflict { .. }), "{stopped}");
    eprintln!("{stopped}");
    // ... and what is done already is not done again.
    let (plan, images) = operator.plan(&wanted, &services).await;
    let mut other = Operator::new(&engine);
    other
        .apply(&wanted, &services, &plan, &images)
        .await
        .unwrap();
    let ended = operator
        .apply(&wanted, &services, &plan, &images)
        .await
        .unwrap();
    assert_eq!(ended[0].outcome, Outcome::FoundDone);

    // All goes, and nothing else.
    engine.docker_says(&[
        "service", "create", "--detach", "--name", "stranger", "tiny", "sleep", "9",
    ]);
    let removal = everything.clone().removing();
    operator.deploy(&wanted, &removal).await;
    assert_eq!(
        engine.docker_says(&["service", "ls", "--format", "{{.Name}}"]),
        "stranger"
    );
    assert_eq!(secrets(&engine), 0);
    assert_eq!(engine.docker_says(&["config", "ls", "-q"]), "");
    unchanged(&operator.plan(&wanted, &removal).await.0);
}

#[tokio::test]
async fn fifty_services_are_planned_with_a_handful_of_requests() {
    if let Some(why) = engine::missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    let mut operator = Operator::new(&engine);
    let mut site = site::five_services();
    let mut sample = site.services["api"].clone();
    sample.mode = Mode::Replicated(Some(0));
    site.services.clear();
    for number in 1..=50 {
        sample.name = format!("service-{number:02}");
        site.services.insert(sample.name.clone(), sample.clone());
    }
    let wanted = desired(&site, &contents());
    let (plan, states) = operator.deploy(&wanted, &Request::everything()).await;
    assert_eq!(plan.touched_services().len(), 50);
    all_converged(&states);
    let start = Instant::now();
    let (plan, _) = operator.plan(&wanted, &Request::services()).await;
    eprintln!("50 services planned in {} ms", start.elapsed().as_millis());
    unchanged(&plan);
    let services = plan.steps.iter().filter(|step| step.kind == Kind::Service);
    assert_eq!(services.count(), 50);
}
