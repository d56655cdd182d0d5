//! `hive ssh` hands over to the system's ssh, a stand-in of which says here how it was called.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod site;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use site::Site;

/// A site with two hosts of three in its ssh_config, and an ssh that prints its words and exits with 7.
fn with_ssh() -> Site {
    let site = Site::sample();
    fs::create_dir_all(site.path(".hive/private")).unwrap();
    let config = "Host p-hive0.hive.example p-hive0\n\nHost p-hive1.hive.example p-hive1\n";
    fs::write(site.path(".hive/private/ssh_config"), config).unwrap();
    fs::create_dir(site.path("bin")).unwrap();
    let ssh = site.path("bin/ssh");
    fs::write(&ssh, "#!/bin/sh\nshift 2\nprintf '[%s]' \"$@\"\nexit 7\n").unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    site
}

fn ssh(site: &Site, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hive"))
        .arg("ssh")
        .args(args)
        .current_dir(site.path(""))
        .env_clear()
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", site.path("bin").display()),
        )
        .output()
        .unwrap()
}

fn words(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn without_a_name_it_is_the_last_host_and_says_so() {
    let site = with_ssh();
    let output = ssh(&site, &[]);
    assert_eq!(words(&output), "[p-hive1.hive.example]");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        said,
        "To p-hive1.hive.example, the last of 2 hosts; -t HOST names another.\n"
    );
}

#[test]
fn forwards_and_the_command_reach_ssh_and_its_exit_code_is_ours() {
    let site = with_ssh();
    let output = ssh(
        &site,
        &[
            "-t", "p-hive0", "-Z", "8000", "-L", "1:a:2", "--", "cat", "-n",
        ],
    );
    assert_eq!(
        words(&output),
        "[-L][localhost:8000:p-hive0.hive.example:10052][-L][1:a:2][p-hive0.hive.example][--][cat][-n]"
    );
    assert!(output.stderr.is_empty());
}

#[test]
fn variables_say_what_options_do_not() {
    let site = with_ssh();
    site.hive(&["set", "foward_zabbix", "true"]);
    site.hive(&["set", "ssh_host", "p-hive0"]);
    let output = ssh(&site, &[]);
    assert_eq!(
        words(&output),
        "[-L][localhost:10052:p-hive0.hive.example:10052][p-hive0.hive.example]"
    );
}

#[test]
fn a_host_that_is_not_there_is_told_apart_from_one_that_never_ran() {
    let site = with_ssh();
    let said = |output: Output| {
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, text) = said(ssh(&site, &["-t", "p-hive9"]));
    assert!(
        code == Some(2) && text.contains("it has p-hive0, p-hive1, p-hive2"),
        "{text}"
    );
    let (code, text) = said(ssh(&site, &["-t", "p-hive2"]));
    assert!(code == Some(1) && text.contains("never started"), "{text}");
}
