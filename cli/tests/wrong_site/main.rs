//! Every wrong site that `hive-site` has among its tests, through the command: what is wrong is told with
//! its place and what to do, the exit code is 1, nothing in the site folder has changed, and no host was
//! asked for anything.
//!
//! The sites and the messages are those of `site/tests/invalid` and `site/tests/services/invalid`, to the
//! letter. Those in `cli/tests/wrong_site/sites` are wrong only when templates are evaluated as the
//! command does it, or with what is persisted (`dot-hive`); `UPDATE_FIXTURES=1` writes their messages anew.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many there have to be at least.
const AT_LEAST: usize = 60;
/// What is persisted before the command runs.
const PERSISTED: &str = "published_port_map:\n  private: {}\nstage:\n  global: private\n";
/// Roles that the definitions may name.
const ROLES: [&str; 4] = ["python-aptk", "hive-syslog", "web", "web-init"];

fn tests_of_site() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../site/tests")
}

/// The wrong sites of a folder, by name.
fn fixtures(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yml" || e == "d"))
        .collect();
    paths.sort();
    paths
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Every file below a folder with what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
            }
        }
    }
    found
}

/// The stage that a definition speaks of: by its first line, or the first that it defines.
fn stage(inventory: &Path, is_services: bool) -> String {
    for text in contents(inventory).values() {
        let text = String::from_utf8_lossy(text);
        if let Some(named) = text.strip_prefix("# stage: ") {
            return named.lines().next().unwrap().to_owned();
        }
    }
    let definition = fs::read_to_string(inventory.join("hive.yml")).unwrap_or_default();
    let defined = |stage: &&str| definition.contains(&format!("\n  {stage}:"));
    let first = ["private", "staging", "production"]
        .into_iter()
        .find(defined);
    match is_services {
        true => "private".to_owned(),
        false => first.unwrap_or("private").to_owned(),
    }
}

/// What the command says of a wrong site; what it must not have done is a panic.
fn told(fixture: &Path, is_services: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (site, bin) = (dir.path().join("site"), dir.path().join("bin"));
    let inventory = site.join("inventory");
    fs::create_dir_all(&inventory).unwrap();
    if is_services {
        let hive = tests_of_site().join("services/hive.yml");
        fs::copy(hive, inventory.join("hive.yml")).unwrap();
    }
    let name = if is_services {
        "services.yml"
    } else {
        "hive.yml"
    };
    match fixture.is_dir() {
        true => copy(fixture, &inventory),
        false => drop(fs::copy(fixture, inventory.join(name)).unwrap()),
    }
    for role in ROLES {
        let tasks = site.join("roles").join(role).join("tasks");
        fs::create_dir_all(&tasks).unwrap();
        fs::write(tasks.join("main.yml"), "[]\n").unwrap();
    }
    // Git ignores the real name.
    let persisted = inventory.join("dot-hive");
    if persisted.is_dir() {
        fs::rename(persisted, site.join(".hive")).unwrap();
    } else {
        fs::create_dir(site.join(".hive")).unwrap();
        fs::write(site.join(".hive/persistents.yml"), PERSISTED).unwrap();
    }
    let called = dir.path().join("called");
    fs::create_dir(&bin).unwrap();
    for program in ["ssh", "scp", "docker"] {
        let text = format!(
            "#!/bin/sh\necho {program} \"$@\" >> '{}'\nexit 1\n",
            called.display()
        );
        stand_in(&bin.join(program), &text);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let before = contents(&site);
    let output = Command::new(env!("CARGO_BIN_EXE_hive"))
        .args([
            "-s",
            &stage(&inventory, is_services),
            "deploy-services",
            "--plan",
        ])
        .current_dir(&site)
        .env_clear()
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("HIVE_CACHE", dir.path().join("cache"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let name = fixture.display();
    assert_eq!(output.status.code(), Some(1), "{name}: {said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{name}");
    assert!(
        !called.exists(),
        "{name}: {}",
        fs::read_to_string(called).unwrap()
    );
    let after = contents(&site);
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, text)| before.get(*path) != Some(*text))
        .collect();
    assert!(
        changed.is_empty() && before.len() == after.len(),
        "{name} changed {changed:?}"
    );
    // When a phase began and ended is another test's concern.
    let lines = said.lines().filter(|line| !line.starts_with("=== PHASE "));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    text.replace(site.to_str().unwrap(), "[SITE]")
}

/// A program that writes down that it was called.
fn stand_in(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs the command on every site of a folder, and compares with the messages beside them; how many
/// there are.
fn check(folder: &Path, is_services: bool, may_update: bool) -> usize {
    let fixtures = fixtures(folder);
    let mut differences = Vec::new();
    for fixture in &fixtures {
        let said = told(fixture, is_services);
        let name = fixture.display();
        assert!(said.contains("error: "), "{name}: {said}");
        // Where, and what to do; a site without a definition has no place.
        let has_place = said.contains("--> inventory/") || said.contains("no hive definition");
        let has_remedy = said.contains("= help: ");
        assert!(
            has_place && has_remedy || said.contains("first_hive"),
            "{name}: {said}"
        );
        let beside = fixture.with_extension("err");
        if may_update && std::env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&beside, &said).unwrap();
        } else if fs::read_to_string(&beside).unwrap_or_default() != said {
            differences.push(format!("--- {name}\n{said}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    fixtures.len()
}

#[test]
fn a_wrong_hive_definition_is_told_with_place_and_remedy_and_changes_nothing() {
    let count = check(&tests_of_site().join("invalid"), false, false);
    println!("{count} wrong hive definitions");
    assert!(count >= AT_LEAST / 2, "only {count}");
}

#[test]
fn a_wrong_service_definition_is_told_with_place_and_remedy_and_changes_nothing() {
    let count = check(&tests_of_site().join("services/invalid"), true, false);
    println!("{count} wrong service definitions");
    assert!(count >= AT_LEAST, "only {count}");
}

#[test]
fn what_is_wrong_once_it_is_evaluated_is_told_and_changes_nothing() {
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong_site/sites");
    let count = check(&sites, false, true);
    println!("{count} sites that are wrong when they are evaluated");
    assert!(count >= 12, "only {count}");
}
