//! The hosts' own words as they change. One connection to each is kept, and made again when it breaks: every
//! login costs a small host some of the work that it is waited for.

use std::io::{self, BufRead as _, BufReader, Read};
use std::process::Child;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hive_inventory::node::{NodeStatus, STATUS_REPEATED};
use hive_system::Program;

use super::{HostStatus, NEVER_STARTED};
use crate::context_folder::ContextFolder;
use crate::{remote, ssh_files};

/// Seconds until a host that does not take the connection counts as silent. A busy one takes longer than an idle
/// one, and each try that is given up was in vain for it.
const CONNECT: u64 = 10;
/// Before a connection is made again.
const PAUSE: Duration = Duration::from_secs(2);
/// A host that has not said for so long how it is says nothing.
const SILENCE: Duration = STATUS_REPEATED.saturating_mul(3);
/// What ssh says is read to here.
const TAIL: u64 = 4096;

/// Listens to hosts until it is dropped.
#[derive(Debug)]
pub struct Following {
    /// The last word of each host, in the order of the stage; `None`: not asked to the end yet.
    words: Vec<(String, Option<Word>)>,
    news: Receiver<(String, Word)>,
    connections: Vec<Arc<Connection>>,
}

/// What is known of a host.
#[derive(Debug)]
enum Word {
    Told(Box<NodeStatus>, Instant),
    Silent(Silence),
}

/// Why a host says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// In words.
    pub why: String,
    /// It will not get better by waiting.
    pub stays: bool,
}

impl Following {
    /// Begins to listen to these hosts (full names) of the stage that `context` belongs to.
    pub fn new<'a>(context: &ContextFolder, hosts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::over(hosts.into_iter().map(|name| {
            let (context, host) = (context.clone(), name.to_owned());
            (name, move || way(&context, &host))
        }))
    }

    /// The same over any program that says what ssh would.
    fn over<'a, W>(hosts: impl Iterator<Item = (&'a str, W)>) -> Self
    where
        W: Fn() -> Result<Program, Silence> + Send + 'static,
    {
        let (tell, news) = channel();
        let (mut words, mut connections) = (Vec::new(), Vec::new());
        for (host, way) in hosts {
            let connection = Arc::new(Connection::default());
            let listener = Listener {
                way,
                host: host.to_owned(),
                connection: connection.clone(),
                tell: tell.clone(),
            };
            thread::spawn(move || listener.run());
            words.push((host.to_owned(), None));
            connections.push(connection);
        }
        Self {
            words,
            news,
            connections,
        }
    }

    /// Takes what came, and waits for news for at most so long if nothing did.
    pub fn wait(&mut self, at_most: Duration) {
        if !self.hear()
            && let Ok(news) = self.news.recv_timeout(at_most)
        {
            self.take(news);
            self.hear();
        }
    }

    /// Takes what came; whether there was anything.
    pub fn hear(&mut self) -> bool {
        let all: Vec<_> = self.news.try_iter().collect();
        let any = !all.is_empty();
        all.into_iter().for_each(|news| self.take(news));
        any
    }

    fn take(&mut self, (host, word): (String, Word)) {
        if let Some((_, known)) = self.words.iter_mut().find(|(name, _)| *name == host) {
            *known = Some(word);
        }
    }

    /// Whether each host has said something by now, or can't be asked.
    pub fn is_complete(&self) -> bool {
        self.words.iter().all(|(_, word)| word.is_some())
    }

    /// The last word of each host.
    pub fn words(&self) -> impl Iterator<Item = (&str, Result<&NodeStatus, Silence>)> {
        let words = self.words.iter();
        words.map(|(host, word)| (host.as_str(), last(word.as_ref())))
    }

    /// The same as a table has it, once each host was asked.
    pub fn hosts(&mut self) -> Vec<HostStatus> {
        while !self.is_complete() {
            self.wait(SILENCE);
        }
        let status = |(host, word): (&str, Result<&NodeStatus, Silence>)| HostStatus {
            host: host.to_owned(),
            status: word.as_ref().ok().map(|status| (*status).clone()),
            error: word.err().map(|silence| silence.why),
        };
        self.words().map(status).collect()
    }
}

fn last(word: Option<&Word>) -> Result<&NodeStatus, Silence> {
    match word {
        Some(Word::Told(status, when)) if when.elapsed() <= SILENCE => Ok(status),
        Some(Word::Told(..)) => Err(Silence::passing(format!(
            "no word for {} s",
            SILENCE.as_secs()
        ))),
        Some(Word::Silent(silence)) => Err(silence.clone()),
        None => Err(Silence::passing("no answer yet".into())),
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.connections.iter().for_each(|c| c.end());
    }
}

impl Silence {
    fn passing(why: String) -> Self {
        Self { why, stays: false }
    }

    fn staying(why: String) -> Self {
        Self { why, stays: true }
    }
}

/// ssh to a host, while there is one.
#[derive(Debug, Default)]
struct Connection {
    ssh: Mutex<Ssh>,
}

#[derive(Debug, Default)]
enum Ssh {
    #[default]
    None,
    Runs(Child),
    /// Nobody listens any more.
    Ended,
}

