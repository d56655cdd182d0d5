//! Starting a program and telling what became of it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How many bytes of standard error an error repeats.
const TAIL: usize = 2000;
/// How often is looked whether a program with a limit has ended.
const LOOK: Duration = Duration::from_millis(5);

/// A program about to be started.
#[derive(Debug, Clone)]
pub struct Program {
    name: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    clear_env: bool,
    dir: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    package: Option<&'static str>,
    limit: Option<Duration>,
}

/// What a program left behind when it ended well.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such program here.
    #[error("{program} is not installed{}", hint(.package))]
    Missing {
        /// The program's name.
        program: String,
        /// The Debian package that has it, if known.
        package: Option<&'static str>,
    },
    /// It could not be started, or its pipes broke.
    #[error("cannot run `{command}`")]
    Start {
        /// The command line, ready to paste.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ran, and failed.
    #[error("`{command}` failed ({status}){}", said(.stderr))]
    Failed {
        /// The command line, ready to paste.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its standard error.
        stderr: String,
    },
    /// It ran longer than it may, and was killed.
    #[error("`{command}` did not end within {} s and was stopped", limit.as_secs())]
    Late {
        /// The command line, ready to paste.
        command: String,
        /// How long it had.
        limit: Duration,
    },
}

fn hint(package: &Option<&'static str>) -> String {
    package
        .map(|p| format!("; install it with `apt-get install {p}`"))
        .unwrap_or_default()
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!(":\n{stderr}")
    }
}

impl Program {
    /// A program by name, looked up in `PATH`, or by path.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        Self {
            name: name.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            clear_env: false,
            dir: None,
            stdin: None,
            package: None,
            limit: None,
        }
    }

    /// The Debian package that has the program, for the error when it is missing.
    pub fn package(mut self, package: &'static str) -> Self {
        self.package = Some(package);
        self
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// An environment variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts from an empty environment.
    pub fn clear_env(mut self) -> Self {
        self.clear_env = true;
        self
    }

    /// The working directory.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// What the program reads from standard input; without it, nothing.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Kills the program when it takes longer than that.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The plain command, for callers that keep the child (a virtual machine, an interactive login).
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.name);
        if self.clear_env {
            command.env_clear();
        }
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(k, v)| (k, v)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    /// Turns a failure to start into an error that names this program.
    pub fn start_error(&self, source: io::Error) -> Failure {
        // A search path with a folder that is not ours to read ends in «permission denied».
        let searched = !self.name.as_encoded_bytes().contains(&b'/');
        let missing = match source.kind() {
            io::ErrorKind::NotFound => self.dir.as_ref().is_none_or(|d| d.exists()),
            io::ErrorKind::PermissionDenied => searched,
            _ => false,
        };
        if missing {
            return Failure::Missing {
                program: self.name.to_string_lossy().into_owned(),
                package: self.package,
            };
        }
        Failure::Start {
            command: self.to_string(),
            source,
        }
    }

    /// Runs the program to its end, keeping what it prints.
    ///
    /// # Errors
    /// It is missing, can't be started, ends with another status than 0, or takes longer than it may.
    pub fn output(&self) -> Result<Output, Failure> {
        let mut command = self.command();
        command.stdin(if self.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| self.start_error(e))?;
        let writer = self
            .stdin
            .clone()
            .zip(child.stdin.take())
            .map(|(bytes, mut pipe)| {
                // A program that ends without reading all of it says so by its status.
                std::thread::spawn(move || drop(pipe.write_all(&bytes)))
            });
        let done = match self.limit {
            None => child.wait_with_output().map_err(|e| self.start_error(e))?,
            Some(limit) => self.wait(child, limit)?,
        };
        if let Some(writer) = writer {
            drop(writer.join());
        }
        if done.status.success() {
            return Ok(Output {
                stdout: done.stdout,
                stderr: done.stderr,
            });
        }
        Err(Failure::Failed {
            command: self.to_string(),
            status: done.status,
            stderr: tail(&done.stderr),
        })
    }

    /// As `wait_with_output` of the standard library, which knows no limit.
    fn wait(&self, mut child: Child, limit: Duration) -> Result<process::Output, Failure> {
        let start = Instant::now();
        let stdout = child.stdout.take().map(read_beside);
        let stderr = child.stderr.take().map(read_beside);
        let late = || Failure::Late {
            command: self.to_string(),
            limit,
        };
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| self.start_error(e))? {
                break status;
            }
            if start.elapsed() >= limit {
                // It may end by itself in between; then both say so, and that is fine.
                drop(child.kill());
                drop(child.wait());
                return Err(late());
            }
            std::thread::sleep(LOOK);
        };
        // Its own children may hold the pipes open.
        let rest = |bytes: Option<mpsc::Receiver<Vec<u8>>>| {
            bytes.map_or(Ok(Vec::new()), |bytes| {
                bytes.recv_timeout(limit.saturating_sub(start.elapsed()).max(LOOK))
            })
        };
        Ok(process::Output {
            status,
            stdout: rest(stdout).map_err(|_| late())?,
            stderr: rest(stderr).map_err(|_| late())?,
        })
    }

    /// Runs the program to its end and returns what it printed on standard output.
    ///
    /// # Errors
    /// As [`Program::output`].
    pub fn text(&self) -> Result<String, Failure> {
        Ok(self.output()?.text())
    }
}

