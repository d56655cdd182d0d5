use super::*;
use crate::from_site;
use hive_site::service::model::{self, Services};

fn site() -> Services {
    from_site::tests::full()
}

fn desired(services: &Services) -> Desired {
    from_site::desired(services, &from_site::tests::contents()).unwrap()
}

fn planned(desired: &Desired, actual: &Actual, request: &Request) -> Plan {
    plan(desired, actual, &Images::default(), request).unwrap()
}

fn all_but_volumes() -> Request {
    let mut request = Request::everything();
    request.kinds.remove(&Kind::Volume);
    request
}

/// The swarm after a first run.
fn deployed(desired: &Desired) -> Actual {
    let mut actual = Actual::default();
    let first = planned(desired, &actual, &all_but_volumes());
    daemon::apply(&first, desired, &mut actual);
    actual
}

fn change(path: &str, old: &str, new: &str) -> Change {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Change {
        path: path.into(),
        old: some(old),
        new: some(new),
    }
}

#[test]
fn what_was_deployed_is_unchanged() {
    let desired = desired(&site());
    let first = planned(&desired, &Actual::default(), &all_but_volumes());
    let words: Vec<_> = first
        .steps
        .iter()
        .map(|s| (s.kind, s.action.word()))
        .collect();
    let expected = [Kind::Network, Kind::Secret, Kind::Config, Kind::Service];
    assert_eq!(words, expected.map(|kind| (kind, "create")));
    let second = planned(&desired, &deployed(&desired), &all_but_volumes());
    assert!(second.is_empty(), "{second:#?}");
    assert_eq!(second.counts(), BTreeMap::from([("unchanged", 4)]));
    assert_eq!(second.leftovers, []);
}

#[test]
fn drift_and_changes_show_attribute_by_attribute() {
    let mut site = site();
    let mut actual = deployed(&desired(&site));
    let found = actual.services.get_mut("web").unwrap();
    let task = found.spec.task_template.as_mut().unwrap();
    let container = task.container_spec.as_mut().unwrap();
    container.env.as_mut().unwrap().push("DEBUG=1".into());
    container.user = None;
    site.services.get_mut("web").unwrap().mode = model::Mode::Replicated(Some(5));
    let plan = planned(&desired(&site), &actual, &Request::services());
    let Action::Update { changes, force } = &plan.steps[2].action else {
        panic!("{plan:#?}");
    };
    assert_eq!(
        *changes,
        [
            change("environment.DEBUG", "1", ""),
            change("replicas", "2", "5"),
            change("user", "", "0:0"),
        ]
    );
    assert_eq!(*force, None);
    assert_eq!(plan.touched_services(), ["web"]);
}

#[test]
fn another_health_check_is_seen_although_docker_does_not_give_it_back() {
    let mut site = site();
    let actual = deployed(&desired(&site));
    let web = site.services.get_mut("web").unwrap();
    web.healthcheck.as_mut().unwrap().retries = Some(9);
    let plan = planned(&desired(&site), &actual, &Request::services());
    let Action::Update { changes, .. } = &plan.steps[2].action else {
        panic!("{plan:#?}");
    };
    assert_eq!(*changes, [change("healthcheck.retries", "5", "9")]);
    site.services.get_mut("web").unwrap().healthcheck = None;
    let plan = planned(&desired(&site), &actual, &Request::services());
    let Action::Update { changes, .. } = &plan.steps[2].action else {
        panic!("{plan:#?}");
    };
    assert_eq!(changes.len(), 5);
    assert!(changes.iter().all(|c| c.new.is_none()), "{changes:#?}");
}

#[test]
fn replicas_of_minus_one_leave_the_number_alone() {
    let mut site = site();
    site.services.get_mut("web").unwrap().mode = model::Mode::Replicated(None);
    let desired = desired(&site);
    let mut actual = deployed(&desired);
    let found = actual.services.get_mut("web").unwrap();
    let mode = found.spec.mode.as_mut().unwrap();
    mode.replicated.as_mut().unwrap().replicas = Some(7);
    assert!(planned(&desired, &actual, &Request::services()).is_empty());
    // An update for another reason keeps it, too.
    found_env(&mut actual, "X=1");
    let plan = planned(&desired, &actual, &Request::services());
    let spec = plan.steps[2].target.spec.clone().unwrap();
    assert_eq!(spec.mode.unwrap().replicated.unwrap().replicas, Some(7));
}

fn found_env(actual: &mut Actual, variable: &str) {
    let found = actual.services.get_mut("web").unwrap();
    let task = found.spec.task_template.as_mut().unwrap();
    let container = task.container_spec.as_mut().unwrap();
    container.env.as_mut().unwrap().push(variable.into());
}

#[test]
fn a_new_content_has_a_new_name_and_the_last_one_stays_for_a_rollback() {
    let site = site();
    let mut contents = from_site::tests::contents();
    let mut actual = deployed(&desired(&site));
    let mut names = Vec::new();
    for content in ["second", "third"] {
        let bytes = content.as_bytes().to_vec();
        contents.secrets.insert("password".into(), bytes);
        let desired = from_site::desired(&site, &contents).unwrap();
        let plan = planned(&desired, &actual, &Request::services());
        let text = serde_json::to_string(&plan).unwrap() + &format!("{plan:?}");
        assert!(!text.contains(content), "{text}");
        names.push(desired.secrets[0].name.clone());
        daemon::apply(&plan, &desired, &mut actual);
        let again = planned(&desired, &actual, &Request::services());
        assert!(again.is_empty(), "{again:#?}");
    }
    let there: Vec<&String> = actual.secrets.keys().collect();
    names.sort();
    assert_eq!(there, names.iter().collect::<Vec<_>>());
}

