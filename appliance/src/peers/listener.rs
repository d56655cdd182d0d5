//! Takes messages from the other hives.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hive_membership::Message;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::strangers::Strangers;
use super::tls::{Tls, TlsError};
use super::{Heard, LONGEST_MESSAGE, MESSAGE_PATH, plain};

/// Longest time for the handshake; machines without hardware virtualisation are slow at it.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A connection over which nothing comes for this long is closed.
const IDLE: Duration = Duration::from_secs(120);
/// Connections at once; the packet filter lets only servers of the stage come this far.
const CONNECTIONS: usize = 64;
/// Pause before another try to listen.
const PAUSE: Duration = Duration::from_secs(5);

/// Listens until the process ends.
pub async fn run(own: SocketAddr, tls: Tls, inbox: mpsc::Sender<Heard>, strangers: Arc<Strangers>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let listener = loop {
        match bind(own).await {
            Ok(listener) => break listener,
            Err(e) => {
                eprintln!("hived: listening at port {}: {e}", own.port());
                sleep(PAUSE).await;
            }
        }
    };
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(e) => {
                eprintln!("hived: taking a connection: {e}");
                sleep(PAUSE).await;
                continue;
            }
        };
        let (tls, inbox, strangers) = (tls.clone(), inbox.clone(), Arc::clone(&strangers));
        tokio::spawn(async move {
            serve(stream, plain(from.ip()), &tls, &inbox, &strangers).await;
            drop(place);
        });
    }
}

/// Listens at the host's own address; where it is not there (yet), at all.
async fn bind(own: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(own).await {
        Err(e) if e.kind() == io::ErrorKind::AddrNotAvailable => {}
        bound => return bound,
    }
    for any in [
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    ] {
        if let Ok(listener) = TcpListener::bind((any, own.port())).await {
            return Ok(listener);
        }
    }
    TcpListener::bind(own).await
}

async fn serve(
    stream: TcpStream,
    from: IpAddr,
    tls: &Tls,
    inbox: &mpsc::Sender<Heard>,
    strangers: &Strangers,
) {
    let (name, stream) = match timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(TlsError::Stranger(stranger))) => {
            strangers.met(from, &stranger.to_string());
            return;
        }
        // A port scan, a machine that went away: no news.
        Ok(Err(TlsError::Broken(_))) | Err(_) => return,
    };
    let service = service_fn(|request| {
        let name = name.clone();
        async move {
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = take(request, name, inbox).await;
            Ok::<_, Infallible>(response)
        }
    });
    // Ends with the other side, or with silence; either is ordinary.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn take(request: Request<Incoming>, name: String, inbox: &mpsc::Sender<Heard>) -> StatusCode {
    if request.uri().path() != MESSAGE_PATH {
        return StatusCode::NOT_FOUND;
    }
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    let body = Limited::new(request.into_body(), LONGEST_MESSAGE).collect();
    let body = match timeout(HANDSHAKE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    let Ok(message) = serde_json::from_slice::<Message>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    match inbox.try_send((name, message)) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
