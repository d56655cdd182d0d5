//! A question to an engine that becomes a plain two-way stream (exec): bytes as they are, which
//! bollard's reader of log frames would take apart where a terminal's output begins like a frame.

use std::path::Path;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// An answer's head is far smaller.
const LONGEST_HEAD: usize = 16 * 1024;

/// The stream after the engine's answer.
#[derive(Debug)]
pub struct Hijacked {
    /// What the program says.
    pub output: OwnedReadHalf,
    /// What it reads; closing it is the end of its input.
    pub input: OwnedWriteHalf,
    /// Output that came with the answer.
    pub first: Vec<u8>,
}

impl Hijacked {
    /// Asks with a JSON body, and takes the connection over.
    ///
    /// # Errors
    /// There is no connection, or the engine refuses.
    pub async fn post(socket: &Path, path: &str, body: &str) -> anyhow::Result<Self> {
        let mut stream = UnixStream::connect(socket).await?;
        let question = format!(
            "POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(question.as_bytes()).await?;
        let mut answer = Vec::new();
        let end = loop {
            if let Some(end) = head_end(&answer) {
                break end;
            }
            if answer.len() > LONGEST_HEAD || stream.read_buf(&mut answer).await? == 0 {
                bail!("the engine ended its answer in the middle");
            }
        };
        let first = answer.split_off(end);
        let head = String::from_utf8_lossy(&answer);
        if !matches!(status(&head)?, 101 | 200) {
            let mut rest = first;
            stream.shutdown().await?;
            stream.take(64 * 1024).read_to_end(&mut rest).await?;
            bail!(message(&rest));
        }
        let (output, input) = stream.into_split();
        Ok(Self {
            output,
            input,
            first,
        })
    }
}

/// Where the head of an answer ends.
fn head_end(answer: &[u8]) -> Option<usize> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

fn status(head: &str) -> anyhow::Result<u16> {
    let word = head.split(' ').nth(1).unwrap_or_default();
    word.parse()
        .with_context(|| format!("the engine's answer is no HTTP: {head}"))
}

/// The engine's own words in an answer's body, which may come in chunks.
fn message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json = text.find('{').zip(text.rfind('}'));
    json.and_then(|(from, to)| serde_json::from_str::<serde_json::Value>(text.get(from..=to)?).ok())
        .and_then(|value| Some(value.get("message")?.as_str()?.trim().to_owned()))
        .unwrap_or_else(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn the_answer_s_head_goes_and_the_stream_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let engine = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = [0; 500];
            let _ = stream.read(&mut question).await.unwrap();
            let answer = b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n\x01\x02$ ";
            stream.write_all(answer).await.unwrap();
            let mut typed = Vec::new();
            stream.read_to_end(&mut typed).await.unwrap();
            typed
        });
        let mut hijacked = Hijacked::post(&path, "/exec/x/start", "{}").await.unwrap();
        let mut said = hijacked.first.clone();
        while said.len() < 4 {
            hijacked.output.read_buf(&mut said).await.unwrap();
        }
        assert_eq!(said, b"\x01\x02$ ");
        hijacked.input.write_all(b"exit\n").await.unwrap();
        hijacked.input.shutdown().await.unwrap();
        assert_eq!(engine.await.unwrap(), b"exit\n");
    }

    #[test]
    fn a_refusal_is_in_the_engine_s_words() {
        let body = b"2e\r\n{\"message\":\"container is not running\"}\n\r\n0\r\n\r\n";
        assert_eq!(message(body), "container is not running");
        assert_eq!(message(b" plain \n"), "plain");
    }
}
