//! The driver with a host in memory, asked over its socket as docker does.

mod bench;
mod ending;
mod patience;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hive_volumes::PartKind;
use hive_volumes::driver::Step;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use super::protocol::serve_driver;
use super::{Driver, Times};
use crate::volumes::sample;
use bench::Bench;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);
/// Nothing runs out of time; what nobody waits for is done at once.
const WELL: Times = Times {
    comes: LONG,
    mount: LONG,
    goes: LONG,
    unmount: LONG,
    keep: Duration::ZERO,
    later: Duration::from_millis(20),
};

/// Docker, as far as it speaks to a driver.
struct Docker(
    PathBuf,
    #[allow(dead_code, reason = "goes last")] tempfile::TempDir,
);

impl Docker {
    fn with(bench: &Arc<Bench>, times: Times) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("plugins/drbd.sock");
        serve_driver(&socket, Driver::new(Arc::clone(bench), times)).unwrap();
        Self(socket, dir)
    }

    async fn asks(&self, what: &str, body: Value) -> (StatusCode, Value) {
        let stream = UnixStream::connect(&self.0).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post(format!("/{what}")).header("Host", "plugin");
        let request = request
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&text).unwrap_or_default())
    }

    async fn volume(&self, what: &str, name: &str, id: &str) -> Value {
        let body = json!({"Name": name, "ID": id});
        let (status, answer) = self.asks(&format!("VolumeDriver.{what}"), body).await;
        assert_eq!(status, StatusCode::OK);
        answer
    }
}

fn error(answer: &Value) -> &str {
    answer["Err"].as_str().unwrap()
}

#[tokio::test]
async fn a_volume_comes_with_its_first_container_and_goes_with_its_last() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let docker = Docker::with(&bench, WELL);
    let (_, activated) = docker.asks("Plugin.Activate", Value::Null).await;
    assert_eq!(activated["Implements"], json!(["VolumeDriver"]));
    assert_eq!(error(&docker.volume("Create", "db", "").await), "");
    let mounted = docker.volume("Mount", "db", "a").await;
    assert_eq!(mounted, json!({"Mountpoint": "/mounted/db", "Err": ""}));
    docker.volume("Mount", "db", "b").await;
    let steps = [Step::Promote, Step::Check, Step::Mount];
    assert_eq!(bench.story(), steps);
    assert!(error(&docker.volume("Remove", "db", "").await).contains("2 containers"));
    docker.volume("Unmount", "db", "a").await;
    assert_eq!(bench.story(), steps);
    // Its last container ends while no manager answers.
    *bench.raft.lock().unwrap() = false;
    assert_eq!(error(&docker.volume("Unmount", "db", "b").await), "");
    assert_eq!(bench.story()[3..], [Step::Unmount, Step::Demote]);
    assert_eq!(error(&docker.volume("Remove", "db", "").await), "");
}

#[tokio::test]
async fn what_can_t_be_used_here_is_refused_with_the_reason() {
    let mut other = sample::pair("other", 3);
    other.state.hosts.remove("h0");
    let mut going = sample::pair("going", 4);
    going.state.removal = Some(Default::default());
    let mut gone = sample::mesh("gone", 5);
    gone.state.hosts.get_mut("h0").unwrap().kind = PartKind::Gone;
    let bench = Bench::with(&[sample::pair("db", 2), other, going, gone]);
    let docker = Docker::with(&bench, WELL);
    let unknown = docker.volume("Create", "web", "").await;
    assert!(
        error(&unknown).contains("`hive build-volumes -l web`"),
        "{unknown}"
    );
    let elsewhere = docker.volume("Create", "other", "").await;
    assert!(error(&elsewhere).contains("on h1 only"), "{elsewhere}");
    let going = docker.volume("Create", "going", "").await;
    assert!(error(&going).contains("is being removed"), "{going}");
    let options = json!({"Name": "db", "Opts": {"size": "1G"}});
    let (_, options) = docker.asks("VolumeDriver.Create", options).await;
    assert!(error(&options).contains("db has size=1G"), "{options}");
    let listed = docker.volume("List", "", "").await;
    let names: Vec<&Value> = listed["Volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["Name"])
        .collect();
    assert_eq!(names, [&json!("db")]);
    assert_eq!(
        docker.volume("Get", "db", "").await["Volume"]["Mountpoint"],
        "/mounted/db"
    );
    assert!(error(&docker.volume("Get", "going", "").await).contains("knows no"));
    let path = docker.volume("Mount", "../db", "a").await;
    assert!(error(&path).contains("knows no"), "{path}");
    let (status, _) = docker
        .asks("VolumeDriver.Snapshot", json!({"Name": "db"}))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = docker.asks("VolumeDriver.Mount", json!([1])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