impl Connection {
    fn with<T>(&self, work: impl FnOnce(&mut Ssh) -> T) -> T {
        work(&mut self.ssh.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over a connection; whether anybody still wants it.
    fn hold(&self, mut child: Child) -> bool {
        self.with(|ssh| match ssh {
            Ssh::Ended => {
                kill(&mut child);
                false
            }
            _ => {
                *ssh = Ssh::Runs(child);
                true
            }
        })
    }

    /// Lets go of a connection that broke; whether anybody wants another.
    fn release(&self) -> bool {
        self.with(|ssh| match std::mem::take(ssh) {
            Ssh::Ended => {
                *ssh = Ssh::Ended;
                false
            }
            Ssh::Runs(mut child) => {
                kill(&mut child);
                true
            }
            Ssh::None => true,
        })
    }

    fn end(&self) {
        self.release();
        self.with(|ssh| *ssh = Ssh::Ended);
    }
}

fn kill(child: &mut Child) {
    // Our own child, not waited for yet; it may have ended by itself.
    drop(child.kill());
    drop(child.wait());
}

/// What listens to a host, if `ssh_config` has it by now.
fn way(context: &ContextFolder, host: &str) -> Result<Program, Silence> {
    let known = ssh_files::hosts(context);
    let known = known.map_err(|error| Silence::staying(error.last_cause()))?;
    if !known.iter().any(|name| name == host) {
        return Err(Silence::passing(NEVER_STARTED.into()));
    }
    let config = ssh_files::config_file(context);
    let words = ["hived", "status", "--follow"];
    Ok(remote::on_host(&config, host, CONNECT, &words))
}

/// Listens to one host, on a thread of its own.
struct Listener<W> {
    way: W,
    host: String,
    connection: Arc<Connection>,
    tell: Sender<(String, Word)>,
}

impl<W: Fn() -> Result<Program, Silence>> Listener<W> {
    fn run(&self) {
        loop {
            let silence = self.listen();
            let wanted = self.connection.release();
            let told = self.tell.send((self.host.clone(), Word::Silent(silence)));
            if !wanted || told.is_err() {
                return;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Until the connection breaks; why.
    fn listen(&self) -> Silence {
        let program = match (self.way)() {
            Ok(program) => program,
            Err(silence) => return silence,
        };
        let (out, said) = match self.start(&program) {
            Ok(started) => started,
            Err(error) => return Silence::staying(program.start_error(error).to_string()),
        };
        let mut out = BufReader::new(out);
        let mut line = String::new();
        // What has no end was cut off together with the connection.
        while out.read_line(&mut line).is_ok() && line.ends_with('\n') {
            match remote::read_status(&self.host, &line) {
                Ok(status) => {
                    let word = Word::Told(Box::new(status), Instant::now());
                    if self.tell.send((self.host.clone(), word)).is_err() {
                        break;
                    }
                }
                Err(error) => return Silence::staying(format!("{error:#}")),
            }
            line.clear();
        }
        let mut text = String::new();
        drop(said.take(TAIL).read_to_string(&mut text));
        if text.contains("unknown arguments") {
            return Silence::staying(format!(
                "{} can't be followed: its image is older than this `hive`; use the release that baked it",
                self.host
            ));
        }
        let why = text.trim().lines().next_back();
        Silence::passing(why.unwrap_or("the connection has ended").to_owned())
    }

    fn start(&self, program: &Program) -> io::Result<(impl Read, impl Read)> {
        let mut ssh = remote::kept(program).spawn()?;
        let pipes = (ssh.stdout.take(), ssh.stderr.take());
        self.connection.hold(ssh);
        match pipes {
            (Some(out), Some(said)) => Ok((out, said)),
            _ => Err(io::Error::other("it has no output")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::site_status::verdict::tests::manager;

    fn shell(script: &str) -> Program {
        Program::new("sh").args(["-c", script])
    }

    fn following(script: String) -> Following {
        Following::over(std::iter::once(("h0", move || Ok(shell(&script)))))
    }

    fn line() -> String {
        let status = manager("h0", &[]).status.unwrap();
        serde_json::to_string(&status).unwrap()
    }

    /// Waits until the host's last word is as it should be.
    fn until(following: &mut Following, good: impl Fn(Result<&NodeStatus, Silence>) -> bool) {
        let since = Instant::now();
        while !following.words().all(|(_, word)| good(word)) {
            assert!(since.elapsed() < Duration::from_secs(60), "{following:?}");
            following.wait(Duration::from_millis(100));
        }
    }

    #[test]
    fn a_connection_that_breaks_is_told_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let once = folder.path().join("once");
        let mut following = following(format!(
            "mkdir {once} 2>/dev/null || {{ echo '{line}'; exec cat; }}; printf '{{\"version\"'; echo it went away >&2; exit 255",
            once = once.display(),
            line = line(),
        ));
        until(&mut following, |word| {
            word.is_err_and(|silence| silence == Silence::passing("it went away".into()))
        });
        assert!(following.hosts()[0].status.is_none());
        until(&mut following, |word| word.is_ok());
        assert_eq!(following.hosts()[0].status, manager("h0", &[]).status);
    }

    #[test]
    fn what_does_not_get_better_is_told_as_that() {
        let old = "echo 'hived: unknown arguments' >&2; echo usage >&2; exit 2";
        for script in [old, "echo '{}'"] {
            until(&mut following(script.into()), |word| {
                word.is_err_and(|silence| silence.stays)
            });
        }
    }

    #[test]
    fn who_is_not_followed_any_more_is_let_go() {
        let mut following = following(format!("echo '{}'; exec cat", line()));
        until(&mut following, |word| word.is_ok());
        let connection = Arc::clone(&following.connections[0]);
        let pid = connection.with(|ssh| match ssh {
            Ssh::Runs(child) => child.id(),
            other => panic!("{other:?}"),
        });
        drop(following);
        assert!(connection.with(|ssh| matches!(ssh, Ssh::Ended)));
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
