//! How a stage comes on from phase to phase, and what phases say that are not here yet.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod site;

use std::fs;

use site::Site;

fn start_phase(site: &Site) -> String {
    let text = site.hive(&["get", "start_phase"]);
    text.strip_prefix("exit 0\n--- out\n")
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_owned()
}

/// A site whose machines are somebody else's, with a way to log in to each.
fn prepared() -> Site {
    let site = Site::sample();
    fs::write(
        site.path("inventory/hive.yml"),
        "plugin: hive_inventory\nname: hive.example\nstages:\n  private:\n    provider: prepared\n    separate_repository: false\n    cidr: 192.0.2.0/24\n    ip_address_list: [192.0.2.1, 192.0.2.2, 192.0.2.3]\n",
    )
    .unwrap();
    let hosts: String = (0..3)
        .map(|n| format!("Host p-hive{n}.hive.example p-hive{n}\n  HostName 192.0.2.{n}\n"))
        .collect();
    fs::create_dir_all(site.path(".hive/private")).unwrap();
    fs::write(site.path(".hive/private/ssh_config"), hosts).unwrap();
    site
}

fn services(site: &Site, text: &str) {
    let text = format!("plugin: hive_services\navailable_on: [private]\nservices:\n{text}");
    for entry in fs::read_dir(site.path("inventory")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("hive.yml") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(site.path("inventory/services.yml"), text).unwrap();
}

#[test]
fn a_phase_says_when_it_starts_and_ends_and_moves_the_stage_on() {
    let site = prepared();
    assert_eq!(start_phase(&site), "build-infra");
    let text = site.hive(&["build-infra"]);
    assert!(
        text.starts_with("exit 0\n--- out\n--- err\n=== PHASE build-infra START at 2"),
        "{text}"
    );
    assert!(
        text.contains("are there already: nothing to make.\n=== PHASE build-infra END at 2"),
        "{text}"
    );
    assert!(text.trim_end().ends_with(" +0000 ==="), "{text}");
    assert_eq!(start_phase(&site), "setup-hosts");
    let kept = fs::read_to_string(site.path(".hive/persistents.yml")).unwrap();
    assert_eq!(kept, "start_phase:\n  private: setup-hosts\n");
}

#[test]
fn the_inventory_is_told_which_phase_runs_with_what() {
    let site = prepared();
    let text = site.hive(&["-v", "build-infra", "-l", "p-hive0"]);
    for line in [
        "hive_phase: \"build-infra\"\n",
        "hive_limit: \"p-hive0\"\n",
        "hive_stage: \"private\"\n",
        "hive_context_dir: \"[SITE]/.hive/private\"\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn a_part_of_a_phase_does_not_move_the_stage_on() {
    let site = prepared();
    for args in [
        &["build-infra", "-C"][..],
        &["build-infra", "-l", "p-hive0,p-hive1"],
        &["build-images", "--check_mode"],
    ] {
        let text = site.hive(args);
        assert!(text.starts_with("exit 0\n"), "{text}");
    }
    assert_eq!(start_phase(&site), "build-infra");
    assert!(!site.path(".hive/persistents.yml").exists());
}

#[test]
fn a_phase_that_fails_does_not_move_the_stage_on() {
    let site = prepared();
    fs::remove_file(site.path(".hive/private/ssh_config")).unwrap();
    let text = site.hive(&["build-infra"]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("=== PHASE build-infra FAILED at"),
        "{text}"
    );
    assert!(
        text.contains("no way to log in is known for p-hive0.hive.example"),
        "{text}"
    );
    assert_eq!(start_phase(&site), "build-infra");
}

#[test]
fn all_stops_at_the_first_failure_and_says_how_to_go_on() {
    let site = prepared();
    services(
        &site,
        "  web:\n    image: {from: 'debian', roles: [web]}\n  plain:\n    image: nginx\n",
    );
    let text = site.hive(&["all", "-S", "build-images"]);
    assert!(text.starts_with("exit 1\n"), "{text}");
    assert!(
        text.contains("these services' are built by roles: web\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "hint: when that is put right, `hive -s private all -S build-images` goes on from here"
        ),
        "{text}"
    );
    assert!(!text.contains("PHASE initialize-services"), "{text}");
    assert_eq!(start_phase(&site), "build-infra");
}

#[test]
fn all_goes_on_where_the_stage_is() {
    let site = prepared();
    services(&site, "  web:\n    image: nginx\n");
    site.hive(&["set", "start_phase", "initialize-services"]);
    let text = site.hive(&["all"]);
    assert!(text.starts_with("exit 0\n"), "{text}");
    assert!(text.contains("Stage private goes on with initialize-services; `hive all -S build-infra` begins at the beginning."), "{text}");
    assert!(
        text.contains("PHASE initialize-services END") && !text.contains("PHASE build-infra"),
        "{text}"
    );
    assert_eq!(start_phase(&site), "initialize-services");
    let text = site.hive(&["all", "--start_phase", "nonsense"]);
    assert!(text.starts_with("exit 2\n"), "{text}");
}

#[test]
fn what_is_not_here_says_so_and_what_to_do_instead() {
    let site = prepared();
    services(
        &site,
        "  web:\n    image: nginx\n    initialize_roles: [users]\n",
    );
    let text = site.hive(&["initialize-services"]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("have initialize_roles: web\n"),
        "{text}"
    );
    assert!(text.contains("hint: "), "{text}");
    let text = site.hive(&["initialize-services", "-l", "other"]);
    assert!(text.starts_with("exit 0\n"), "{text}");
}

#[test]
fn machines_at_a_cloud_are_not_made_and_nobody_pretends() {
    let site = Site::sample();
    fs::write(
        site.path("inventory/hive.yml"),
        "plugin: hive_inventory\nname: hive.example\nstages:\n  private:\n    provider: aws\n    separate_repository: false\n    cidr: 192.0.2.0/24\n    region: r\n    subnets: [{cidr: 192.0.2.0/24, available_zone: a}]\n    instance_type: t\n",
    )
    .unwrap();
    let text = site.hive(&["build-infra"]);
    assert!(text.starts_with("exit 1\n"), "{text}");
    assert!(
        text.contains("makes no machines at aws") && text.contains("all -S setup-hosts"),
        "{text}"
    );
}

#[test]
fn machines_here_are_made_from_a_baked_image() {
    let site = Site::sample();
    let text = site.hive(&["build-infra", "-C"]);
    assert!(
        text.contains("not running, and to be started: p-hive0, p-hive1, p-hive2"),
        "{text}"
    );
    let text = site.hive(&["build-infra"]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("has no baked image"),
        "{text}"
    );
    assert_eq!(start_phase(&site), "build-infra");
}
