//! apt in a private root: it knows alternatives, provides, pins and multi-arch, and checks the signatures of
//! Release files; nothing of the builder's own package state is read or changed.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use hive_system::{Failure, Program};
use rustix::fs::{FlockOperation, flock};

use super::archive::Archive;

/// `apt-get VERB` in a root (apt.conf(5)).
pub(super) fn get(root: &Path, verb: &str) -> Program {
    let root = root.display();
    let mut program = Program::new("apt-get")
        .package("apt")
        .env("LC_ALL", "C.UTF-8");
    for option in [
        format!("Dir::State={root}"),
        format!("Dir::State::lists={root}/lists"),
        format!("Dir::State::status={root}/status"),
        format!("Dir::Cache={root}"),
        format!("Dir::Etc::sourcelist={root}/sources.list"),
        format!("Dir::Etc::preferences={root}/preferences"),
        "Dir::Etc::sourceparts=/dev/null".into(),
        "Dir::Etc::preferencesparts=/dev/null".into(),
        "Dir::Etc::trusted=/dev/null".into(),
        "Dir::Etc::trustedparts=/dev/null".into(),
        // Post-update hooks of the builder's own system have no business here.
        "APT::Update::Post-Invoke::=true".into(),
        "APT::Update::Post-Invoke-Success::=true".into(),
        // A failed or unsigned archive is an error, never «some index files were ignored».
        "APT::Update::Error-Mode=any".into(),
        "Acquire::AllowInsecureRepositories=false".into(),
        "Acquire::AllowDowngradeToInsecureRepositories=false".into(),
        "Acquire::ForceHash=SHA256".into(),
        "Acquire::Languages=none".into(),
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".into(),
        "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false".into(),
        "Acquire::Retries=3".into(),
        "APT::Architecture=amd64".into(),
        "APT::Architectures::=amd64".into(),
        "APT::Install-Recommends=false".into(),
        "APT::Install-Suggests=false".into(),
        "APT::Get::AllowUnauthenticated=false".into(),
        // apt counts itself as essential; a sealed host has no use for it.
        "pkgCacheGen::ForceEssential=,".into(),
        // The root may lie where apt's own unprivileged user can't look.
        "APT::Sandbox::User=root".into(),
    ] {
        program = program.arg("-o").arg(option);
    }
    program.arg("-q").arg(verb)
}

/// What is said when the archives can't be asked.
pub(super) fn update_error(failure: Failure, archives: &[Archive]) -> anyhow::Error {
    let said = failure.to_string();
    let next = if matches!(failure, Failure::Missing { .. }) {
        "packages are resolved by apt: lock on a Debian or Ubuntu machine; a bake from a finished hive.lock needs no apt"
    } else if [
        "GPG error",
        "BADSIG",
        "not signed",
        "signature",
        "NO_PUBKEY",
    ]
    .iter()
    .any(|w| said.contains(w))
    {
        "the signature of an archive does not hold: nothing was taken from it. Is the mirror the right one, and the key file up to date?"
    } else if [
        "Could not resolve",
        "Could not connect",
        "Connection",
        "404",
        "File not found",
    ]
    .iter()
    .any(|w| said.contains(w))
    {
        "an archive can't be reached: check its address (`mirror:` and `archives:` in inventory/hive.yml) and this machine's network; with a lock and a full cache `hive bake --locked` needs neither"
    } else {
        "apt's own words above say what is wrong"
    };
    anyhow::Error::new(failure).context(format!(
        "asking the archives ({}) for their packages; {next}",
        names(archives)
    ))
}

/// What is said when packages don't go together, or don't exist.
pub(super) fn resolve_error(failure: Failure, archives: &[Archive]) -> anyhow::Error {
    let said = failure.to_string();
    let missing: Vec<&str> = said
        .lines()
        .filter_map(|l| l.split("Unable to locate package ").nth(1))
        .map(str::trim)
        .collect();
    if !missing.is_empty() {
        return anyhow::anyhow!(
            "no archive ({}) has a package named {}; check the spelling under `packages:` in inventory/hive.yml, or add the archive that has it under `archives:`",
            names(archives),
            missing.join(", ")
        );
    }
    anyhow::Error::new(failure).context("resolving the package list; apt's own words say which packages can't be installed together")
}

fn names(archives: &[Archive]) -> String {
    archives
        .iter()
        .map(|a| a.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Waits until no other bake works in the root, and keeps it for as long as the file lives: apt gives
/// up at once when another apt is there, and the pins of a set lie in a file.
pub(super) fn turn(root: &Path) -> Result<File> {
    let path = root.join("turn");
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    flock(&file, FlockOperation::LockExclusive)
        .with_context(|| format!("locking {}", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn two_bakes_take_turns_in_one_root() {
        let root = tempfile::tempdir().unwrap();
        let ended = AtomicBool::new(false);
        let first = turn(root.path()).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let _turn = turn(root.path()).unwrap();
                ended.load(Ordering::SeqCst)
            });
            // Long enough for the second to have come by.
            std::thread::sleep(std::time::Duration::from_millis(200));
            ended.store(true, Ordering::SeqCst);
            drop(first);
            assert!(second.join().unwrap(), "the second did not wait");
        });
    }
}
