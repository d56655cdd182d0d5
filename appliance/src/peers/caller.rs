//! Brings messages to one hive, one after the other, over a connection that serves for a while.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hive_membership::Message;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::tls::{self, Tls, TlsError};
use super::{HANDSHAKE, LONGEST_ANSWER, MESSAGE_PATH, WAIT};

/// Longest wait for a connection: the next message is more worth than this one.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// A connection is used so long: the other end closes it soon after ([`CONNECTION`](super::CONNECTION)).
const USE: Duration = Duration::from_secs(7);
/// Messages that wait for a hive in trouble. The oldest goes: each says more than those before it.
const QUEUE: usize = 16;

/// The one who brings messages to a hive.
pub struct Caller(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Each with the moment at which it was put in.
    queue: Mutex<VecDeque<(Instant, Message)>>,
    news: Notify,
    trouble: Mutex<Option<String>>,
}

impl Caller {
    /// Starts it. Has to run inside a runtime.
    pub fn start(name: String, from: Option<IpAddr>, address: SocketAddr, tls: Tls) -> Self {
        let shared = Arc::new(Shared::default());
        let caller = Self(Arc::clone(&shared));
        tokio::spawn(async move {
            let mut line = Line::new(name, from, address, tls);
            loop {
                let (put, message) = shared.next().await;
                let trouble = line
                    .deliver(put, &message)
                    .await
                    .err()
                    .map(|e| e.to_string());
                let mut before = shared.trouble();
                // The journal is told once, however many ways of failing follow.
                if before.is_some() != trouble.is_some() {
                    match &trouble {
                        Some(trouble) => {
                            eprintln!("hived: {} at {}: {trouble}", line.name, line.address);
                        }
                        None => eprintln!("hived: {} takes messages", line.name),
                    }
                }
                *before = trouble;
            }
        });
        caller
    }

    /// Puts a message into the queue. A greeting that still waits there is replaced by a newer one.
    pub fn send(&self, message: Message) {
        let mut queue = self.0.queue();
        if matches!(message, Message::Hello(_)) {
            queue.retain(|(_, waiting)| !matches!(waiting, Message::Hello(hello) if !hello.answer));
        }
        queue.push_back((Instant::now(), message));
        if queue.len() > QUEUE {
            queue.pop_front();
        }
        drop(queue);
        self.0.news.notify_one();
    }

    /// Why the last message was not delivered.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble().clone()
    }
}

