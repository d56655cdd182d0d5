//! The monitor's client against a scripted peer that accepts exactly what it expects.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, not in what they share

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use hive_qemu::{Error, Qmp};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);
const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}"#;

/// One thing the peer does.
enum Step {
    /// Sends these bytes.
    Say(String),
    /// Reads a line, which must be exactly this.
    Hear(Value),
}

/// Plays the steps, then closes.
fn peer(steps: Vec<Step>) -> (UnixStream, JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let thread = spawn(move || {
        theirs.set_read_timeout(Some(SOON)).unwrap();
        let mut lines = BufReader::new(theirs.try_clone().unwrap()).lines();
        let mut out = theirs;
        for step in steps {
            match step {
                Step::Say(text) => out.write_all(text.as_bytes()).unwrap(),
                Step::Hear(expected) => {
                    let line = lines.next().expect("the client closed").unwrap();
                    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
                }
            }
        }
    });
    (ours, thread)
}

/// Steps after greeting and negotiation.
fn negotiated(steps: Vec<Step>) -> (Qmp, JoinHandle<()>) {
    let mut all = vec![
        Step::Say(format!("{GREETING}\r\n")),
        Step::Hear(json!({"execute": "qmp_capabilities", "id": 0})),
        Step::Say("{\"return\": {}, \"id\": 0}\r\n".to_owned()),
    ];
    all.extend(steps);
    let (stream, thread) = peer(all);
    (Qmp::new(stream, SOON).unwrap(), thread)
}

#[test]
fn events_between_command_and_answer_are_kept() {
    let (mut qmp, thread) = negotiated(vec![
        Step::Hear(json!({"execute": "query-status", "id": 1})),
        Step::Say("{\"event\": \"STOP\", \"timestamp\": {}}\n{\"event\": \"RES".to_owned()),
        Step::Say(
            "UME\", \"data\": {\"a\": 1}}\n{\"return\": {\"status\": \"paused\"}, \"id\": 1}\n"
                .to_owned(),
        ),
    ]);
    let answer = qmp.execute("query-status", json!({})).unwrap();
    assert_eq!(answer, json!({"status": "paused"}));
    assert_eq!(qmp.event(SOON).unwrap().unwrap().name, "STOP");
    let resumed = qmp.event(SOON).unwrap().unwrap();
    assert_eq!(
        (resumed.name.as_str(), &resumed.data),
        ("RESUME", &json!({"a": 1}))
    );
    thread.join().unwrap();
}

#[test]
fn a_refusal_names_the_command_and_repeats_the_reason() {
    let (mut qmp, thread) = negotiated(vec![
        Step::Hear(json!({"execute": "set_link", "id": 1, "arguments": {"name": "x", "up": true}})),
        Step::Say(
            r#"{"id": 1, "error": {"class": "DeviceNotFound", "desc": "Device 'x' not found"}}"#
                .to_owned()
                + "\n",
        ),
    ]);
    let error = qmp
        .execute("set_link", json!({"name": "x", "up": true}))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "QEMU refused `set_link`: Device 'x' not found (DeviceNotFound)"
    );
    thread.join().unwrap();
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    let (mut qmp, thread) = negotiated(vec![
        Step::Hear(json!({"execute": "slow", "id": 1})),
        Step::Hear(json!({"execute": "quick", "id": 2})),
        Step::Say(
            "{\"return\": \"late\", \"id\": 1}\n{\"return\": \"right\", \"id\": 2}\n".to_owned(),
        ),
    ]);
    let error = qmp
        .execute_within("slow", json!({}), Duration::from_millis(20))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "QMP command `slow`: no answer within 0.0 s"
    );
    assert_eq!(qmp.execute("quick", json!({})).unwrap(), "right");
    thread.join().unwrap();
}

#[test]
fn a_broken_connection_names_the_command_under_way() {
    let (mut qmp, thread) = negotiated(vec![Step::Hear(json!({"execute": "quit", "id": 1}))]);
    let error = qmp.execute("quit", json!({})).unwrap_err();
    assert!(
        matches!(&error, Error::QmpLost { command, .. } if command == "quit"),
        "{error}"
    );
    thread.join().unwrap();
}

#[test]
fn waiting_for_an_event_says_what_came_instead() {
    let (mut qmp, thread) = negotiated(vec![Step::Say("{\"event\": \"RESET\"}\n".to_owned())]);
    thread.join().unwrap();
    // The peer is gone as well, which is told once its words are read.
    let error = qmp.wait_event("SHUTDOWN", SOON).unwrap_err();
    assert!(matches!(error, Error::QmpLost { .. }), "{error}");

    let (theirs, ours) = UnixStream::pair().unwrap();
    let answer = spawn(move || {
        let mut theirs = theirs;
        writeln!(theirs, "{GREETING}").unwrap();
        let mut line = String::new();
        BufReader::new(theirs.try_clone().unwrap())
            .read_line(&mut line)
            .unwrap();
        theirs
            .write_all(b"{\"return\": {}, \"id\": 0}\n{\"event\": \"RESET\"}\n")
            .unwrap();
        theirs
    });
    let mut qmp = Qmp::new(ours, SOON).unwrap();
    let _open = answer.join().unwrap();
    let error = qmp
        .wait_event("SHUTDOWN", Duration::from_millis(50))
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("event SHUTDOWN") && text.contains("(seen instead: event RESET)"),
        "{text}"
    );
}

#[test]
fn what_is_no_monitor_is_told_so() {
    let (stream, thread) = peer(vec![Step::Say("{\"hello\": 1}\n".to_owned())]);
    let error = Qmp::new(stream, SOON).unwrap_err();
    assert_eq!(
        error.to_string(),
        "QMP command `greeting`: unexpected {\"hello\":1}"
    );
    thread.join().unwrap();

    let (stream, _silent) = UnixStream::pair().unwrap();
    let error = Qmp::new(stream, Duration::from_millis(20)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("another program may hold the monitor"),
        "{error}"
    );

    let (stream, thread) = peer(vec![Step::Say("SSH-2.0-x\n".to_owned())]);
    let error = Qmp::new(stream, SOON).unwrap_err();
    assert!(error.to_string().contains("not JSON"), "{error}");
    thread.join().unwrap();
}
