//! The same file by docker's own command and from here, on a real engine: the specifications agree.
//! Then it is deployed again, changed and removed.

// As in every test; clippy sees helpers of integration tests as ordinary code.
#![allow(clippy::unwrap_used)]

#[path = "../../deploy/tests/engine/mod.rs"]
mod engine;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::Engine;
use hive_compose::{SourceFile, Surroundings, map};
use hive_deploy::actual::Actual;
use hive_deploy::apply::{self, Inputs};
use hive_deploy::desired::{Desired, Owner};
use hive_deploy::managers::{OnlyThis, Swarm};
use hive_deploy::plan::{self, Action, Images, Plan, Request};
use serde_json::Value;

/// A folder without variables, as docker's command is started without them.
struct Folder(PathBuf);

impl Surroundings for Folder {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(self.0.join(path))
    }

    fn folder(&self) -> PathBuf {
        self.0.clone()
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}

fn desired(stack: &str, folder: &Path, text: &str) -> Desired {
    let files = [SourceFile {
        path: "compose.yml".into(),
        text: text.into(),
    }];
    let stack = map(stack, &files, &Folder(folder.to_owned()), b"key");
    stack
        .unwrap_or_else(|problems| panic!("{problems}"))
        .desired
}

async fn planned(engine: &Engine, desired: &Desired, request: &Request) -> Plan {
    let actual = Actual::read(&engine.connect()).await.unwrap();
    plan::plan(desired, &actual, &Images::default(), request).unwrap()
}

async fn deploy(engine: &Engine, desired: &Desired, request: &Request) -> Plan {
    let plan = planned(engine, desired, request).await;
    let inputs = Inputs {
        desired,
        images: &Images::default(),
        request,
        credentials: &BTreeMap::new(),
        hosts: &BTreeMap::new(),
    };
    let docker = engine.connect();
    let mut swarm = Swarm::new(docker.clone(), OnlyThis(docker));
    let done = apply::apply(&mut swarm, &plan, &inputs, &mut |_| {}).await;
    done.unwrap_or_else(|stopped| panic!("{}", stopped.cause));
    plan
}

/// What has to be done, by word: unchanged objects left out.
fn actions(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().filter(|s| s.action != Action::Unchanged);
    steps
        .map(|step| format!("{} {} {}", step.action.word(), step.kind, step.name))
        .collect()
}

/// The specifications of a stack's services, networks, secrets and configs, without what says nothing
/// and without the stack's name.
fn inspected(engine: &Engine, stack: &str) -> BTreeMap<String, Value> {
    let form = "{{.ID}} {{.Name}}";
    let listed = engine.docker_says(&["network", "ls", "--no-trunc", "--format", form]);
    let networks = listed.lines().filter_map(|line| line.split_once(' '));
    let networks: Vec<(&str, &str)> = networks.collect();
    let mut found = BTreeMap::new();
    for (kind, id) in ids(engine, stack) {
        let text = engine.docker_says(&[kind, "inspect", &id]);
        let text = networks
            .iter()
            .fold(text, |text, (id, name)| text.replace(id, name));
        let text = text.replace(stack, "STACK");
        let value: Value = serde_json::from_str(&text).unwrap();
        let value = match kind {
            "network" => network(&value[0]),
            _ => value[0]["Spec"].clone(),
        };
        let value = said(value);
        let name = plain(value["Name"].as_str().unwrap());
        found.insert(format!("{kind} {name}"), value);
    }
    found
}

/// What was asked for of a network; addresses that docker chose are not.
fn network(value: &Value) -> Value {
    let mut kept = serde_json::Map::new();
    for key in ["Name", "Driver", "Attachable", "Internal", "Labels"] {
        kept.insert(key.into(), value[key].clone());
    }
    let mut options = value["Options"].clone();
    if let Some(options) = options.as_object_mut() {
        options.remove("com.docker.network.driver.overlay.vxlanid_list");
    }
    kept.insert("Options".into(), options);
    if value["Name"] == "STACK_back" {
        kept.insert("Ipam".into(), value["IPAM"]["Config"].clone());
    }
    Value::Object(kept)
}

/// The name of a secret or config without the hash of its content.
fn plain(name: &str) -> String {
    match name.rsplit_once('-') {
        Some((before, hash)) if hash.len() == 8 && before.starts_with("STACK_") => before.into(),
        _ => name.into(),
    }
}

/// Without nothings, ids of secrets, and what hive notes for itself.
fn said(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(key, _)| {
                !["SecretID", "ConfigID", "hive.healthcheck", "hive.source"].contains(&key.as_str())
            });
            let kept = kept.map(|(key, value)| (key, said(value)));
            Value::Object(kept.filter(|(_, value)| !nothing(value)).collect())
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(said).collect();
            // Two grants of one secret come in any order.
            if list.iter().any(|entry| !entry["File"].is_null()) {
                list.sort_by_key(ToString::to_string);
            }
            Value::Array(list)
        }
        // Docker's command writes the tag that everybody adds in thought.
        Value::String(text) if text == "tiny:latest" => Value::String("tiny".into()),
        Value::String(text) => Value::String(plain(&text)),
        value => value,
    }
}

fn nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

