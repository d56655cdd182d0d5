//! Docker's volume plugin protocol, version 1: JSON over HTTP at a socket in `/run/docker/plugins`, with errors
//! in the field `Err` (Docker's documentation, "Docker volume plugins").

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use hive_volumes::{Record, VolumeName};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::hands::Hands;
use super::{Driver, TIMES, process, using};
use crate::unix_socket::{self, response};

/// Longest request, in bytes.
const LONGEST: usize = 64 << 10;
/// What docker's own plugins answer with.
const TYPE: HeaderValue = HeaderValue::from_static("application/vnd.docker.plugins.v1.2+json");

/// A request; docker leaves out what it has nothing to say of.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default, rename = "Name")]
    name: String,
    #[serde(default, rename = "ID")]
    id: String,
    #[serde(default, rename = "Opts")]
    options: Option<BTreeMap<String, String>>,
}

/// Serves docker at `socket`, in the background.
///
/// # Errors
/// The socket can't be made.
pub fn serve<H: Hands>(socket: &Path, hands: Arc<H>) -> io::Result<()> {
    serve_driver(socket, Driver::new(hands, TIMES))
}

pub(super) fn serve_driver<H: Hands>(socket: &Path, driver: Arc<Driver<H>>) -> io::Result<()> {
    driver.forget_unfinished();
    tokio::spawn(Arc::clone(&driver).sweep());
    unix_socket::serve(socket, move |request, who| {
        let driver = Arc::clone(&driver);
        let run = process::run_of(who);
        async move { answer(request, &driver, &run).await }
    })
}

async fn answer<H: Hands>(
    request: Request<Incoming>,
    driver: &Arc<Driver<H>>,
    daemon: &str,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let body = match Limited::new(request.into_body(), LONGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) => return response(StatusCode::BAD_REQUEST, e.to_string()),
    };
    let asked = match body.trim_ascii() {
        b"" => Ok(Asked::default()),
        // `null` is no question either.
        text => serde_json::from_slice(text).map(Option::unwrap_or_default),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(e) => return response(StatusCode::BAD_REQUEST, e.to_string()),
    };
    let named = !matches!(
        path.as_str(),
        "/Plugin.Activate" | "/VolumeDriver.Capabilities" | "/VolumeDriver.List"
    );
    let answered = match path.as_str() {
        // Such a volume there can't be, and the name would be a path.
        _ if named && VolumeName::new(&asked.name).is_err() => Err(using::unknown(&asked.name)),
        "/Plugin.Activate" => Ok(json!({"Implements": ["VolumeDriver"]})),
        "/VolumeDriver.Capabilities" => Ok(json!({"Capabilities": {"Scope": "local"}})),
        "/VolumeDriver.Create" => create(&driver.hands, &asked).await,
        "/VolumeDriver.Remove" => remove(&driver.hands, &asked.name),
        "/VolumeDriver.Mount" => mount(driver, asked, daemon).await,
        "/VolumeDriver.Unmount" => unmount(driver, asked).await,
        "/VolumeDriver.Get" => {
            found(driver, &asked.name).map(|record| json!({"Volume": told(&driver.hands, &record)}))
        }
        "/VolumeDriver.Path" => found(driver, &asked.name)
            .map(|record| json!({"Mountpoint": driver.hands.folder(&record)})),
        "/VolumeDriver.List" => Ok(list(&driver.hands)),
        _ => return response(StatusCode::NOT_FOUND, format!("{path} is nothing here")),
    };
    let mut answer = match answered {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => serde_json::Map::new(),
        Err(why) => serde_json::Map::from_iter([("Err".to_owned(), Value::String(why))]),
    };
    answer.entry("Err").or_insert_with(|| Value::from(""));
    let mut response = response(StatusCode::OK, Value::Object(answer).to_string());
    response.headers_mut().insert(CONTENT_TYPE, TYPE);
    response
}

async fn create<H: Hands>(hands: &Arc<H>, asked: &Asked) -> Result<Value, String> {
    let name = &asked.name;
    if let Some(option) = asked.options.iter().flatten().next() {
        return Err(format!(
            "a mirrored volume takes no options of docker's, and {name} has {}={}; its size and file system are in the inventory (`drbd:`)",
            option.0, option.1
        ));
    }
    let record = hands.record(name).await?;
    let record = record.ok_or_else(|| using::unknown(name))?;
    if record.state.removal.is_some() {
        return Err(format!("volume {name} is being removed"));
    }
    if record.state.part(hands.me()).is_none() {
        return Err(elsewhere(&record));
    }
    Ok(json!({}))
}

