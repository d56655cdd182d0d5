//! What a site keeps: `hive set`, `get`, `unset`, `list`, and who sees what of it.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod site;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use site::Site;

const FILE: &str = ".hive/persistents.yml";

fn kept(site: &Site, text: &str) {
    fs::create_dir_all(site.path(".hive")).unwrap();
    fs::write(site.path(FILE), text).unwrap();
}

fn value(site: &Site, args: &[&str]) -> String {
    let text = site.hive(&[&["get"], args].concat());
    let (_, rest) = text
        .split_once("exit 0\n--- out\n")
        .unwrap_or_else(|| panic!("{text}"));
    rest.split_once("--- err\n")
        .unwrap()
        .0
        .trim_end()
        .to_owned()
}

fn start(site: &Site, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_hive"))
        .args(args)
        .current_dir(site.path(""))
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_value_is_kept_for_its_stage_only() {
    let site = Site::sample();
    assert_eq!(
        site.hive(&["set", "tls_logging", "yes", "-s", "staging"]),
        "exit 0\n--- out\n--- err\ntls_logging is true (for stage staging)\n"
    );
    assert_eq!(value(&site, &["tls_logging", "-s", "staging"]), "true");
    assert_eq!(value(&site, &["tls_logging"]), "false");
    let mode = fs::metadata(site.path(FILE)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn the_stage_of_the_command_line_decides_not_the_kept_one() {
    let site = Site::sample();
    kept(
        &site,
        "stage: {global: staging}\ndrbd_device_map: {staging: {db: 1}, private: {db: 7}}\n",
    );
    assert_eq!(value(&site, &["stage"]), "staging");
    assert_eq!(value(&site, &["drbd_device_map"]), r#"{"db":1}"#);
    assert_eq!(
        value(&site, &["-s", "private", "drbd_device_map"]),
        r#"{"db":7}"#
    );
    assert_eq!(
        value(&site, &["-s", "private", "context_dir"]),
        "[SITE]/.hive/private"
    );
    // A value set without -s goes where the kept stage says.
    site.hive(&["set", "http_proxy", "h:1"]);
    assert_eq!(value(&site, &["-s", "staging", "http_proxy"]), "h:1");
    let text = site.hive(&["-s", "private", "get", "http_proxy"]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("has no value for stage private"),
        "{text}"
    );
}

#[test]
fn another_folder_has_its_own_values() {
    let (here, there) = (Site::sample(), Site::sample());
    kept(&there, "stage: {global: staging}\n");
    let root = there.path("");
    let text = here.hive(&["-r", root.to_str().unwrap(), "get", "stage"]);
    assert!(text.contains("staging"), "{text}");
    assert_eq!(value(&here, &["stage"]), "private");
}

#[test]
fn the_kept_stage_is_the_one_that_commands_work_on() {
    let site = Site::sample();
    site.hive(&["set", "stage", "production"]);
    let text = site.hive(&["bake", "--plan"]);
    assert!(
        text.starts_with("exit 2\n") && text.contains("has no stage `production`"),
        "{text}"
    );
    let text = site.hive(&["-s", "private", "bake", "--plan"]);
    assert!(text.starts_with("exit 0\n"), "{text}");
}

#[test]
fn both_names_of_the_file_are_read() {
    let site = Site::sample();
    fs::create_dir_all(site.path(".hive")).unwrap();
    fs::write(
        site.path(".hive/persistent_values.yml"),
        "http_proxy:\n  private: h:1\n",
    )
    .unwrap();
    assert_eq!(value(&site, &["http_proxy"]), "h:1");
    kept(&site, "http_proxy:\n  private: h:2\n");
    assert_eq!(value(&site, &["http_proxy"]), "h:2");
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_name() {
    let site = Site::sample();
    for command in [
        &["set", "forward_zabbix", "true"][..],
        &["get", "forward_zabbix"],
        &["unset", "forward_zabbix"],
    ] {
        let text = site.hive(command);
        assert!(text.starts_with("exit 2\n"), "{text}");
        assert!(
            text.contains("there is no variable `forward_zabbix`; did you mean `foward_zabbix`?"),
            "{text}"
        );
    }
    let text = site.hive(&["set", "root_dir", "/"]);
    assert!(
        text.starts_with("exit 2\n") && text.contains("can't be persisted"),
        "{text}"
    );
    assert!(!site.path(FILE).exists());
}

#[test]
fn a_value_of_the_wrong_type_is_refused_and_nothing_is_written() {
    let site = Site::sample();
    for (name, word, wanted) in [
        ("first_hive", "one", "`one` is not a whole number"),
        (
            "stage",
            "test",
            "`test` is not one of production, staging, private",
        ),
        ("tls_logging", "perhaps", "`perhaps` is not true or false"),
        ("drbd_device_map", "db=1", "as JSON has them"),
        ("inventory_path", "nowhere", "[SITE]/nowhere is not there"),
    ] {
        let text = site.hive(&["set", name, word]);
        assert!(
            text.starts_with("exit 2\n") && text.contains(wanted),
            "{text}"
        );
    }
    assert!(!site.path(FILE).exists());
}

#[test]
fn a_damaged_value_is_told_with_its_remedy_which_works() {
    let site = Site::sample();
    kept(&site, "stage: {global: test}\n");
    let text = site.hive(&["list-hosts"]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("hint: `hive set stage VALUE` puts it right"),
        "{text}"
    );
    assert!(site.hive(&["unset", "stage"]).starts_with("exit 0\n"));
    assert!(site.hive(&["list-hosts"]).starts_with("exit 0\n"));
}

#[test]
fn entries_of_others_stay_with_their_comments_and_are_warned_of() {
    let site = Site::sample();
    let text = "# whose?\nstge:\n  global: staging # typed at night\nroot_dir:\n  global: /x\n";
    kept(&site, text);
    let said = site.hive(&["list-hosts"]);
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(said.contains("warning: `stge` in .hive/persistents.yml is no variable of hive (did you mean `stage`?)"), "{said}");
    assert!(
        said.contains("warning: `root_dir` in .hive/persistents.yml has no effect"),
        "{said}"
    );
    site.hive(&["set", "stage", "private"]);
    let after = fs::read_to_string(site.path(FILE)).unwrap();
    assert_eq!(after, format!("{text}stage:\n  global: private\n"));
    assert!(
        site.hive(&["unset", "stge"])
            .contains("no longer in the files")
    );
    let after = fs::read_to_string(site.path(FILE)).unwrap();
    assert!(!after.contains("stge"), "{after}");
}

#[test]
fn credentials_are_shown_only_when_asked_for() {
    let site = Site::sample();
    let text = site.hive(&["set", "aws_secret_access_key", "wJalr"]);
    assert!(
        text.starts_with("exit 0\n") && !text.contains("wJalr"),
        "{text}"
    );
    site.hive(&["set", "http_proxy", "http://me:wJalr@proxy:3128"]);
    for command in [
        &["list"][..],
        &["list", "--json"],
        &["list", "--all"],
        &["get", "aws_secret_access_key", "--json"],
        &["get", "aws_secret_access_key"],
    ] {
        let text = site.hive(command);
        assert!(!text.contains("wJalr"), "{text}");
    }
    assert!(
        site.hive(&["get", "aws_secret_access_key"])
            .contains("hint: `--reveal` shows it")
    );
    assert_eq!(
        value(&site, &["aws_secret_access_key", "--reveal"]),
        "wJalr"
    );
    assert!(site.hive(&["list", "--reveal"]).contains("wJalr"));
    // A program that asks for the proxy by name gets what it can use.
    assert_eq!(value(&site, &["http_proxy"]), "http://me:wJalr@proxy:3128");
}

#[test]
fn the_list_says_where_each_value_is_from() {
    let site = Site::sample();
    site.hive(&["set", "tls_logging", "true"]);
    site.hive(&["set", "no_format", "true"]);
    let text = site.hive(&["-W", "/t", "list"]);
    let line = |name: &str| {
        let found = text
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        found
            .unwrap_or_else(|| panic!("{name} in {text}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        line("tls_logging"),
        "tls_logging true stage .hive/persistents.yml, for this stage"
    );
    assert_eq!(
        line("no_format"),
        "no_format true global .hive/persistents.yml, for all stages"
    );
    assert_eq!(line("temp_dir"), "temp_dir /t stage the command line");
    assert_eq!(
        line("inventory_path"),
        "inventory_path [SITE]/inventory global default"
    );
    let json = site.hive(&["list", "--json"]);
    assert!(
        json.contains("\"version\": 1")
            && json.contains("\"from\": \".hive/persistents.yml, for this stage\""),
        "{json}"
    );
}

#[test]
fn both_spellings_of_every_global_option() {
    let site = Site::sample();
    for name in ["inventory_path", "context_dir", "temp_dir"] {
        for option in [format!("--{name}"), format!("--{}", name.replace('_', "-"))] {
            let there = site.path("inventory");
            let text = site.hive(&[&option, there.to_str().unwrap(), "get", name]);
            assert_eq!(text, "exit 0\n--- out\n[SITE]/inventory\n--- err\n");
        }
    }
    let text = site.hive(&["-P", "/p", "get", "stage"]);
    assert!(
        text.contains("warning: -P has no effect: hive has no playbooks"),
        "{text}"
    );
}

#[test]
fn definitions_and_keys_can_lie_elsewhere() {
    let site = Site::sample();
    fs::rename(site.path("inventory"), site.path("defs")).unwrap();
    let text = site.hive(&["-i", "defs", "-c", "keys", "bake", "--locked"]);
    assert!(text.contains("run `hive lock`"), "{text}");
    assert!(site.path("keys/id_ed25519").exists() && !site.path(".hive").exists());
    let root = site.path("");
    let set = [
        "-r",
        root.to_str().unwrap(),
        "set",
        "inventory_path",
        "defs",
    ];
    assert!(site.hive(&set).starts_with("exit 0\n"));
    assert!(site.hive(&["list-hosts"]).starts_with("exit 0\n"));
}

#[test]
fn two_at_once_lose_nothing() {
    let site = Site::sample();
    let words = [
        ("http_proxy", "h:1"),
        ("registry_mirror", "http://m"),
        ("pip_index_url", "http://i"),
        ("pip_trusted_host", "i"),
        ("vagrant_proxy", "h:2"),
        ("tls_logging", "true"),
    ];
    let stages = ["private", "staging", "production"];
    let all = || {
        words
            .iter()
            .flat_map(|(name, word)| stages.map(|stage| (*name, *word, stage)))
    };
    let running: Vec<_> = all()
        .map(|(name, word, stage)| start(&site, &["-s", stage, "set", name, word]))
        .collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    for (name, word, stage) in all() {
        assert_eq!(value(&site, &["-s", stage, name]), word);
    }
    // Nothing is left that a person would have to delete.
    assert_eq!(fs::read_dir(site.path(".hive")).unwrap().count(), 1);
}

#[test]
fn a_command_that_is_killed_leaves_a_whole_file_and_no_lock() {
    let site = Site::sample();
    kept(&site, "stage:\n  global: private\n");
    let mut killed = 0;
    for round in 0..40 {
        let mut child = start(&site, &["set", "http_proxy", &format!("h:{round}")]);
        std::thread::sleep(std::time::Duration::from_micros(round * 150));
        interrupt(&child);
        let status = child.wait().unwrap();
        killed += usize::from(status.signal().is_some());
        let text = fs::read_to_string(site.path(FILE)).unwrap();
        assert!(
            text.starts_with("stage:\n  global: private\n") && text.ends_with('\n'),
            "{text}"
        );
    }
    assert!(
        killed > 0,
        "every command was done before Ctrl-C reached it"
    );
    assert_eq!(
        site.hive(&["set", "http_proxy", "last:1"]),
        "exit 0\n--- out\n--- err\nhttp_proxy is last:1 (for stage private)\n"
    );
    assert_eq!(value(&site, &["http_proxy"]), "last:1");
    assert_eq!(fs::read_dir(site.path(".hive")).unwrap().count(), 1);
}

/// What Ctrl-C does.
fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}
