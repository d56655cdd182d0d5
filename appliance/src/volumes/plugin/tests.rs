use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hive_volumes::driver::users::Users;
use hive_volumes::driver::{Next, Step};
use hive_volumes::{PartKind, Record};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::super::sample;
use super::hands::Hands;
use super::serve;

const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

/// A host that refuses steps in the wrong order.
#[derive(Default)]
struct Bench {
    known: Mutex<BTreeMap<String, Record>>,
    raft: Mutex<bool>,
    /// Another host has the volume in use.
    elsewhere: Mutex<bool>,
    state: Mutex<State>,
    users: Mutex<BTreeMap<String, Users>>,
    held: Arc<tokio::sync::Mutex<()>>,
    done: Mutex<Vec<Step>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct State {
    primary: bool,
    mounted: bool,
}

impl Bench {
    fn with(records: &[Record]) -> Arc<Self> {
        let known = records
            .iter()
            .map(|r| (r.identity.name.as_str().to_owned(), r.clone()));
        Arc::new(Self {
            known: Mutex::new(known.collect()),
            raft: Mutex::new(true),
            ..Self::default()
        })
    }

    fn count(&self) -> usize {
        let users = self.users.lock().unwrap();
        users.get("db").map_or(0, Users::count)
    }
}

impl Hands for Bench {
    type Held = tokio::sync::OwnedMutexGuard<()>;

    fn me(&self) -> &str {
        "h0"
    }

    async fn record(&self, name: &str) -> Result<Option<Record>, String> {
        match *self.raft.lock().unwrap() {
            true => Ok(self.known.lock().unwrap().get(name).cloned()),
            false => Err("no manager answers".into()),
        }
    }

    fn known(&self) -> Vec<Record> {
        self.known.lock().unwrap().values().cloned().collect()
    }

    async fn lock(&self, _: &str) -> Self::Held {
        Arc::clone(&self.held).lock_owned().await
    }

    async fn to_mount(&self, _: &Record, checked: bool) -> Result<Next, String> {
        assert!(self.count() > 0, "the upkeep would take it for idle");
        if *self.elsewhere.lock().unwrap() {
            return Ok(Next::Wait("it is in use on h1".into()));
        }
        let state = *self.state.lock().unwrap();
        Ok(match (state.primary, checked, state.mounted) {
            (_, _, true) => Next::Done,
            (false, ..) => Next::Do(Step::Promote),
            (true, false, _) => Next::Do(Step::Check),
            (true, true, _) => Next::Do(Step::Mount),
        })
    }

    async fn to_unmount(&self, _: &Record) -> Result<Next, String> {
        let state = *self.state.lock().unwrap();
        Ok(match (self.count(), state.mounted, state.primary) {
            (0, true, _) => Next::Do(Step::Unmount),
            (0, false, true) => Next::Do(Step::Demote),
            _ => Next::Done,
        })
    }

    async fn carry_out(&self, _: &Record, step: Step) -> Result<(), String> {
        let mut state = self.state.lock().unwrap();
        let before = *state;
        let (primary, mounted) = (before.primary, before.mounted);
        let fits = match step {
            Step::Promote => !primary,
            Step::Check | Step::Mount => primary && !mounted,
            Step::Unmount => mounted,
            Step::Demote => primary && !mounted,
        };
        assert!(fits, "{step:?} at {before:?}");
        match step {
            Step::Promote => state.primary = true,
            Step::Check => {}
            Step::Mount => state.mounted = true,
            Step::Unmount => state.mounted = false,
            Step::Demote => state.primary = false,
        }
        self.done.lock().unwrap().push(step);
        Ok(())
    }

    fn users(&self, name: &str) -> Result<Users, String> {
        let users = self.users.lock().unwrap();
        Ok(users.get(name).cloned().unwrap_or_else(Users::none))
    }

    fn set_users(&self, name: &str, users: &Users) -> Result<(), String> {
        let mut all = self.users.lock().unwrap();
        all.insert(name.to_owned(), users.clone());
        Ok(())
    }

    fn folder(&self, record: &Record) -> PathBuf {
        Path::new("/mounted").join(record.identity.name.as_str())
    }

