//! Docker's volume plugin protocol, version 1: JSON over HTTP at a socket in `/run/docker/plugins`, with errors
//! in the field `Err` (Docker's documentation, "Docker volume plugins").

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hive_volumes::{Record, VolumeName};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::hands::Hands;
use super::using;
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
    let daemon = Arc::new(Mutex::new(String::new()));
    let before = Arc::clone(&hands);
    tokio::spawn(async move { using::begin_anew(&before).await });
    unix_socket::serve(socket, move |request, who| {
        let hands = Arc::clone(&hands);
        let run = run_of(who);
        let news = {
            let mut before = daemon.lock().unwrap_or_else(|e| e.into_inner());
            let news = *before != run;
            before.clone_from(&run);
            news
        };
        async move {
            if news {
                let (hands, run) = (Arc::clone(&hands), run.clone());
                tokio::spawn(async move { using::forget_others(&hands, &run).await });
            }
            answer(request, &hands, &run).await
        }
    })
}

/// Tells one run of a program from others: its process id, and when it started (proc_pid_stat(5), field 22).
fn run_of(process: Option<i32>) -> String {
    let Some(process) = process else {
        return "unknown".into();
    };
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The program's name, in parentheses, may have blanks.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let started = fields.split(' ').nth(19).unwrap_or_default();
    format!("{process}@{started}")
}

async fn answer<H: Hands>(
    request: Request<Incoming>,
    hands: &Arc<H>,
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
        "/VolumeDriver.Create" => create(hands, &asked).await,
        "/VolumeDriver.Remove" => remove(hands, &asked.name),
        "/VolumeDriver.Mount" => mount(hands, asked, daemon).await,
        "/VolumeDriver.Unmount" => unmount(hands, asked).await,
        "/VolumeDriver.Get" => {
            found(hands, &asked.name).map(|record| json!({"Volume": told(hands, &record)}))
        }
        "/VolumeDriver.Path" => {
            found(hands, &asked.name).map(|record| json!({"Mountpoint": hands.folder(&record)}))
        }
        "/VolumeDriver.List" => Ok(list(hands)),
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

/// Goes on when docker gives up, which ends this: a step that is broken off is nobody's.
async fn mount<H: Hands>(hands: &Arc<H>, asked: Asked, daemon: &str) -> Result<Value, String> {
    let (hands, daemon) = (Arc::clone(hands), daemon.to_owned());
    let (waits, answer) = oneshot::channel();
    tokio::spawn(async move {
        let (name, id) = (&asked.name, &asked.id);
        let mounted = using::mount(&hands, name, id, &daemon, using::COMES).await;
        let is_mounted = mounted.is_ok();
        // Nobody uses what nobody waits for.
        if waits.send(mounted).is_err()
            && is_mounted
            && let Err(why) = using::unmount(&hands, name, id).await
        {
            eprintln!("hived: volume {name}: {why}");
        }
    });
    let mounted = answer.await.map_err(|e| e.to_string())??;
    Ok(json!({"Mountpoint": mounted}))
}

/// As [`mount`].
async fn unmount<H: Hands>(hands: &Arc<H>, asked: Asked) -> Result<Value, String> {
    let hands = Arc::clone(hands);
    let gone = tokio::spawn(async move { using::unmount(&hands, &asked.name, &asked.id).await });
    gone.await.map_err(|e| e.to_string())??;
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
fn found<H: Hands>(hands: &Arc<H>, name: &str) -> Result<Record, String> {
    let record = using::named(hands, name).filter(|record| is_here(hands, record));
    record.ok_or_else(|| using::unknown(name))
}

/// One that is being removed is gone for docker as soon as nobody uses it.
fn is_here<H: Hands>(hands: &Arc<H>, record: &Record) -> bool {
    let used = || hands.users(record.identity.name.as_str());
    record.state.part(hands.me()).is_some()
        && (record.state.removal.is_none() || used().is_ok_and(|users| users.count() > 0))
}

fn told<H: Hands>(hands: &Arc<H>, record: &Record) -> Value {
    json!({
        "Name": record.identity.name,
        "Mountpoint": hands.folder(record),
        "Status": {
            "device": record.identity.device(),
            "filesystem": record.identity.file_system.name(),
            "size": record.state.size,
        },
    })
}

fn list<H: Hands>(hands: &Arc<H>) -> Value {
    let known = hands.known().into_iter();
    let here = known.filter(|record| is_here(hands, record));
    let told: Vec<Value> = here.map(|record| told(hands, &record)).collect();
    json!({ "Volumes": told })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_a_program_is_told_from_others() {
        let own = i32::try_from(std::process::id()).unwrap();
        let run = run_of(Some(own));
        let (process, started) = run.split_once('@').unwrap();
        assert_eq!(process, own.to_string());
        assert!(started.parse::<u64>().unwrap() > 0, "{run}");
        assert_eq!(run, run_of(Some(own)));
        assert_ne!(run, run_of(Some(1)));
    }
}