/// Goes on when docker has got its answer, or gives up, which ends this: a step that is broken off is nobody's.
async fn mount<H: Hands>(
    driver: &Arc<Driver<H>>,
    asked: Asked,
    daemon: &str,
) -> Result<Value, String> {
    let (name, daemon) = (asked.name.clone(), daemon.to_owned());
    let (waits, answer) = oneshot::channel();
    let mounting = Arc::clone(driver);
    tokio::spawn(async move {
        let (name, id) = (&asked.name, &asked.id);
        let mounted = mounting.mount(name, id, &daemon).await;
        let is_mounted = mounted.is_ok();
        if waits.send(mounted).is_err() && is_mounted {
            // The next try finds it mounted; after that nobody uses what nobody waits for.
            sleep(mounting.times.keep).await;
            if let Err(why) = mounting.unmount(name, id).await {
                eprintln!("hived: volume {name}: {why}");
            }
        }
    });
    let patience = driver.times.mount;
    let Ok(answer) = timeout(patience, answer).await else {
        let doing = driver.doing(&name);
        let seconds = patience.as_secs();
        return Err(format!(
            "volume {name} is not mounted after {seconds} s: {doing}; that goes on, and the next try goes on from there"
        ));
    };
    let mounted = answer.map_err(|e| e.to_string())??;
    Ok(json!({"Mountpoint": mounted}))
}

/// As [`mount`].
async fn unmount<H: Hands>(driver: &Arc<Driver<H>>, asked: Asked) -> Result<Value, String> {
    let (name, unmounting) = (asked.name.clone(), Arc::clone(driver));
    let gone = tokio::spawn(async move { unmounting.unmount(&asked.name, &asked.id).await });
    let patience = driver.times.unmount;
    let Ok(gone) = timeout(patience, gone).await else {
        let doing = driver.doing(&name);
        let seconds = patience.as_secs();
        return Err(format!(
            "volume {name} is not let go after {seconds} s: {doing}; that goes on by itself"
        ));
    };
    gone.map_err(|e| e.to_string())??;
    Ok(json!({}))
}

fn elsewhere(record: &Record) -> String {
    let hosts: Vec<&str> = record.state.present().map(|(host, _)| host).collect();
    format!(
        "volume {} can be used on {} only; constrain the service to them (`placement`)",
        record.identity.name,
        hosts.join(" and ")
    )
}

/// What a volume holds goes with its record, not with docker's volume on one host.
fn remove<H: Hands>(hands: &Arc<H>, name: &str) -> Result<Value, String> {
    match hands.users(name)?.count() {
        0 => Ok(json!({})),
        count => Err(format!("{count} containers of this host use volume {name}")),
    }
}

/// A volume that docker may have here. Asked for every name that docker does not know, so Raft is not.
fn found<H: Hands>(driver: &Arc<Driver<H>>, name: &str) -> Result<Record, String> {
    let record = driver.named(name);
    let record = record.filter(|record| is_here(&driver.hands, record));
    record.ok_or_else(|| using::unknown(name))
}

/// One that is being removed is gone for docker as soon as nobody uses it.
fn is_here<H: Hands>(hands: &Arc<H>, record: &Record) -> bool {
    let used = || hands.users(record.identity.name.as_str());
    record.state.part(hands.me()).is_some()
        && (record.state.removal.is_none() || used().is_ok_and(|users| users.count() > 0))
}

/// Without `Status`, which could tell more: hived's own client of docker's API reads no volume that has one.
fn told<H: Hands>(hands: &Arc<H>, record: &Record) -> Value {
    json!({"Name": record.identity.name, "Mountpoint": hands.folder(record)})
}

fn list<H: Hands>(hands: &Arc<H>) -> Value {
    let known = hands.known().into_iter();
    let here = known.filter(|record| is_here(hands, record));
    let told: Vec<Value> = here.map(|record| told(hands, &record)).collect();
    json!({ "Volumes": told })
}
