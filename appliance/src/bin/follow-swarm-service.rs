//! `follow-swarm-service`: virtual IPs and node labels that follow containers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hive_appliance::follow::run;
use hive_appliance::paths::Paths;

const USAGE: &str = "\
follow-swarm-service          run as the node's daemon (follow-swarm-service.service)
follow-swarm-service release  take all virtual IPs and their rules off this host
                              (follow-swarm-release.service, when the host goes down)
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
    let paths = Paths::below(Path::new(&root));
    let result = match words.as_slice() {
        [] => run::run(paths),
        ["release"] => run::release(),
        words => {
            eprint!("follow-swarm-service: unknown arguments {words:?}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("<3>{e}");
            ExitCode::FAILURE
        }
    }
}