    fn look_again(&self, _: &str) {}
}

/// Docker, as far as it speaks to a driver.
struct Docker(
    PathBuf,
    #[allow(dead_code, reason = "goes last")] tempfile::TempDir,
);

impl Docker {
    fn with(bench: &Arc<Bench>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("plugins/drbd.sock");
        serve(&socket, Arc::clone(bench)).unwrap();
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

/// Until so many containers count as users.
async fn counted(bench: &Bench, users: usize) {
    while bench.count() != users {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn error(answer: &Value) -> &str {
    answer["Err"].as_str().unwrap()
}

#[tokio::test]
async fn a_volume_comes_with_its_first_container_and_goes_with_its_last() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let docker = Docker::with(&bench);
    let (_, activated) = docker.asks("Plugin.Activate", Value::Null).await;
    assert_eq!(activated["Implements"], json!(["VolumeDriver"]));
    assert_eq!(error(&docker.volume("Create", "db", "").await), "");
    let mounted = docker.volume("Mount", "db", "a").await;
    assert_eq!(mounted, json!({"Mountpoint": "/mounted/db", "Err": ""}));
    docker.volume("Mount", "db", "b").await;
    let steps = [Step::Promote, Step::Check, Step::Mount];
    assert_eq!(*bench.done.lock().unwrap(), steps);
    assert!(error(&docker.volume("Remove", "db", "").await).contains("2 containers"));
    docker.volume("Unmount", "db", "a").await;
    assert_eq!(*bench.done.lock().unwrap(), steps);
    // Its last container ends while no manager answers.
    *bench.raft.lock().unwrap() = false;
    assert_eq!(error(&docker.volume("Unmount", "db", "b").await), "");
    assert_eq!(
        bench.done.lock().unwrap()[3..],
        [Step::Unmount, Step::Demote]
    );
    assert_eq!(error(&docker.volume("Remove", "db", "").await), "");
}

#[tokio::test]
async fn what_was_waited_for_is_the_error_and_no_user_is_left() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    *bench.elsewhere.lock().unwrap() = true;
    let hands = Arc::clone(&bench);
    let waited = super::using::mount(&hands, "db", "a", "1", SHORT).await;
    let why = waited.unwrap_err();
    assert_eq!(why, "it is in use on h1 (waited 1 s for it)");
    assert_eq!(bench.count(), 0);
    // It is let go there while this host waits.
    let released = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        *bench.elsewhere.lock().unwrap() = false;
    };
    let (mounted, ()) = tokio::join!(super::using::mount(&hands, "db", "a", "1", LONG), released);
    assert_eq!(mounted, Ok(PathBuf::from("/mounted/db")));
    assert_eq!(bench.count(), 1);
}

#[tokio::test]
async fn containers_of_an_earlier_daemon_are_forgotten_and_the_volume_let_go() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    super::using::mount(&bench, "db", "a", "1", LONG)
        .await
        .unwrap();
    super::using::forget_others(&bench, "1").await;
    assert!(bench.state.lock().unwrap().mounted);
    super::using::forget_others(&bench, "2").await;
    assert_eq!(*bench.state.lock().unwrap(), State::default());
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
    let docker = Docker::with(&bench);
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

#[tokio::test]
async fn a_mount_that_docker_gave_up_on_is_undone() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    *bench.elsewhere.lock().unwrap() = true;
    let docker = Docker::with(&bench);
    let mut stream = UnixStream::connect(&docker.0).await.unwrap();
    let body = json!({"Name": "db", "ID": "a"}).to_string();
    let head = "POST /VolumeDriver.Mount HTTP/1.1\r\nHost: plugin\r\nContent-Length";
    let request = format!("{head}: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::timeout(LONG, counted(&bench, 1))
        .await
        .unwrap();
    drop(stream);
    *bench.elsewhere.lock().unwrap() = false;
    tokio::time::timeout(LONG, counted(&bench, 0))
        .await
        .unwrap();
    let let_go = async {
        while *bench.state.lock().unwrap() != State::default() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, let_go).await.unwrap();
    assert_eq!(bench.done.lock().unwrap().len(), 5, "it was mounted before");
}

#[tokio::test]
async fn what_an_earlier_hived_was_about_is_forgotten_and_let_go() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let mut users = Users::none();
    users.mounts("a", "1");
    bench.set_users("db", &users).unwrap();
    *bench.state.lock().unwrap() = State {
        primary: true,
        mounted: true,
    };
    super::using::begin_anew(&bench).await;
    assert_eq!(bench.count(), 0);
    assert_eq!(*bench.state.lock().unwrap(), State::default());
}
