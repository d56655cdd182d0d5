//! The daemon's side.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use hive_inventory::node::NodeStatus;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request as HttpRequest, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::fs::Mode;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::{LONGEST, ORDER_PATH, Request, STATUS_PATH};
use crate::member::Decision;

/// Pause after a connection could not be taken, and before a decision is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// A decision is tried again so long while it is refused for a reason that passes: an engine without
/// a majority takes half a minute to say so.
const PASSING: Duration = Duration::from_secs(90);

/// What is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// Where decisions go.
    pub decisions: mpsc::Sender<Decision>,
    /// The status as it was told last.
    pub status: watch::Receiver<Option<NodeStatus>>,
}

/// Listens at `path` and serves in the background. Has to run inside a runtime, before it has work:
/// the process's file mask is changed for a moment.
///
/// # Errors
/// The socket can't be made.
pub fn serve(path: &Path, served: Served) -> io::Result<()> {
    let named = |e: io::Error| {
        io::Error::new(
            e.kind(),
            format!("making the socket {}: {e}", path.display()),
        )
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(named)?;
    }
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(named(e)),
        _ => {}
    }
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener.map_err(named)?;
    tokio::spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(e) => {
                    eprintln!("hived: taking a connection at the socket: {e}");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let served = served.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let served = served.clone();
                    async move { Ok::<_, Infallible>(answer(request, served).await) }
                });
                // Whoever asked may be gone.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok(())
}

async fn answer(request: HttpRequest<Incoming>, served: Served) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, STATUS_PATH) => match served.status.borrow().as_ref() {
            Some(status) => match serde_json::to_vec(status) {
                Ok(json) => response(StatusCode::OK, json),
                Err(e) => response(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()),
            },
            None => response(
                StatusCode::SERVICE_UNAVAILABLE,
                "the daemon has not looked yet",
            ),
        },
        (&Method::POST, ORDER_PATH) => order(request, served).await,
        _ => response(StatusCode::NOT_FOUND, format!("{path} is nothing here")),
    }
}

async fn order(request: HttpRequest<Incoming>, served: Served) -> Response<Full<Bytes>> {
    let body = match Limited::new(request.into_body(), LONGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) => return response(StatusCode::BAD_REQUEST, e.to_string()),
    };
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(e) => return response(StatusCode::BAD_REQUEST, e.to_string()),
    };
    let until = Instant::now() + PASSING;
    loop {
        let (answer, answered) = oneshot::channel();
        let decision = Decision {
            order: request.clone().into(),
            answer,
        };
        if served.decisions.send(decision).await.is_err() {
            return response(StatusCode::SERVICE_UNAVAILABLE, "the daemon is ending");
        }
        match answered.await {
            Ok(Ok(text)) => return response(StatusCode::OK, text),
            Ok(Err(refusal)) if refusal.passing && Instant::now() < until => sleep(PAUSE).await,
            Ok(Err(refusal)) => return response(StatusCode::CONFLICT, refusal.why),
            Err(_) => return response(StatusCode::SERVICE_UNAVAILABLE, "the daemon is ending"),
        }
    }
}

fn response(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
