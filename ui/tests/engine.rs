//! The watcher with a real Docker Engine in namespaces of its own.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bollard::{API_DEFAULT_VERSION, Docker};
use hive_ui::snapshot::{Link, Phase, State};
use hive_ui::watch::Board;
use tokio::sync::watch::Receiver;
use tokio::time::{Duration, sleep, timeout};

/// The engine's network has nothing but a loopback interface.
const ENGINE: &str = r#"
ip link set lo up
exec dockerd --data-root "$1/data" --exec-root "$1/exec" -H "unix://$1/docker.sock" --pidfile "$1/pid" \
    --storage-driver vfs --iptables=false --ip6tables=false --bridge=none >"$1/log" 2>&1
"#;

struct Engine {
    child: Child,
    folder: tempfile::TempDir,
}

impl Engine {
    fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let spaces = ["-m", "-n", "-u", "-p", "-f", "--mount-proc"];
        let possible = Command::new("unshare")
            .args(spaces)
            .args(["sh", "-c", "command -v dockerd"])
            .output();
        match possible {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                return Err(format!(
                    "no dockerd in namespaces: {}",
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
            Err(e) => return Err(format!("unshare: {e}")),
        }
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--kill-child=KILL"])
            .args(spaces)
            .args(["sh", "-c", ENGINE, "engine"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .map_err(|e| format!("setpriv: {e}"))?;
        Ok(Self { child, folder })
    }

    fn socket(&self) -> String {
        self.folder.path().join("docker.sock").display().to_string()
    }

    fn docker(&self, words: &str) {
        let host = format!("unix://{}", self.socket());
        let output = Command::new("docker")
            .args(["-H", &host])
            .args(words.split(' '))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{words}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn power_off(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.power_off();
    }
}

/// Waits until the page would show this.
async fn until(states: &mut Receiver<State>, what: &str, so: impl FnMut(&State) -> bool) {
    let found = timeout(Duration::from_secs(120), states.wait_for(so))
        .await
        .is_ok();
    assert!(found, "never {what}: {:#?}", states.borrow());
}

fn titles(state: &State) -> Vec<String> {
    let problems = state
        .snapshot
        .iter()
        .flat_map(|snapshot| &snapshot.problems);
    problems
        .flat_map(|problem| problem.reasons.iter().chain([&problem.title]).cloned())
        .collect()
}

fn tells(state: &State, words: &str) -> bool {
    titles(state).iter().any(|title| title.contains(words))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_engines_swarm_is_followed_through_failures_until_it_is_gone() {
    let mut engine = match Engine::start() {
        Ok(engine) => engine,
        Err(why) => {
            println!("SKIPPED: the watcher with a real engine: {why}");
            return;
        }
    };
    let socket = engine.socket();
    while !Path::new(&socket).exists() {
        assert!(
            engine.child.try_wait().unwrap().is_none(),
            "the engine has ended"
        );
        sleep(Duration::from_millis(50)).await;
    }
    let docker = Docker::connect_with_unix(&socket, 30, API_DEFAULT_VERSION).unwrap();
    let board = Arc::new(Board::default());
    let mut states = board.subscribe();
    tokio::spawn(hive_ui::watch(Arc::new(docker), board.clone()));
    until(&mut states, "outside of a swarm", |state| {
        matches!(&state.link, Link::Broken { title, .. } if title.contains("is in no swarm"))
    })
    .await;

    engine.docker("swarm init --advertise-addr 127.0.0.1");
    until(&mut states, "live", |state| state.link == Link::Live).await;
    let snapshot = states.borrow().snapshot.clone().unwrap();
    assert_eq!((snapshot.hosts.len(), snapshot.swarm.managers), (1, 1));
    assert!(snapshot.hosts[0].leader && snapshot.hosts[0].engine.is_some());

    engine.docker("service create -d --name nowhere --constraint node.labels.gpu==true --env PASSWORD=S3CRET absent:1");
    until(&mut states, "unplaceable", |state| {
        tells(state, "1 host does not meet node.labels.gpu==true")
    })
    .await;
    engine.docker("service create -d --name lacking --restart-delay 1s absent:1");
    until(&mut states, "without image", |state| {
        tells(state, "lacking: 0 of 1 running") && tells(state, "does not have the image absent:1")
    })
    .await;
    let state = states.borrow().clone();
    assert!(!serde_json::to_string(&state).unwrap().contains("S3CRET"));
    let tasks = &state.snapshot.unwrap().tasks;
    assert!(
        tasks
            .iter()
            .any(|task| task.service == "nowhere" && task.phase == Phase::Waiting)
    );

    engine.docker("service rm nowhere lacking");
    until(&mut states, "empty", |state| {
        state
            .snapshot
            .as_ref()
            .is_some_and(|snapshot| snapshot.services.is_empty() && snapshot.problems.is_empty())
    })
    .await;
    engine.power_off();
    until(&mut states, "broken", |state| matches!(&state.link, Link::Broken { title, .. } if title.contains("No connection"))).await;
    // What was seen last is kept.
    assert_eq!(states.borrow().snapshot.as_ref().unwrap().hosts.len(), 1);
}
