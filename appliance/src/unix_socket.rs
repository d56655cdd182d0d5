//! Serving HTTP at a unix socket that only root can open.

use std::convert::Infallible;
use std::fs;
use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::fs::Mode;
use tokio::net::UnixListener;
use tokio::time::sleep;

/// Pause after a connection could not be taken.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens at `path` and serves in the background; `answer` gets each request with the process id of
/// who asks. Has to run inside a runtime, before it has work: the process's file mask is changed for a
/// moment.
///
/// # Errors
/// The socket can't be made.
pub fn serve<F>(
    path: &Path,
    answer: impl Fn(Request<Incoming>, Option<i32>) -> F + Clone + Send + Sync + 'static,
) -> io::Result<()>
where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let listener = bind(path).map_err(|e| {
        let words = format!("making the socket {}: {e}", path.display());
        io::Error::new(e.kind(), words)
    })?;
    tokio::spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(e) => {
                    eprintln!("hived: taking a connection at a socket: {e}");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let who = stream.peer_cred().ok().and_then(|peer| peer.pid());
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let answered = answer(request, who);
                    async move { Ok::<_, Infallible>(answered.await) }
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

fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    listener
}

/// An answer.
pub fn response(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
