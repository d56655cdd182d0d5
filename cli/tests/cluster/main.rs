//! The commands that look into a running swarm, over real ssh to real engines.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod machine;
mod swarm;

use std::fs;
use std::process::Output;

use machine::{missing, wait, which};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use swarm::Swarm;

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn commands_reach_tasks_on_all_hosts_and_leave_nothing_behind() {
    if let Some(why) = missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut swarm = Swarm::start();
    young(&swarm);
    runtime.block_on(swarm.found());
    swarm.wait_for("web", 3);
    ps(&swarm);
    logs(&swarm);
    exec(&swarm);
    cp(&swarm);
    rebalance(&swarm);
    assert_eq!(
        swarm.left(),
        [""; 0],
        "after commands that ended by themselves"
    );
    signals(&swarm);
    lost_connection(&swarm);
    lost_managers(&mut swarm);
    assert_eq!(swarm.left(), [""; 0]);
}

fn young(swarm: &Swarm) {
    let told = wait("engines", || {
        let told = err(&swarm.hive(&["ps"]));
        (!told.contains("docker does not answer")).then_some(told)
    });
    assert!(told.contains("error: the stage has no swarm yet"), "{told}");
    assert!(
        told.contains("p-hive2.hive.example: in no swarm") && told.contains("hive setup-hosts"),
        "{told}"
    );
}

fn ps(swarm: &Swarm) {
    let text = out(&swarm.hive(&["ps", "web"]));
    assert!(
        text.starts_with("TASK") && text.contains("\nweb.1") && text.contains("tiny"),
        "{text}"
    );
    let json: Value = serde_json::from_slice(&swarm.hive(&["ps", "web", "--json"]).stdout).unwrap();
    let mut hosts: Vec<&str> = json["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["host"].as_str().unwrap())
        .collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["p-hive0", "p-hive1", "p-hive2"]);
    // What fails comes first, with the reason.
    wait("the failure of `broken` to be told", || {
        let text = out(&swarm.hive(&["ps"]));
        let first = text.lines().nth(1)?.starts_with("broken.1");
        (first && text.contains("broken.1: started again after: task: non-zero exit (3): the program ended by itself"))
            .then_some(())
    });
    let unknown = swarm.hive(&["ps", "wbe"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        err(&unknown).contains("no service `wbe`; it has broken, web"),
        "{}",
        err(&unknown)
    );
}

fn logs(swarm: &Swarm) {
    let text = out(&swarm.hive(&["logs", "web"]));
    for number in 0..3 {
        let host = format!("p-hive{number}");
        assert!(
            text.lines()
                .any(|l| l.starts_with("web.") && l.ends_with(&format!("@{host} | out of {host}"))),
            "{text}"
        );
        assert!(text.contains(&format!("| err of {host}")), "{text}");
    }
    assert!(
        !text.contains('\x1b') && !text.contains("com.docker"),
        "{text}"
    );
    let one = out(&swarm.hive(&["logs", "web.2", "--tail", "1", "-t"]));
    assert_eq!(one.lines().count(), 1, "{one}");
    assert!(one.starts_with("web.2@") && one.contains(" | 20"), "{one}");
    let none = out(&swarm.hive(&["logs", "web", "--since", "2038-01-01T00:00:00Z"]));
    assert_eq!(none, "");
}

fn exec(swarm: &Swarm) {
    let json: Value = serde_json::from_slice(&swarm.hive(&["ps", "web", "--json"]).stdout).unwrap();
    for task in json["tasks"].as_array().unwrap() {
        let name = task["task"].as_str().unwrap();
        let said = swarm.hive(&[
            "exec",
            name,
            "--",
            "sh",
            "-c",
            "echo $HOST; echo no >&2; exit 7",
        ]);
        let told = (said.status.code(), out(&said), err(&said));
        assert_eq!(
            told,
            (
                Some(7),
                format!("{}\n", task["host"].as_str().unwrap()),
                "no\n".into()
            )
        );
    }
    let text = "ä line\n".repeat(20_000);
    let echoed = swarm.hive_reading(&["exec", "-i", "web", "--", "cat"], &text);
    assert!(
        echoed.status.success() && out(&echoed) == text,
        "{}",
        err(&echoed)
    );
    let given = swarm.hive(&[
        "exec",
        "-e",
        "A=b",
        "-w",
        "/tmp",
        "web",
        "--",
        "sh",
        "-c",
        "echo $A $PWD",
    ]);
    assert_eq!(out(&given), "b /tmp\n");
    let absent = swarm.hive(&["exec", "web", "--", "nonsense"]);
    assert!(
        matches!(absent.status.code(), Some(126 | 127)),
        "{absent:?}"
    );
    let ninth = swarm.hive(&["exec", "web.9", "--", "true"]);
    assert_eq!(ninth.status.code(), Some(1));
    assert!(
        err(&ninth).contains("`web.9` does not run now; web.1, web.2, web.3 do"),
        "{}",
        err(&ninth)
    );
    if which("script").is_none() {
        eprintln!("SKIPPED: exec at a terminal: script is not installed");
        return;
    }
    let typed = swarm.hive_at_terminal("exec -it web.1 -- sh", "tty; exit 5\r");
    assert_eq!(typed.status.code(), Some(5), "{}", out(&typed));
    assert!(out(&typed).contains("/dev/pts/"), "{}", out(&typed));
}

fn cp(swarm: &Swarm) {
    let folder = swarm.path("data");
    fs::create_dir_all(folder.join("sub")).unwrap();
    let big = "0123456789".repeat(300_000);
    fs::write(folder.join("sub/big"), &big).unwrap();
    fs::write(folder.join("small"), "s").unwrap();
    std::os::unix::fs::symlink("small", folder.join("link")).unwrap();
    let run = |args: &[&str]| {
        let output = swarm.hive(args);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        output
    };
    let copied = run(&["cp", "data", "web.3:/tmp"]);
    assert_eq!(err(&copied), "copied 2 files, 2.9 MiB\n");
    let listed = run(&["exec", "web.3", "--", "ls", "-l", "/tmp/data"]);
    assert!(out(&listed).contains("link -> small"), "{}", out(&listed));
    run(&["cp", "web.3:/tmp/data", "back"]);
    assert_eq!(fs::read_to_string(swarm.path("back/sub/big")).unwrap(), big);
    assert_eq!(
        fs::read_link(swarm.path("back/link")).unwrap().to_str(),
        Some("small")
    );
    run(&["cp", "-L", "web.3:/tmp/data/link", "followed"]);
    assert_eq!(fs::read_to_string(swarm.path("followed")).unwrap(), "s");
    run(&["cp", "followed", "web.3:/tmp/renamed"]);
    assert_eq!(
        out(&run(&["exec", "web.3", "--", "cat", "/tmp/renamed"])),
        "s"
    );
    let absent = swarm.hive(&["cp", "web.3:/nowhere", "x"]);
    assert!(
        err(&absent).contains("the container has no /nowhere"),
        "{}",
        err(&absent)
    );
    let nowhere = swarm.hive(&["cp", "followed", "web.3:/no/where"]);
    assert!(
        err(&nowhere).contains("the container has no folder /no"),
        "{}",
        err(&nowhere)
    );
    assert_eq!(swarm.hive(&["cp", "a", "b"]).status.code(), Some(2));
}

fn rebalance(swarm: &Swarm) {
    let even = swarm.hive(&["rebalance", "web"]);
    assert!(
        even.status.success() && out(&even).contains("p-hive0: 1, p-hive1: 1, p-hive2: 1"),
        "{even:?}"
    );
    assert!(err(&even).contains("nothing to do"), "{even:?}");
}

fn signals(swarm: &Swarm) {
    let send = |child: &std::process::Child, signal| {
        kill_process(Pid::from_child(child), signal).unwrap();
    };
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut child = swarm.follow();
        assert_eq!(swarm.left().len(), 1);
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(swarm.left(), [""; 0], "after a signal");
        wait("ssh to end", || swarm.forwarders().is_empty().then_some(()));
    }
    let mut child = swarm.follow();
    send(&child, Signal::KILL);
    child.wait().unwrap();
    // Nobody could clear up, and ssh ends all the same.
    wait("ssh to end", || swarm.forwarders().is_empty().then_some(()));
    assert_eq!(swarm.left().len(), 1);
    assert!(swarm.hive(&["ps"]).status.success());
    assert_eq!(swarm.left(), [""; 0], "after the next run");
}

