//! A client of QEMU's monitor protocol (QMP): one JSON object per line, each way.
//!
//! Format: QEMU's `docs/interop/qmp-spec`. The server greets, the client negotiates, then commands
//! are answered in order while events arrive in between.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::{Error, Result};

/// How long an answer may take. Generous, because QEMU's main thread answers between other things.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);

/// Something QEMU told unasked.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name, as `SHUTDOWN`.
    pub name: String,
    /// What belongs to it.
    pub data: Value,
}

/// A connection to a monitor.
#[derive(Debug)]
pub struct Qmp {
    stream: UnixStream,
    unread: Vec<u8>,
    events: VecDeque<Event>,
    next_id: u64,
}

impl Qmp {
    /// Takes the greeting and negotiates, within `timeout`.
    ///
    /// # Errors
    /// Nobody greets in time (a monitor serves one client at a time), or it is no QMP.
    pub fn new(stream: UnixStream, timeout: Duration) -> Result<Self> {
        let mut qmp = Self {
            stream,
            unread: Vec::new(),
            events: VecDeque::new(),
            next_id: 0,
        };
        let doing = "greeting";
        let greeting = qmp.line(doing, Instant::now() + timeout)?;
        let greeting = greeting.ok_or_else(|| {
            let problem = format!(
                "no answer within {:.1} s; another program may hold the monitor, or QEMU hangs",
                timeout.as_secs_f64()
            );
            broken(doing, problem)
        })?;
        if greeting.get("QMP").is_none() {
            return Err(broken(doing, format!("unexpected {greeting}")));
        }
        qmp.execute_within("qmp_capabilities", json!({}), timeout)?;
        Ok(qmp)
    }

    /// Runs a command with its arguments (an object), and returns its result.
    ///
    /// # Errors
    /// QEMU refuses it, does not answer within a minute, or is gone.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        self.execute_within(command, arguments, ANSWER)
    }

    /// Runs a command that may take longer, or must not.
    ///
    /// # Errors
    /// As [`Qmp::execute`].
    pub fn execute_within(
        &mut self,
        command: &str,
        arguments: Value,
        timeout: Duration,
    ) -> Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        let mut request = json!({"execute": command, "id": id});
        if arguments.as_object().is_none_or(|a| !a.is_empty()) {
            request["arguments"] = arguments;
        }
        let lost = |source| Error::QmpLost {
            command: command.to_owned(),
            source,
        };
        let write = writeln!(self.stream, "{request}");
        write.map_err(lost)?;
        let until = Instant::now() + timeout;
        while let Some(mut message) = self.line(command, until)? {
            if self.keep_event(&message) {
                continue;
            }
            // An answer to a command given up on earlier.
            if message["id"].as_u64().is_some_and(|answered| answered < id) {
                continue;
            }
            if message["id"] == id {
                if let Some(error) = message.get("error") {
                    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
                    return Err(Error::Refused {
                        command: command.to_owned(),
                        class: text("class"),
                        description: text("desc"),
                    });
                }
                if let Some(result) = message.get_mut("return") {
                    return Ok(result.take());
                }
            }
            return Err(broken(command, format!("unexpected answer {message}")));
        }
        Err(broken(
            command,
            format!("no answer within {:.1} s", timeout.as_secs_f64()),
        ))
    }

    /// The oldest event not yet taken; nothing if none comes within `timeout`.
    ///
    /// # Errors
    /// QEMU is gone, or talks nonsense.
    pub fn event(&mut self, timeout: Duration) -> Result<Option<Event>> {
        let until = Instant::now() + timeout;
        while self.events.is_empty() {
            let Some(message) = self.line("waiting for events", until)? else {
                break;
            };
            self.keep_event(&message);
        }
        Ok(self.events.pop_front())
    }

    /// Waits for an event of this name; others before it are dropped.
    ///
    /// # Errors
    /// It does not come within `timeout`, or QEMU is gone.
    pub fn wait_event(&mut self, name: &str, timeout: Duration) -> Result<Event> {
        let from = Instant::now();
        let mut seen = None;
        while let Some(event) = self.event(timeout.saturating_sub(from.elapsed()))? {
            if event.name == name {
                return Ok(event);
            }
            seen = Some(format!("event {}", event.name));
        }
        Err(Error::TimedOut {
            what: format!("event {name}"),
            waited: from.elapsed(),
            logs: None,
            cause: seen,
        })
    }

    fn keep_event(&mut self, message: &Value) -> bool {
        let Some(name) = message["event"].as_str() else {
            return false;
        };
        self.events.push_back(Event {
            name: name.to_owned(),
            data: message["data"].clone(),
        });
        true
    }

    /// One message; nothing if none is complete at `until`. What came so far is kept for later.
    fn line(&mut self, doing: &str, until: Instant) -> Result<Option<Value>> {
        let lost = |source| Error::QmpLost {
            command: doing.to_owned(),
            source,
        };
        loop {
            if let Some(end) = self.unread.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return serde_json::from_slice(&line).map(Some).map_err(|e| {
                    let text = String::from_utf8_lossy(&line);
                    broken(doing, format!("not JSON ({e}): {}", text.trim_end()))
                });
            }
            // A time-out of zero would mean none at all.
            let left = until.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left)).map_err(lost)?;
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(n) => self.unread.extend_from_slice(&chunk[..n]),
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    if Instant::now() >= until {
                        return Ok(None);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(lost(e)),
            }
        }
    }
}

fn broken(command: &str, problem: String) -> Error {
    Error::Qmp {
        command: command.to_owned(),
        problem,
    }
}
