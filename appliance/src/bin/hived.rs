//! `hived`: the node's daemon, and `hived status` for a person at the console.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use hive_appliance::{console, daemon};
use hive_inventory::disk::RUN_STATUS;

const USAGE: &str = "\
hived               run as the node's daemon (hived.service)
hived status        how this node is
hived status --json the same for programs
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        [] => daemon::run().map_err(|e| e.to_string()),
        ["status"] => status(false),
        ["status", "--json"] => status(true),
        ["help" | "--help" | "-h"] => say(USAGE),
        _ => {
            eprint!("hived: unknown arguments {words:?}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("hived: {e}");
            ExitCode::FAILURE
        }
    }
}

fn status(json: bool) -> Result<(), String> {
    let status = daemon::read(Path::new(RUN_STATUS)).map_err(|e| {
        format!("reading {RUN_STATUS}: {e}; is the daemon running? (`systemctl status hived`)")
    })?;
    let text = if json {
        serde_json::to_string_pretty(&status).map_err(|e| e.to_string())? + "\n"
    } else {
        console::text(&status)
    };
    say(&text)
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
