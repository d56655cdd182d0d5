//! Work that needs to be root, without being root.
//!
//! A task runs in a child of this program (`hive in-namespace`) inside its own user, mount, pid,
//! network, ipc and uts namespaces: it sees user ids 0 to 65535 as on a real system, has no
//! network, and dies with the bake. Under root there is no user namespace, and the same bytes come
//! out. See user_namespaces(7), newuidmap(1), subuid(5).
//!
//! Protocol over the child's pipes: the child says `ready` when its user namespace exists, the
//! parent maps the ids and sends the [`Task`] as one line of JSON, the child sends [`Message`]s, a
//! line each, the last of them [`Message::Done`] or [`Message::Failed`].

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use hive_system::{Failure, Program};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{
    UnshareFlags, set_thread_gid, set_thread_groups, set_thread_uid, unshare_unsafe,
};
use serde::{Deserialize, Serialize};

use crate::chroot;
use crate::progress::Progress;
use crate::tree;

/// The hidden subcommand that the `hive` command answers to with [`enter`].
pub const SUBCOMMAND: &str = "in-namespace";
/// User ids that a Debian system needs: 0 to 65535.
const IDS: u32 = 65536;

/// What is to be done inside.
#[derive(Debug, Serialize, Deserialize)]
pub enum Task {
    /// Build the root file system.
    Root(Box<tree::RootTask>),
    /// Build kernel modules from their packages.
    Modules(Box<crate::modules::ModulesTask>),
    /// Run a program of the tool root.
    Tool(chroot::ToolTask),
}

/// What the child reports.
#[derive(Debug, Serialize, Deserialize)]
enum Message {
    Denied { errno: i32 },
    Ready,
    Progress { step: String, done: u64, total: u64 },
    Warning { text: String },
    Done,
    Failed { chain: Vec<String> },
}

/// Runs a task in fresh namespaces. `program` is the `hive` command.
///
/// # Errors
/// Namespaces are not to be had (the error says what to enable), or the task failed.
pub fn run(program: &Path, task: &Task, progress: &dyn Progress) -> Result<()> {
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {} for work inside namespaces", program.display()))?;
    let outcome = converse(&mut child, task, progress);
    // After an error the child may still wait for us.
    drop(child.stdin.take());
    if outcome.is_err() {
        drop(child.kill());
    }
    let status = child
        .wait()
        .context("waiting for the work inside namespaces")?;
    outcome?;
    if !status.success() {
        bail!("the work inside namespaces ended with {status} after it had reported success");
    }
    Ok(())
}

fn converse(child: &mut Child, task: &Task, progress: &dyn Progress) -> Result<()> {
    let mut lines = BufReader::new(
        child
            .stdout
            .take()
            .context("the child has no output pipe")?,
    );
    match receive(&mut lines)? {
        Message::Ready => {}
        Message::Denied { errno } => bail!(denied(io::Error::from_raw_os_error(errno))),
        other => bail!("the child began with {other:?}"),
    }
    if !rustix::process::geteuid().is_root() {
        map_ids(child.id())?;
    }
    let mut stdin = child.stdin.take().context("the child has no input pipe")?;
    let mut line = serde_json::to_vec(task).context("writing the task")?;
    line.push(b'\n');
    stdin.write_all(&line).context("handing the task over")?;
    loop {
        match receive(&mut lines)? {
            Message::Progress { step, done, total } => progress.advance(&step, done, total),
            Message::Warning { text } => progress.warn(&text),
            Message::Done => return Ok(()),
            Message::Failed { chain } => {
                let mut errors = chain.into_iter().rev();
                let first = errors.next().unwrap_or_else(|| "no reason given".into());
                return Err(errors.fold(anyhow!(first), |e, outer| e.context(outer)));
            }
            other => bail!("the child said {other:?} out of turn"),
        }
    }
}

fn receive(lines: &mut BufReader<ChildStdout>) -> Result<Message> {
    let mut line = String::new();
    lines
        .read_line(&mut line)
        .context("reading from the work inside namespaces")?;
    if line.is_empty() {
        bail!("the work inside namespaces was killed (out of memory? `dmesg` tells)");
    }
    serde_json::from_str(&line).with_context(|| format!("the work inside namespaces said {line:?}"))
}

/// Maps user and group ids 1 to 65535 to the ordinary user's subordinate ids, and 0 to the user.
fn map_ids(pid: u32) -> Result<()> {
    let name = user_name();
    for (tool, file, own) in [
        (
            "newuidmap",
            "/etc/subuid",
            rustix::process::geteuid().as_raw(),
        ),
        (
            "newgidmap",
            "/etc/subgid",
            rustix::process::getegid().as_raw(),
        ),
    ] {
        let text = fs::read_to_string(file).unwrap_or_default();
        let start = subordinate_start(&text, &name, rustix::process::geteuid().as_raw()).with_context(|| {
            format!(
                "the user {name} has no {IDS} subordinate ids in {file}; give them with\n    sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}\n(another range if that one is taken)"
            )
        })?;
        Program::new(tool)
            .package("uidmap")
            .args([&pid.to_string(), "0", &own.to_string(), "1", "1", &start.to_string(), &(IDS - 1).to_string()])
            .output()
            .map_err(|e| match e {
                Failure::Missing { .. } => anyhow!(
                    "{tool} is missing, without which only root can bake; install it with `sudo apt-get install uidmap`, or bake as root"
                ),
                other => anyhow::Error::new(other).context("mapping user ids for the work inside namespaces"),
            })?;
    }
    Ok(())
}