fn lost_connection(swarm: &Swarm) {
    let child = swarm.follow();
    for ssh in swarm.forwarders() {
        kill_process(Pid::from_raw(ssh).unwrap(), Signal::KILL).unwrap();
    }
    let ended = child.wait_with_output().unwrap();
    let told = err(&ended);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(
        told.contains("the ssh connection to p-hive") && told.contains("was lost"),
        "{told}"
    );
}

fn lost_managers(swarm: &mut Swarm) {
    swarm.machines[0] = None;
    let running = wait("another manager to answer", || {
        let output = swarm.hive(&["ps", "web"]);
        if !output.status.success() {
            eprintln!("{}", err(&output));
        }
        output.status.success().then(|| out(&output))
    });
    assert!(running.contains("web.2"), "{running}");
    swarm.machines[1] = None;
    let told = wait("the last manager to see that it is alone", || {
        let told = err(&swarm.hive(&["ps"]));
        told.contains("lost the majority").then_some(told)
    });
    assert!(
        told.contains("bring p-hive0.hive.example and p-hive1.hive.example back"),
        "{told}"
    );
    assert!(
        told.contains("p-hive2.hive.example: a manager without majority"),
        "{told}"
    );
    swarm.machines[2] = None;
    let told = err(&swarm.hive(&["ps"]));
    assert!(
        told.starts_with("error: no host of the stage is in reach\n"),
        "{told}"
    );
    assert!(told.contains("Connection refused"), "{told}");
}
