//! The page's server: on the loopback interface only, for whoever knows the token in its address.
//!
//! Who else could look, and what stops them: other machines (the listener is bound to 127.0.0.1), other users of this
//! machine (the token), other sites in the same browser ([`guard`]: the `Host` header against DNS rebinding; no
//! CORS headers; a content security policy that lets the page talk to nobody else). Everything is read-only.

mod assets;
mod events;
mod guard;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::snapshot::State;
use crate::watch::Board;

/// Most connections at once; a page holds one or two.
const CONNECTIONS: usize = 64;
/// A client has to say what it wants within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the token: more than anybody can guess.
const TOKEN: usize = 24;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The port can't be had.
    #[error(
        "listening on 127.0.0.1:{port} for the page: {source}; choose another port, or 0 for any free one"
    )]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// No token.
    #[error("making the random part of the page's address: the system gives no random bytes")]
    Random,
}

/// What the page calls the swarm.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Title {
    /// Name of the site.
    pub site: String,
    /// Its stage.
    pub stage: String,
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    page: Arc<Page>,
}

/// What every answer needs.
#[derive(Debug)]
struct Page {
    address: SocketAddr,
    token: String,
    title: Title,
    board: Arc<Board>,
}

/// What the page is sent.
#[derive(Serialize)]
struct Told<'a> {
    title: &'a Title,
    #[serde(flatten)]
    state: &'a State,
}

impl Server {
    /// Listens on this port of the loopback interface; 0 is any free one.
    pub async fn bind(port: u16, title: Title, board: Arc<Board>) -> Result<Self, ServerError> {
        let listen = |source| ServerError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let mut random = [0; TOKEN];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| ServerError::Random)?;
        let token = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let page = Arc::new(Page {
            address,
            token,
            title,
            board,
        });
        Ok(Self { listener, page })
    }

    /// The page's address, with the token.
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.page.address, self.page.token)
    }

    /// Answers until the future is dropped.
    pub async fn run(self) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of file descriptors, or the client has gone again.
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let page = self.page.clone();
            connections.spawn(async move {
                let service = service_fn(|request| {
                    let page = page.clone();
                    async move { Ok::<_, Infallible>(page.answer(&request)) }
                });
                // A client that goes away in the middle is no error.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                drop(place);
            });
            while connections.try_join_next().is_some() {}
        }
    }
}

impl Page {
    fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let mut response = self.unprotected(request);
        guard::protect(response.headers_mut());
        if request.method() == Method::HEAD {
            *response.body_mut() = full("");
        }
        response
    }

    fn unprotected(&self, request: &Request<Incoming>) -> Response<Body> {
        if !guard::is_ours(request.headers(), self.address) {
            let text = "This server answers only to its own address.\n";
            return plain(StatusCode::MISDIRECTED_REQUEST, text);
        }
        let Some(path) = guard::below_token(request.uri().path(), &self.token) else {
            let text = "Nothing here. The page's address is the one that hive ui printed.\n";
            return plain(StatusCode::NOT_FOUND, text);
        };
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let text = "This page only shows; it changes nothing.\n";
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text);
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allowed);
            return response;
        }
        match path {
            "api/snapshot" => answer("application/json", full(self.told(&self.board.state()))),
            "api/events" => answer("text/event-stream", events::stream(self)),
            _ => match assets::find(path) {
                Some((kind, text)) => answer(kind, full(text)),
                None => plain(StatusCode::NOT_FOUND, "The page has no such part.\n"),
            },
        }
    }

    fn told(&self, state: &State) -> String {
        let told = Told {
            title: &self.title,
            state,
        };
        // Numbers, texts and maps with texts as keys: there is nothing that JSON can't say.
        serde_json::to_string(&told).unwrap_or_default()
    }
}

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed_unsync()
}

fn answer(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = answer("text/plain; charset=utf-8", full(text));
    *response.status_mut() = status;
    response
}
