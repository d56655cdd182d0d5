//! Records of volumes in the Raft of a real Docker Engine, which runs in namespaces of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code)] // Other tests with engines use the rest.
#[path = "engines/space.rs"]
mod space;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use hive_appliance::swarm::{Engine, Written};
use hive_volumes::{Birth, Identity, State};
use space::{Space, missing};
use tokio::time::sleep;

const ENGINE: &str = r#"
ip link set lo up && ip address add 10.77.0.1/24 dev lo
mount -t tmpfs none /run
exec dockerd --data-root "$1/data" --exec-root "$1/exec" -H "unix://$1/docker.sock" --pidfile "$1/pid" \
    --storage-driver vfs --iptables=false --ip6tables=false --bridge=none >"$1/log" 2>&1
"#;

fn start(folder: &Path) -> Space {
    let folder = folder.to_str().unwrap();
    let engine = ["sh", "-c", ENGINE, "engine", folder];
    Space::start(&["-m", "-n", "-p", "--mount-proc"], &engine)
}

fn documents() -> (Identity, State) {
    let identity = include_str!("../../volumes/tests/golden/record-1.json");
    let state = include_str!("../../volumes/tests/golden/state-1.json");
    (
        serde_json::from_str(identity).unwrap(),
        serde_json::from_str(state).unwrap(),
    )
}

#[tokio::test]
async fn changes_are_a_compare_and_swap() {
    if let Some(why) = missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _engine = start(folder.path());
    let socket = folder.path().join("docker.sock");
    let path = socket.display().to_string();
    for _ in 0..300 {
        if let Ok(docker) = Docker::connect_with_unix(&path, 60, API_DEFAULT_VERSION)
            && docker.ping().await.is_ok()
        {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let own = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
    let engine = Engine::new(socket, Default::default(), own, &[]);
    let refused = engine.volume_records().await.unwrap_err();
    assert!(
        refused.contains("reading the records of volumes"),
        "{refused}"
    );
    engine.act(&hive_membership::Action::Init).await.unwrap();
    assert!(engine.volume_records().await.unwrap().volumes.is_empty());

    let (identity, state) = documents();
    let create = || engine.create_volume(&identity, &state);
    assert_eq!(create().await.unwrap(), Written::Done);
    assert_eq!(create().await.unwrap(), Written::Overtaken);
    let first = engine.volume_records().await.unwrap().volumes["db"].clone();
    assert_eq!((&first.identity, &first.state), (&identity, &state));

    // The same again is a change of its own, so what was read before is old.
    assert_eq!(
        engine.change_volume(&first, &state).await.unwrap(),
        Written::Done
    );
    let later = first.state.changed(|next| next.birth = Birth::Minted);
    let late = engine.change_volume(&first, &later).await.unwrap();
    assert_eq!(late, Written::Overtaken);
    let second = engine.volume_records().await.unwrap().volumes["db"].clone();
    assert_eq!(second.state, state);
    assert!(second.version > first.version);
    assert_eq!(
        engine.change_volume(&second, &later).await.unwrap(),
        Written::Done
    );
    let third = engine.volume_records().await.unwrap().volumes["db"].clone();
    assert_eq!((&third.identity, &third.state), (&identity, &later));

    // One that is gone is gone, and a late change or removal does not touch its successor.
    engine.forget_volume(&third).await.unwrap();
    engine.forget_volume(&third).await.unwrap();
    assert_eq!(create().await.unwrap(), Written::Done);
    let late = engine.change_volume(&third, &later).await.unwrap();
    assert_eq!(late, Written::Overtaken);
    engine.forget_volume(&third).await.unwrap();
    assert_eq!(engine.volume_records().await.unwrap().volumes.len(), 1);
}