#[test]
fn a_network_in_use_that_differs_blocks_and_tells_the_way_out() {
    let mut site = site();
    let mut actual = deployed(&desired(&site));
    let network = site.networks.get_mut("hive_default_network").unwrap();
    network.driver_opts.insert("encrypted".into(), "".into());
    let desired = desired(&site);
    let plan = planned(&desired, &actual, &Request::networks());
    let Action::Blocked {
        changes,
        why,
        way_out,
    } = &plan.steps[0].action
    else {
        panic!("{plan:#?}");
    };
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].path, "driver_opts.encrypted");
    assert_eq!(
        why,
        "docker can't change a network, and it is in use by web"
    );
    assert!(
        way_out.contains("hive deploy-services -D -l web"),
        "{way_out}"
    );
    // Nothing uses it any more.
    actual.services.clear();
    let plan = planned(&desired, &actual, &Request::networks());
    assert_eq!(plan.steps[0].action.word(), "recreate");
}

#[test]
fn only_what_we_made_is_removed_and_only_on_request() {
    let mut site = site();
    let mut actual = deployed(&desired(&site));
    let mut stranger = actual.services["web"].clone();
    stranger.spec.labels = None;
    stranger.spec.endpoint_spec = None;
    actual.services.insert("stranger".into(), stranger.clone());
    site.services.clear();
    let empty = desired(&site);
    let kept = planned(&empty, &actual, &Request::services());
    assert!(kept.is_empty(), "{kept:#?}");
    let left = Leftover {
        kind: Kind::Service,
        name: "web".into(),
    };
    assert_eq!(kept.leftovers, [left]);
    let named = |request: &Request| -> Vec<(String, &'static str)> {
        let plan = planned(&empty, &actual, request);
        let services = plan.steps.iter().filter(|s| s.kind == Kind::Service);
        services
            .map(|s| (s.name.clone(), s.action.word()))
            .collect()
    };
    let web = [("web".to_owned(), "remove")];
    assert_eq!(named(&Request::services().removing()), web);
    assert_eq!(named(&Request::services().pruning()), web);
    assert_eq!(
        named(&Request::services().removing().only(["web".into()])),
        web
    );
    let request = Request::services().removing().only(["stranger".into()]);
    let error = plan(&empty, &actual, &Images::default(), &request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no service \"stranger\"; none is defined on this stage"
    );
}

#[test]
fn a_service_that_cannot_become_what_is_wanted_blocks() {
    let mut site = site();
    let actual = deployed(&desired(&site));
    let why = |site: &Services, actual: &Actual| -> String {
        let plan = planned(&desired(site), actual, &Request::services());
        let blocked = plan.blocked().next().map(|step| step.action.clone());
        match blocked {
            Some(Action::Blocked { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    };
    site.services.get_mut("web").unwrap().mode = model::Mode::Global;
    assert_eq!(
        why(&site, &actual),
        "docker can't make a global service of a replicated one"
    );
    let mut bare = actual.clone();
    bare.networks.clear();
    bare.network_names.clear();
    assert_eq!(
        why(&site, &bare),
        "its network \"hive_default_network\" is not there"
    );
    let mut taken = actual.clone();
    let mut other = taken.services.remove("web").unwrap();
    other.spec.labels = None;
    taken.services.insert("other".into(), other);
    assert_eq!(
        why(&site, &taken),
        "port 8053/udp is published by service \"other\" already"
    );
}

#[test]
fn a_port_is_given_up_before_it_is_taken() {
    let mut site = site();
    let mut first = site.services["web"].clone();
    first.name = "api".into();
    first.ports.clear();
    site.services.insert("api".into(), first);
    let actual = deployed(&desired(&site));
    let ports = std::mem::take(&mut site.services.get_mut("web").unwrap().ports);
    site.services.get_mut("api").unwrap().ports = ports;
    let plan = planned(&desired(&site), &actual, &Request::services());
    assert_eq!(plan.touched_services(), ["web", "api"]);
}

#[test]
fn a_plan_comes_back_from_json() {
    let desired = desired(&site());
    let plan = planned(&desired, &Actual::default(), &Request::everything());
    let text = serde_json::to_string(&plan).unwrap();
    let back: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert!(text.contains(r#""action":"create","changes":[{"path":"attachable","old":null"#));
}

#[test]
fn volumes_are_planned_per_host_and_never_thrown_away() {
    let desired = desired(&site());
    let mut actual = Actual::default();
    let other = bollard::models::Volume {
        name: "data".into(),
        driver: "nfs".into(),
        ..Default::default()
    };
    let volumes = BTreeMap::from([("data".to_owned(), other)]);
    actual.volumes.insert("h1".into(), volumes);
    actual.volumes.insert("h2".into(), BTreeMap::new());
    let plan = planned(&desired, &actual, &Request::volumes());
    let steps = plan.steps.iter();
    let steps: Vec<_> = steps
        .map(|s| (s.host.as_deref().unwrap(), s.action.word()))
        .collect();
    assert_eq!(steps, [("h1", "blocked"), ("h2", "create")]);
}

/// A host that was lost in the middle of an update makes docker stop with it.
#[test]
fn an_update_that_docker_stopped_with_goes_on() {
    let desired = desired(&site());
    let mut actual = deployed(&desired);
    let plan = planned(&desired, &actual, &Request::everything());
    assert!(plan.touched_services().is_empty());
    actual.services.get_mut("web").unwrap().paused = true;
    let plan = planned(&desired, &actual, &Request::everything());
    assert_eq!(plan.touched_services(), ["web"]);
    let step = plan.steps.iter().find(|s| s.name == "web").unwrap();
    assert!(
        matches!(&step.action, Action::Update { changes, force: None } if changes[0].path == "update")
    );
}
