//! Names of a stage: listed, and completed by shells.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod site;

use std::fs;
use std::process::Command;

use site::Site;

const SERVICES: &str = "\
plugin: hive_services
available_on: [private]
services:
  web:
    image: '{{ undefined_here }}/web'
    volumes:
    - {source: pages, target: /srv, drbd: {size: 1G}}
  later:
    image: nginx
    available_on: [production]
";

fn with_services() -> Site {
    let site = Site::sample();
    for entry in fs::read_dir(site.path("inventory")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("hive.yml") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(site.path("inventory/services.yml"), SERVICES).unwrap();
    site
}

/// What fish is offered for these words, the last of which is being typed.
fn offered(site: &Site, words: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_hive"))
        .arg("--")
        .arg("hive")
        .args(words)
        .current_dir(site.path(""))
        .env_clear()
        .env("HIVE_COMPLETE", "fish")
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect()
}

#[test]
fn names_are_listed_one_a_line() {
    let site = with_services();
    assert_eq!(
        site.hive(&["list-hosts"]),
        "exit 0\n--- out\np-hive0.hive.example\np-hive1.hive.example\np-hive2.hive.example\n--- err\n"
    );
    assert_eq!(
        site.hive(&["list-services"]),
        "exit 0\n--- out\nweb\n--- err\n"
    );
    assert_eq!(
        site.hive(&["list-volumes"]),
        "exit 0\n--- out\npages\n--- err\n"
    );
    let json = site.hive(&["list-volumes", "--json"]);
    assert!(
        json.contains("\"kind\": \"drbd\"") && json.contains("\"services\": ["),
        "{json}"
    );
    let json = site.hive(&["list-hosts", "--json"]);
    assert!(json.contains("\"short_name\": \"p-hive0\""), "{json}");
}

#[test]
fn shells_are_offered_the_names_of_the_site() {
    let site = with_services();
    assert_eq!(
        offered(&site, &["ssh", "-t", ""]),
        ["p-hive0", "p-hive1", "p-hive2"]
    );
    assert_eq!(offered(&site, &["ssh", "-t", "p-hive1"]), ["p-hive1"]);
    assert_eq!(
        offered(&site, &["-s", ""]),
        ["private", "staging", "production"]
    );
    assert!(offered(&site, &["set", ""]).contains(&"foward_zabbix".to_owned()));
    assert!(offered(&site, &["list-"]).contains(&"list-hosts".to_owned()));
    assert!(offered(&site, &["all", "-S", ""]).contains(&"deploy-services".to_owned()));
    // A stage that the site does not have has no names, and no complaints.
    assert!(offered(&site, &["-s", "production", "ssh", "-t", ""]).is_empty());
}

#[test]
fn outside_a_site_the_shell_is_offered_nothing_and_hears_nothing() {
    let site = Site::empty();
    assert!(offered(&site, &["ssh", "-t", ""]).is_empty());
}

#[test]
fn another_sites_names_are_offered_when_its_folder_is_named() {
    let (here, there) = (Site::empty(), with_services());
    let root = there.path("");
    let root = root.to_str().unwrap();
    assert_eq!(
        offered(&here, &["-r", root, "ssh", "-t", "p-hive2"]),
        ["p-hive2"]
    );
}

#[test]
fn scripts_are_printed_for_three_shells() {
    let site = Site::empty();
    for shell in ["bash", "zsh", "fish"] {
        let text = site.hive(&["completion", shell]);
        assert!(
            text.starts_with("exit 0\n") && text.contains("HIVE_COMPLETE"),
            "{text}"
        );
    }
}

#[test]
fn bash_completes_with_the_printed_script() {
    let site = with_services();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_hive"))
        .parent()
        .unwrap();
    let script = "source <(hive completion bash)\n\
        complete -p hive >/dev/null || exit 9\n\
        COMP_WORDS=(hive ssh -t p-hive) COMP_CWORD=3 COMP_TYPE=9 COMP_LINE='hive ssh -t p-hive' COMP_POINT=18\n\
        _clap_complete_hive hive p-hive -t\n\
        printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    let output = Command::new("bash")
        .args(["-c", script])
        .current_dir(site.path(""))
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .output();
    let Ok(output) = output else {
        println!("SKIPPED: there is no bash here");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let words: Vec<_> = text.split_whitespace().collect();
    assert_eq!(words, ["p-hive0", "p-hive1", "p-hive2"], "{output:?}");
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let site = Site::empty();
    let text = site.hive(&["manual", "man"]);
    assert!(text.starts_with("exit 0\n"), "{text}");
    let page = fs::read_to_string(site.path("man/hive.1")).unwrap();
    assert!(
        page.contains(".TH hive 1") && page.contains("Exit codes"),
        "{page}"
    );
    assert!(site.path("man/hive-list-hosts.1").exists() && site.path("man/hive-set.1").exists());
    assert!(site.hive(&["manual"]).contains(".TH hive 1"));
}
