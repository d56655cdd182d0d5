//! Chores of developers: `cargo xtask`. What CI runs is `check`; what the README names first is `demo`.

mod arrows;
mod bench;
mod build;
mod check;
mod debian;
mod demo;
mod docs;
mod programs;
mod step;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask demo            install what is missing, build, bake the sample site and boot its three hosts
cargo xtask test            all tests: unit, integration, then whole machines in QEMU
cargo xtask check           what has to be clean before a push: format, lints, licences, tests, docs, arrows
cargo xtask check --no-tests  the same without unit tests, which `test` runs too
cargo xtask build           target/release/hive, with the programs of the node inside
cargo xtask e2e [FILTER]    the tests with whole machines
cargo xtask docs [--check]  write the generated reference, or say that it is stale
cargo xtask bench bake      how long bakes take, beside mmdebstrap
cargo xtask bench boot      power-on to Docker ready, beside stock Debian
cargo xtask bench join      power-on to one swarm of three managers, beside a script over ssh
cargo xtask bench deploy    a deployment of fifty services with nothing to do, beside docker stack deploy
cargo xtask bench vip       how long a virtual IP is not answered for after failures, beside keepalived
cargo xtask bench volumes   writing through a mirrored volume, beside plain DRBD and a disk without a mirror
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["demo"] => demo::run(),
        ["test"] => test::run(),
        ["check"] => check::run(true),
        ["check", "--no-tests"] => check::run(false),
        ["build"] => build::run().map(drop),
        ["e2e", filter @ ..] => test::e2e(filter),
        ["docs"] => docs::run(false),
        ["docs", "--check"] => docs::run(true),
        ["bench", "bake"] => bench::bake::run(),
        ["bench", "boot"] => bench::boot::run(),
        ["bench", "join"] => bench::join::run(),
        ["bench", "deploy"] => bench::deploy::run(),
        ["bench", "vip"] => bench::vip::run(),
        ["bench", "volumes"] => bench::volumes::run(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("unknown: {}\n\n{USAGE}", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}