/// Reads to the end in a thread of its own. What came before a fault is kept, as a pipe that breaks is
/// told by the program's status.
fn read_beside(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(pipe.read_to_end(&mut bytes));
        drop(sender.send(bytes));
    });
    receiver
}

/// The last lines of what a program said, [`TAIL`] bytes at the most.
fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = text.trim_end();
    if text.len() <= TAIL {
        return text.to_owned();
    }
    let mut start = text.len() - TAIL;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let from = text[start..].find('\n').map_or(start, |i| start + i + 1);
    format!("[…]\n{}", &text[from..])
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(&self.name).chain(&self.args);
        for (i, word) in words.enumerate() {
            let word = word.to_string_lossy();
            let sep = if i == 0 { "" } else { " " };
            let plain = !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&b));
            if plain {
                write!(f, "{sep}{word}")?;
            } else {
                write!(f, "{sep}'{}'", word.replace('\'', "'\\''"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        let error = Program::new("no-such-program-here")
            .package("nothing")
            .output()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-program-here is not installed; install it with `apt-get install nothing`"
        );
    }

    #[test]
    fn a_failing_program_repeats_the_end_of_its_errors() {
        let error = Program::new("sh")
            .args(["-c", "echo 'it broke' >&2; exit 3"])
            .output()
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("`sh -c 'echo '\\''it broke'\\'' >&2; exit 3'` failed"),
            "{text}"
        );
        assert!(text.ends_with("it broke"), "{text}");
    }

    #[test]
    fn a_program_that_takes_too_long_is_stopped() {
        let start = Instant::now();
        let error = Program::new("sleep")
            .arg("60")
            .within(Duration::from_millis(100))
            .output()
            .unwrap_err();
        assert!(matches!(error, Failure::Late { .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn within_its_limit_a_program_is_as_without() {
        let quick = || Program::new("sh").within(Duration::from_secs(60));
        let long = quick().args(["-c", "head -c 300000 /dev/zero; cat"]);
        let output = long.stdin("end").output().unwrap();
        assert_eq!(output.stdout.len(), 300_003);
        let error = quick().args(["-c", "echo no >&2; exit 3"]).output();
        assert!(error.unwrap_err().to_string().ends_with("no"));
    }

    #[test]
    fn standard_input_arrives() {
        assert_eq!(Program::new("cat").stdin("hello").text().unwrap(), "hello");
    }
}