/// First of at least [`IDS`]−1 subordinate ids of a user in the text of subuid(5).
fn subordinate_start(text: &str, name: &str, uid: u32) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let user = fields.next()?;
        let start = fields.next()?.parse().ok()?;
        let count: u32 = fields.next()?.parse().ok()?;
        ((user == name || user == uid.to_string()) && count >= IDS - 1).then_some(start)
    })
}

fn user_name() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    named.unwrap_or(uid)
}

fn denied(error: io::Error) -> String {
    let setting = |path: &str| {
        fs::read_to_string(path)
            .map(|t| t.trim().to_owned())
            .unwrap_or_default()
    };
    let mut steps = Vec::new();
    if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
        steps.push("sudo sysctl -w kernel.unprivileged_userns_clone=1");
    }
    if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
        steps.push("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
    }
    if setting("/proc/sys/user/max_user_namespaces") == "0" {
        steps.push("sudo sysctl -w user.max_user_namespaces=15000");
    }
    if steps.is_empty() {
        steps.push("bake as root, or outside the container that forbids them");
    }
    format!(
        "this machine does not let an ordinary user make user namespaces ({error}), which the bake runs Debian's package scripts in. To allow it:\n    {}",
        steps.join("\n    ")
    )
}

/// The child's side: enters the namespaces, does the task that arrives on standard input, and reports on standard output.
pub fn enter() -> ExitCode {
    match prepare_and_do() {
        Ok(code) => code,
        Err(error) => {
            send(&Message::Failed {
                chain: error.chain().map(ToString::to_string).collect(),
            });
            ExitCode::FAILURE
        }
    }
}

#[allow(unsafe_code)]
fn prepare_and_do() -> Result<ExitCode> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .context("binding this process to its parent")?;
    let ordinary = !rustix::process::geteuid().is_root();
    if ordinary {
        // SAFETY: this process has a single thread, and no file descriptor table is unshared.
        if let Err(error) = unsafe { unshare_unsafe(UnshareFlags::NEWUSER) } {
            send(&Message::Denied {
                errno: error.raw_os_error(),
            });
            return Ok(ExitCode::FAILURE);
        }
    }
    send(&Message::Ready);
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .context("reading the task")?;
    if line.is_empty() {
        // The parent has said why.
        return Ok(ExitCode::FAILURE);
    }
    let task: Task = serde_json::from_str(&line).context("reading the task")?;
    if ordinary {
        set_thread_groups(&[]).context("dropping groups")?;
        set_thread_gid(rustix::process::Gid::ROOT).context("becoming group 0 inside")?;
        set_thread_uid(rustix::process::Uid::ROOT).context("becoming user 0 inside")?;
    }
    let flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    // SAFETY: as above.
    unsafe { unshare_unsafe(flags) }.map_err(|e| anyhow!(denied(e.into())))?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .context("keeping mounts to ourselves")?;
    // SAFETY: this process has a single thread; the child runs ordinary code.
    match unsafe { libc::fork() } {
        -1 => {
            Err(io::Error::last_os_error()).context("starting the first process of the namespace")
        }
        0 => {
            let ok = first_process(&task);
            // The end of process 1 ends everything that package scripts may have left running.
            std::process::exit(i32::from(!ok));
        }
        pid => {
            let pid = rustix::process::Pid::from_raw(pid).context("the child has no process id")?;
            let status = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())
                .context("waiting for the first process of the namespace")?;
            let ok = status.is_some_and(|(_, s)| s.exit_status() == Some(0));
            Ok(if ok {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

fn first_process(task: &Task) -> bool {
    let outcome = (|| {
        set_parent_process_death_signal(Some(Signal::KILL))
            .context("binding this process to its parent")?;
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        rustix::system::sethostname(b"localhost").context("naming the namespace")?;
        match task {
            Task::Root(task) => tree::build(task, &Pipe),
            Task::Modules(task) => crate::modules::build(task, &Pipe),
            Task::Tool(task) => chroot::tool(task),
        }
    })();
    match outcome {
        Ok(()) => {
            send(&Message::Done);
            true
        }
        Err(error) => {
            send(&Message::Failed {
                chain: error.chain().map(ToString::to_string).collect(),
            });
            false
        }
    }
}

/// Progress that goes to the parent.
struct Pipe;

impl Progress for Pipe {
    fn begin(&self, _: &str, _: &str) {}
    fn cached(&self, _: &str) {}
    fn end(&self, _: &str) {}
    fn advance(&self, step: &str, done: u64, total: u64) {
        send(&Message::Progress {
            step: step.to_owned(),
            done,
            total,
        });
    }
    fn warn(&self, text: &str) {
        send(&Message::Warning {
            text: text.to_owned(),
        });
    }
}

fn send(message: &Message) {
    let Ok(mut line) = serde_json::to_vec(message) else {
        return;
    };
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    // A parent that is gone has killed us by now.
    drop(stdout.write_all(&line).and_then(|()| stdout.flush()));
}

/// The running `hive` command, which is also the program inside.
///
/// # Errors
/// The kernel does not tell.
pub fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("finding the path of the running command")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subordinate_ids_are_found_by_name_or_number() {
        let text = "other:100000:65536\nana:200000:1000\nana:300000:65536\n1001:400000:65536\n";
        assert_eq!(subordinate_start(text, "ana", 1000), Some(300_000));
        assert_eq!(subordinate_start(text, "bob", 1001), Some(400_000));
        assert_eq!(subordinate_start(text, "eve", 1002), None);
    }
}