impl Shared {
    /// The next message that has not waited too long.
    async fn next(&self) -> (Instant, Message) {
        loop {
            while let Some((put, message)) = self.queue().pop_front() {
                if put.elapsed() <= WAIT {
                    return (put, message);
                }
            }
            self.news.notified().await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(Instant, Message)>> {
        self.queue.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Why a message did not arrive. Reads after the hive's name.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("does not answer: {0}")]
    Unreachable(io::Error),
    #[error("can't be called, for this host does not have its address {0} yet: {1}")]
    Homeless(IpAddr, io::Error),
    #[error("the machine at its address {0}")]
    Tls(#[from] TlsError),
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("answers {0} to a message; its hived is of another release?")]
    Refused(StatusCode),
    #[error("its hived does not take a message within {} s", ANSWER.as_secs())]
    Slow,
}

/// The way to one hive.
pub(super) struct Line {
    name: String,
    /// Own address.
    from: Option<IpAddr>,
    address: SocketAddr,
    tls: Tls,
    open: Option<Open>,
}

/// A connection.
struct Open {
    since: Instant,
    sender: SendRequest<Full<Bytes>>,
}

impl Line {
    /// To the hive `name` at `address`, from this host's own address. No connection is open yet.
    pub fn new(name: String, from: Option<IpAddr>, address: SocketAddr, tls: Tls) -> Self {
        Self {
            name,
            from,
            address,
            tls,
            open: None,
        }
    }

    /// Asks something and gives back the answer's text. A connection is used again while it is young.
    pub async fn ask(&mut self, path: &'static str, body: Bytes) -> Result<Bytes, CallError> {
        let open = self.open.take().filter(|open| open.since.elapsed() < USE);
        if let Some(mut open) = open
            && open.sender.ready().await.is_ok()
            && let Ok(answer) = self.exchange(&mut open.sender, path, body.clone()).await
        {
            let text = text(answer).await;
            self.open = Some(open);
            return text;
        }
        let since = Instant::now();
        let mut sender = self.connect().await?;
        let answer = self.exchange(&mut sender, path, body).await?;
        let text = text(answer).await;
        self.open = Some(Open { since, sender });
        text
    }

    async fn deliver(&mut self, put: Instant, message: &Message) -> Result<(), CallError> {
        // Our own types always become JSON.
        let body = Bytes::from(serde_json::to_vec(message).unwrap_or_default());
        let open = self.open.take().filter(|open| open.since.elapsed() < USE);
        if let Some(mut open) = open
            && open.sender.ready().await.is_ok()
            && self.post(&mut open.sender, body.clone()).await.is_ok()
        {
            self.open = Some(open);
            return Ok(());
        }
        // The other end may have been started anew since: once more, from the beginning.
        let since = Instant::now();
        let mut sender = self.connect().await?;
        let brought = if put.elapsed() <= WAIT {
            self.post(&mut sender, body).await
        } else {
            // It is too old by now; the next one finds the connection ready.
            Err(CallError::Slow)
        };
        if brought.is_ok() || sender.is_ready() {
            self.open = Some(Open { since, sender });
        }
        brought
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, CallError> {
        let socket = self.socket()?;
        let stream = match timeout(CONNECT, socket.connect(self.address)).await {
            Ok(stream) => stream.map_err(CallError::Unreachable)?,
            Err(_) => return Err(CallError::Unreachable(io::ErrorKind::TimedOut.into())),
        };
        stream.set_nodelay(true).map_err(CallError::Unreachable)?;
        let secured = timeout(HANDSHAKE, self.tls.connect(&self.name, stream));
        let stream = secured.await.map_err(|_| CallError::Slow)??;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the sender; what breaks is told to whoever sends.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Bound to this host's own address: as long as it is missing, a peer's address may lead anywhere,
    /// out through the default route for instance.
    fn socket(&self) -> Result<TcpSocket, CallError> {
        let socket = match self.address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let socket = socket.map_err(CallError::Unreachable)?;
        if let Some(from) = self.from {
            let bound = socket.bind(SocketAddr::new(from, 0));
            bound.map_err(|e| CallError::Homeless(from, e))?;
        }
        Ok(socket)
    }

    async fn post(
        &self,
        line: &mut SendRequest<Full<Bytes>>,
        body: Bytes,
    ) -> Result<(), CallError> {
        match self.exchange(line, MESSAGE_PATH, body).await?.status() {
            StatusCode::NO_CONTENT => Ok(()),
            other => Err(unwilling(other)),
        }
    }

    async fn exchange(
        &self,
        line: &mut SendRequest<Full<Bytes>>,
        path: &'static str,
        body: Bytes,
    ) -> Result<Response<Incoming>, CallError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(path);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(host) = self.name.parse() {
            headers.insert(HOST, host);
        }
        let answer = timeout(ANSWER, line.send_request(request));
        let answer = answer.await.map_err(|_| CallError::Slow)?;
        answer.map_err(|e| match refused(&e) {
            Some(stranger) => CallError::Tls(TlsError::Stranger(stranger)),
            None => CallError::Broken(e),
        })
    }
}

fn unwilling(status: StatusCode) -> CallError {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE => CallError::Slow,
        other => CallError::Refused(other),
    }
}

/// The text of an answer that is one.
async fn text(answer: Response<Incoming>) -> Result<Bytes, CallError> {
    if answer.status() != StatusCode::OK {
        return Err(unwilling(answer.status()));
    }
    let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect();
    match timeout(ANSWER, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        // Cut off, or longer than any answer of ours.
        Ok(Err(_)) | Err(_) => Err(CallError::Slow),
    }
}

/// In TLS 1.3 the other end tells only after the handshake that it does not take our certificate.
fn refused(error: &hyper::Error) -> Option<super::trust::Stranger> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(stranger) = inner.downcast_ref().and_then(tls::refusal) {
            return Some(stranger);
        }
        cause = inner.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_that_waited_too_long_is_not_sent() {
        let shared = Shared::default();
        let long_ago = Instant::now() - WAIT - Duration::from_secs(1);
        let message = |nonce| Message::Grant { nonce };
        shared.queue().push_back((long_ago, message(1)));
        shared.queue().push_back((Instant::now(), message(2)));
        assert_eq!(shared.next().await.1, message(2));
        assert!(shared.queue().is_empty());
    }
}