/// Where two values differ, a line each.
fn differ(path: &str, ours: &Value, theirs: &Value, lines: &mut String) {
    match (ours, theirs) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let path = format!("{path}.{key}");
                differ(&path, &ours[key.as_str()], &theirs[key.as_str()], lines);
            }
        }
        _ if ours == theirs => {}
        _ => lines.push_str(&format!("{path}: {ours} here, {theirs} by docker\n")),
    }
}

/// Kinds and ids of what a stack has.
fn ids(engine: &Engine, stack: &str) -> Vec<(&'static str, String)> {
    let filter = format!("label=com.docker.stack.namespace={stack}");
    let mut found = Vec::new();
    for kind in ["service", "network", "secret", "config"] {
        let ids = engine.docker_says(&[kind, "ls", "-q", "--filter", &filter]);
        found.extend(ids.lines().map(|id| (kind, id.to_owned())));
    }
    found
}

fn gone(engine: &Engine, stack: &str) {
    let start = Instant::now();
    while !ids(engine, stack).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(90), "{stack} stays");
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[tokio::test]
async fn what_dockers_command_makes_of_a_file_is_what_comes_from_here() {
    if let Some(why) = engine::missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path());
    engine.load("tiny", "1");
    engine.docker_says(&["network", "create", "-d", "overlay", "outsiders"]);
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let secret = files.join("password.txt").display().to_string();
    engine.docker_says(&["secret", "create", "theirs-alone", &secret]);
    let path = files.join("compose.yml");
    let text = std::fs::read_to_string(&path).unwrap();

    let file = path.display().to_string();
    let command = [
        "stack",
        "deploy",
        "--resolve-image",
        "never",
        "-c",
        &file,
        "bydocker",
    ];
    engine.docker_says(&command);
    let theirs = inspected(&engine, "bydocker");

    // A stack of docker's command is taken over as it is.
    let adopted = desired("bydocker", &files, &text);
    let request = Request::everything();
    let plan = planned(&engine, &adopted, &request).await;
    let networks_stay = plan
        .steps
        .iter()
        .all(|step| step.kind != plan::Kind::Network || step.action == Action::Unchanged);
    assert!(networks_stay, "{plan:#?}");
    assert!(plan.blocked().next().is_none(), "{plan:#?}");
    engine.docker_says(&["stack", "rm", "bydocker"]);
    gone(&engine, "bydocker");

    let wanted = desired("byhive", &files, &text);
    let plan = deploy(&engine, &wanted, &request).await;
    assert_eq!(
        plan.counts()["create"],
        4 + 3 + 1 + 1,
        "{:?}",
        actions(&plan)
    );
    let ours = inspected(&engine, "byhive");
    let names = |found: &BTreeMap<String, Value>| found.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    let mut differences = String::new();
    for (name, theirs) in &theirs {
        differ(name, &ours[name], theirs, &mut differences);
    }
    assert_eq!(differences, "");

    // Again: nothing. Changed: only that.
    for _ in 0..3 {
        let plan = planned(&engine, &wanted, &request).await;
        assert!(plan.is_empty(), "{:#?}", actions(&plan));
    }
    let changed = text.replace("limits: {memory: 16m}", "limits: {memory: 24m}");
    let changed = desired("byhive", &files, &changed);
    let plan = deploy(&engine, &changed, &request).await;
    assert_eq!(actions(&plan), ["update service byhive_bare"]);

    // Another content has another name, and its service is updated.
    let rotated = text.replace("file: password.txt", "file: more.env");
    let rotated = desired("byhive", &files, &rotated);
    let plan = planned(&engine, &rotated, &request).await;
    let actions = actions(&plan);
    assert!(
        actions[0].starts_with("create secret byhive_password-"),
        "{actions:?}"
    );
    assert!(
        actions.contains(&"update service byhive_everything".to_owned()),
        "{actions:?}"
    );

    // A service that is gone from the file stays, until it is asked to go.
    let (before, after) = text.split_once("  bare:\n").unwrap();
    let (_, after) = after.split_once("networks:\n  front:").unwrap();
    let fewer = desired(
        "byhive",
        &files,
        &format!("{before}networks:\n  front:{after}"),
    );
    let plan = planned(&engine, &fewer, &request).await;
    assert!(
        plan.leftovers.iter().any(|left| left.name == "byhive_bare"),
        "{plan:#?}"
    );
    let plan = deploy(&engine, &fewer, &request.clone().pruning()).await;
    let removed = actions_of(&plan, "remove");
    assert!(
        removed.contains(&"service byhive_bare".to_owned()),
        "{removed:?}"
    );

    let nothing = Desired {
        owner: Owner::stack("byhive"),
        ..Desired::default()
    };
    deploy(&engine, &nothing, &Request::everything().removing()).await;
    assert_eq!(ids(&engine, "byhive"), []);
    engine.docker_says(&["network", "inspect", "outsiders"]);
    engine.docker_says(&["secret", "inspect", "theirs-alone"]);
}

fn actions_of(plan: &Plan, word: &str) -> Vec<String> {
    let steps = plan.steps.iter().filter(|step| step.action.word() == word);
    steps
        .map(|step| format!("{} {}", step.kind, step.name))
        .collect()
}
