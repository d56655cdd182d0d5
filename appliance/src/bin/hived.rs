//! `hived`: the node's daemon, and `hived status` for a person at the console.

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
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
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
    if json {
        let text = serde_json::to_string_pretty(&status).map_err(|e| e.to_string())?;
        println!("{text}");
    } else {
        print!("{}", console::text(&status));
    }
    Ok(())
}
