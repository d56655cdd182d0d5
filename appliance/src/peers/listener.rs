//! Takes messages from the other hives.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hive_membership::Message;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::inbox::Slot;
use super::strangers::Strangers;
use super::tls::{Tls, TlsError};
use super::{Answers, CONNECTION, HANDSHAKE, LONGEST_MESSAGE, MESSAGE_PATH, Questions, plain};

/// Connections at once; the packet filter lets only servers of the stage come this far.
const CONNECTIONS: usize = 64;
/// Pause before another try to listen.
const PAUSE: Duration = Duration::from_secs(5);

/// Listens until the process ends.
pub async fn run(
    own: SocketAddr,
    tls: Tls,
    inbox: Slot,
    questions: Arc<Questions>,
    strangers: Arc<Strangers>,
) {
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
        // Whatever comes over it is newer than this moment: nothing is sent before the handshake.
        let taken = Instant::now();
        let (tls, inbox, strangers) = (tls.clone(), inbox.clone(), Arc::clone(&strangers));
        let served = (inbox, Arc::clone(&questions));
        tokio::spawn(async move {
            serve(stream, taken, plain(from.ip()), &tls, &served, &strangers).await;
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
    taken: Instant,
    from: IpAddr,
    tls: &Tls,
    (inbox, questions): &(Slot, Arc<Questions>),
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
            let (status, text) = match questions.get(request.uri().path()) {
                Some(answers) => answer(request, name, answers).await,
                None => (take(request, name, taken, inbox).await, Vec::new()),
            };
            let mut response = Response::new(Full::new(Bytes::from(text)));
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Ends with the other side, or with its time; either is ordinary.
    let _ = timeout_at(taken + CONNECTION, connection).await;
}

/// Has a question answered; for one that does not read there is no answer.
async fn answer<B>(request: Request<B>, name: String, answers: &Answers) -> (StatusCode, Vec<u8>)
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
{
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, Vec::new());
    }
    let body = Limited::new(request.into_body(), LONGEST_MESSAGE).collect();
    match body.await {
        Ok(body) => match answers(name, body.to_bytes()).await {
            Some(text) => (StatusCode::OK, text),
            None => (StatusCode::BAD_REQUEST, Vec::new()),
        },
        Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Vec::new()),
    }
}

async fn take<B>(request: Request<B>, name: String, taken: Instant, inbox: &Slot) -> StatusCode
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
{
    if request.uri().path() != MESSAGE_PATH {
        return StatusCode::NOT_FOUND;
    }
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    let body = Limited::new(request.into_body(), LONGEST_MESSAGE).collect();
    let body = match body.await {
        Ok(body) => body.to_bytes(),
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE,
    };
    // If this process stood still, the request may have lain in the kernel for longer.
    if taken.elapsed() > CONNECTION {
        return StatusCode::REQUEST_TIMEOUT;
    }
    let Ok(message) = serde_json::from_slice::<Message>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    if inbox.put((name, message)) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

#[cfg(test)]
mod tests {
    use super::super::inbox;
    use super::*;

    fn post(message: &Message) -> Request<Full<Bytes>> {
        let body = Full::from(serde_json::to_vec(message).unwrap());
        let request = Request::post(MESSAGE_PATH).body(body);
        request.unwrap()
    }

    #[tokio::test]
    async fn a_message_over_an_old_connection_is_not_handed_over() {
        let (slot, mut inbox) = inbox::channel();
        let message = Message::Grant { nonce: 1 };
        let old = Instant::now() - CONNECTION - Duration::from_secs(1);
        let name = || "h1.example".to_owned();
        let answer = take(post(&message), name(), old, &slot).await;
        assert_eq!(answer, StatusCode::REQUEST_TIMEOUT);
        assert_eq!(inbox.try_recv(), None);
        let answer = take(post(&message), name(), Instant::now(), &slot).await;
        assert_eq!(answer, StatusCode::NO_CONTENT);
        assert_eq!(inbox.try_recv(), Some((name(), message)));
    }
}
