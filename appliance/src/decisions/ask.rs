//! The person's side: one decision, one answer.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request as HttpRequest, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{FENCE_PATH, ORDER_PATH, Request};

/// Longest wait for the answer: the daemon may try for a while, and writes to the disk first.
const PATIENCE: Duration = Duration::from_secs(150);

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The daemon can't be reached.
    #[error(
        "asking the daemon at {socket}: {source}; is it running? (`systemctl status hived`; only root may ask)"
    )]
    Silent {
        /// Its socket.
        socket: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It refuses, and says why.
    #[error("refused: {0}")]
    Refused(String),
    /// It does not understand.
    #[error("the daemon answers {0}: {1}")]
    Odd(StatusCode, String),
}

/// Hands a decision to the daemon behind `socket`; returns what comes of it.
///
/// # Errors
/// Nobody is there, or the decision is refused.
pub async fn ask(socket: &Path, request: &Request) -> Result<String, AskError> {
    let order = serde_json::to_vec(request);
    put(socket, ORDER_PATH, order.map_err(io::Error::other)).await
}

/// Has the peer of a volume fenced.
///
/// # Errors
/// Nobody is there, it is refused for good ([`AskError::Refused`]), or it can't be done yet.
pub async fn fence(socket: &Path, volume: &str) -> Result<(), AskError> {
    let volume = volume.as_bytes().to_vec();
    put(socket, FENCE_PATH, Ok(volume)).await.map(drop)
}

async fn put(
    socket: &Path,
    path: &'static str,
    body: io::Result<Vec<u8>>,
) -> Result<String, AskError> {
    let silent = |source: io::Error| AskError::Silent {
        socket: socket.to_owned(),
        source,
    };
    let body = body.map_err(silent)?;
    let asked = timeout(PATIENCE, exchange(socket, path, body)).await;
    let answer = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let (status, text) = answer.map_err(silent)?;
    match status {
        StatusCode::OK => Ok(text),
        StatusCode::CONFLICT => Err(AskError::Refused(text)),
        status => Err(AskError::Odd(status, text)),
    }
}

async fn exchange(
    socket: &Path,
    path: &'static str,
    body: Vec<u8>,
) -> io::Result<(StatusCode, String)> {
    let stream = UnixStream::connect(socket).await?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let mut request = HttpRequest::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(path);
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("hived"));
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(io::Error::other)?;
    let status = answer.status();
    let text = answer.into_body().collect().await;
    let text = text.map_err(io::Error::other)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}
