//! `hived`: the node's daemon, and the words with which a person at the host speaks to it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hive_appliance::decisions::{self, Request};
use hive_appliance::paths::Paths;
use hive_appliance::volumes::{fence, power};
use hive_appliance::{console, daemon, follow_status, mirrored_disk};

const USAGE: &str = "\
hived                    run as the node's daemon (hived.service)
hived status             how this node is
hived status --json      the same for programs
hived status --follow    the same as it changes, a document a line, until standard input ends
hived found --without HOST… [--even-if-granted]
                         found the swarm though these hives are silent
hived recover            make this hive the site's swarm
hived rejoin             let this hive into the swarm again
hived disks              prepare the disk for mirrored volumes (hive-disks.service)
hived volumes up         bring mirrored volumes up as they were (hive-volumes.service)
hived volumes down       unmount them and take them down, as the host goes down
hived fence-peer         may this host go on without its peer? (DRBD's handler)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut words: Vec<&str> = args.iter().map(String::as_str).collect();
    // For tests: all paths lie below a folder, so several daemons run on one machine.
    let mut root = PathBuf::from("/");
    if let ["--below", folder, ..] = words.as_slice() {
        root = PathBuf::from(folder);
        words.drain(..2);
    }
    let paths = Paths::below(&root);
    if words.as_slice() == ["fence-peer"] {
        return fence::run(&paths.socket);
    }
    let result = match words.as_slice() {
        [] => daemon::run(paths).map_err(|e| e.to_string()),
        ["status"] => status(&paths.status, false),
        ["status", "--json"] => status(&paths.status, true),
        ["status", "--follow"] => follow(&paths.status),
        ["disks"] => mirrored_disk::run(&paths),
        ["volumes", "up"] => power::up(&paths),
        ["volumes", "down"] => power::down(&paths),
        ["help" | "--help" | "-h"] => say(USAGE),
        words => match decisions::parse(words) {
            Some(request) => decide(&paths.socket, &request),
            None => {
                eprint!("hived: unknown arguments {words:?}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("hived: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Reads what the daemon wrote last, so that it works without the daemon too.
fn status(path: &Path, json: bool) -> Result<(), String> {
    let status = daemon::read(path).map_err(|e| unread(path, &e))?;
    let text = if json {
        serde_json::to_string_pretty(&status).map_err(|e| e.to_string())? + "\n"
    } else {
        console::text(&status)
    };
    say(&text)
}

fn follow(path: &Path) -> Result<(), String> {
    match follow_status::run(path, io::stdin().lock(), io::stdout().lock()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(unread(path, &e)),
        _ => Ok(()),
    }
}

fn unread(path: &Path, error: &io::Error) -> String {
    format!(
        "reading {}: {error}; is the daemon running? (`systemctl status hived`)",
        path.display()
    )
}

fn decide(socket: &Path, request: &Request) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let text = runtime.block_on(decisions::ask(socket, request));
    say(&(text.map_err(|e| e.to_string())? + "\n"))
}

/// Prints; a reader that has seen enough (`| head`) is no error.
fn say(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("writing to standard output: {e}"))
        }
        _ => Ok(()),
    }
}
