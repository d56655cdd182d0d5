//! The daemon's side.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hive_inventory::node::NodeStatus;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request as HttpRequest, Response, StatusCode};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::{FENCE_PATH, LONGEST, ORDER_PATH, Request, STATUS_PATH};
use crate::member::Decision;
use crate::unix_socket::{self, response};
use crate::volumes::Host;
use crate::volumes::fence::Fault;

/// Pause before a decision is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// A decision is tried again so long while it is refused for a reason that passes: an engine without
/// a majority takes half a minute to say so.
const PASSING: Duration = Duration::from_secs(90);

/// What is served.
#[derive(Clone)]
pub struct Served {
    /// Where decisions go.
    pub decisions: mpsc::Sender<Decision>,
    /// The status as it was told last.
    pub status: watch::Receiver<Option<NodeStatus>>,
    /// The host's mirrored volumes.
    pub volumes: Option<Arc<Host>>,
}

/// Listens at `path` and serves in the background, as [`unix_socket::serve`] does.
///
/// # Errors
/// The socket can't be made.
pub fn serve(path: &Path, served: Served) -> io::Result<()> {
    unix_socket::serve(path, move |request, _| answer(request, served.clone()))
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
        (&Method::POST, FENCE_PATH) => fence(request, served).await,
        _ => response(StatusCode::NOT_FOUND, format!("{path} is nothing here")),
    }
}

async fn fence(request: HttpRequest<Incoming>, served: Served) -> Response<Full<Bytes>> {
    let body = match Limited::new(request.into_body(), LONGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) => return response(StatusCode::BAD_REQUEST, e.to_string()),
    };
    let Some(host) = served.volumes else {
        return response(StatusCode::CONFLICT, "this host has no mirrored volumes");
    };
    match host.fence(&String::from_utf8_lossy(&body)).await {
        Ok(()) => response(StatusCode::OK, ""),
        Err(why @ Fault::Refused { .. }) => response(StatusCode::CONFLICT, why.to_string()),
        Err(why) => response(StatusCode::SERVICE_UNAVAILABLE, why.to_string()),
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
