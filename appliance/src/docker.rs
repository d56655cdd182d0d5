//! Asks Docker Engine how it is, over its unix socket.
//!
//! Questions without an answer in parts do not need an HTTP library: HTTP/1.0 has no chunked answers, and the engine
//! closes the connection after one (RFC 1945).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long one question may take. An engine that is only busy (an election, a large image) is not
/// called dead for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than this is no answer to our questions, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// Why the engine did not tell its version.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// The socket is not there, refuses, or says nothing in time.
    #[error("Docker does not answer on {socket}: {source}; `systemctl status docker` tells more")]
    Silent {
        /// Path of the socket.
        socket: String,
        /// The cause.
        source: io::Error,
    },
    /// It answers, and is not well.
    #[error("Docker answers {path} with {answer:?}; `journalctl -u docker` tells more")]
    Unwell {
        /// What was asked for.
        path: &'static str,
        /// First line or text of the answer.
        answer: String,
    },
}

/// The engine's version, when it answers that it is well. Which one it is `known` from the last look, if it was
/// well then: to tell it, Docker starts programs each time.
///
/// # Errors
/// Nobody answers within ten seconds, or the answer is not that of a healthy engine.
pub fn version(socket: &Path, known: Option<String>) -> Result<String, DockerError> {
    get(socket, "/_ping")?;
    if let Some(known) = known {
        return Ok(known);
    }
    let body = get(socket, "/version")?;
    serde_json::from_str::<serde_json::Value>(&body)
        .ok()
        .and_then(|v| v.get("Version")?.as_str().map(str::to_owned))
        .ok_or_else(|| DockerError::Unwell {
            path: "/version",
            answer: start(&body),
        })
}

/// What the engine says of its swarm with each sign of life, like `active/manager`: header `Swarm` of
/// `/_ping` (Docker Engine API, since 1.42). Docker starts no program for it.
///
/// # Errors
/// As for [`version`].
pub fn swarm_sign(socket: &Path) -> Result<Option<String>, DockerError> {
    let (head, _) = answer(socket, "/_ping")?;
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let sign = fields.find(|(name, _)| name.eq_ignore_ascii_case("swarm"));
    Ok(sign.map(|(_, value)| value.trim().to_owned()))
}

fn get(socket: &Path, path: &'static str) -> Result<String, DockerError> {
    Ok(answer(socket, path)?.1)
}

/// Head and body of an answer with status 200.
fn answer(socket: &Path, path: &'static str) -> Result<(String, String), DockerError> {
    let answer = ask(socket, path).map_err(|source| DockerError::Silent {
        socket: socket.display().to_string(),
        source,
    })?;
    success(&answer).ok_or_else(|| DockerError::Unwell {
        path,
        answer: start(&answer),
    })
}

fn ask(socket: &Path, path: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    match stream.take(LONGEST_ANSWER).read_to_end(&mut answer) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} s", PATIENCE.as_secs()),
        )),
        Err(e) => Err(e),
        Ok(_) => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// Head and body of an answer, if its status is 200.
fn success(answer: &str) -> Option<(String, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut status = head.lines().next()?.split(' ');
    (status.next()?.starts_with("HTTP/1.") && status.next()? == "200")
        .then(|| (head.to_owned(), body.to_owned()))
}

/// The first line of a text, 80 characters at the most.
fn start(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(80)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// An engine that gives these answers, one a connection, and then is gone.
    fn engine(answers: &'static [&'static str]) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                    request.push(byte[0]);
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (dir, socket)
    }

    const OK: &str = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nOK";

    #[test]
    fn a_healthy_engine_tells_its_version() {
        let (_dir, socket) = engine(&[
            OK,
            "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"Platform\":{\"Name\":\"\"},\"Version\":\"26.1.5+dfsg1\"}\n",
        ]);
        assert_eq!(version(&socket, None).unwrap(), "26.1.5+dfsg1");
    }

    #[test]
    fn one_that_is_known_is_only_asked_whether_it_is_well() {
        let (_dir, socket) = engine(&[OK, "HTTP/1.0 500 Internal Server Error\r\n\r\n"]);
        let known = || Some("26.1.5".to_owned());
        assert_eq!(version(&socket, known()).unwrap(), "26.1.5");
        assert!(version(&socket, known()).is_err());
    }

    #[test]
    fn each_sign_of_life_tells_of_the_swarm() {
        let (_dir, socket) = engine(&[
            "HTTP/1.0 200 OK\r\nApi-Version: 1.45\r\nswarm: active/manager\r\n\r\nOK",
            OK,
            "HTTP/1.0 503 Service Unavailable\r\nSwarm: active/manager\r\n\r\n",
        ]);
        let sign = || swarm_sign(&socket);
        assert_eq!(sign().unwrap().as_deref(), Some("active/manager"));
        assert_eq!(sign().unwrap(), None);
        assert!(sign().is_err());
    }

    #[test]
    fn an_engine_in_trouble_is_quoted() {
        let (_dir, socket) = engine(&["HTTP/1.0 500 Internal Server Error\r\n\r\nno space left"]);
        let error = version(&socket, None).unwrap_err().to_string();
        assert!(error.contains("500 Internal Server Error"), "{error}");
    }

    #[test]
    fn nonsense_is_not_a_version() {
        let (_dir, socket) = engine(&[OK, "HTTP/1.0 200 OK\r\n\r\n{\"ApiVersion\":\"1.45\"}"]);
        let error = version(&socket, None).unwrap_err().to_string();
        assert!(error.contains("/version"), "{error}");
    }

    #[test]
    fn a_connection_that_closes_at_once_is_unwell() {
        let (_dir, socket) = engine(&[""]);
        assert!(matches!(
            version(&socket, None),
            Err(DockerError::Unwell { .. })
        ));
    }

    #[test]
    fn nobody_there_names_the_socket() {
        let error = version(Path::new("/nowhere/docker.sock"), None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nowhere/docker.sock") && error.contains("No such file"),
            "{error}"
        );
    }

    #[test]
    fn an_engine_that_says_nothing_runs_out_of_time() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        let error = version(&socket, None).unwrap_err().to_string();
        assert!(error.contains("no answer within 10 s"), "{error}");
    }
}
