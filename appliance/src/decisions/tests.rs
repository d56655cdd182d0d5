//! Both sides over a socket in a test's folder.

use super::*;
use hive_membership::OrderError;
use std::os::unix::fs::PermissionsExt as _;
use tokio::sync::{mpsc, watch};

fn found(hives: &[&str], even_if_granted: bool) -> Request {
    Request::FoundWithout {
        hives: hives.iter().map(|&hive| hive.to_owned()).collect(),
        even_if_granted,
    }
}

#[test]
fn words_become_decisions() {
    assert_eq!(parse(&["recover"]), Some(Request::Recover));
    assert_eq!(parse(&["rejoin"]), Some(Request::Rejoin));
    assert_eq!(
        parse(&["found", "--without", "h1", "h2"]),
        Some(found(&["h1", "h2"], false))
    );
    assert_eq!(
        parse(&["found", "--even-if-granted", "--without", "h1,h2.s"]),
        Some(found(&["h1", "h2.s"], true))
    );
}

#[test]
fn words_that_are_no_decision_decide_nothing() {
    for words in [
        &["found"][..],
        &["found", "--without"],
        &["found", "h1"],
        &["found", "--without", "h1", "--force"],
        &["found", "--without", "--even-if-granted", "h1"],
        &["recover", "now"],
        &[],
    ] {
        assert_eq!(parse(words), None, "{words:?}");
    }
}

#[tokio::test]
async fn a_decision_is_carried_out_or_refused_in_the_daemons_words() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run/hived.sock");
    let (decisions, mut taken) = mpsc::channel(1);
    let (_told, status) = watch::channel(None);
    let volumes = None;
    let served = Served {
        decisions,
        status,
        volumes,
    };
    serve(&socket, served).unwrap();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    tokio::spawn(async move {
        let mut busy = true;
        while let Some(decision) = taken.recv().await {
            let answer = match decision.order {
                Order::Recover if std::mem::take(&mut busy) => Err(OrderError {
                    why: "in a moment".to_owned(),
                    passing: true,
                }),
                Order::Recover => Ok("recovered".to_owned()),
                Order::FoundWithout { hives, .. } => Ok(hives.join("+")),
                other => Err(OrderError {
                    why: format!("no {other:?} today"),
                    passing: false,
                }),
            };
            decision.answer.send(answer).unwrap();
        }
    });
    let told = ask(&socket, &found(&["h1", "h2"], false)).await.unwrap();
    assert_eq!(told, "h1+h2");
    // A reason that passes is waited out.
    assert_eq!(ask(&socket, &Request::Recover).await.unwrap(), "recovered");
    let refused = ask(&socket, &Request::Rejoin).await.unwrap_err();
    assert_eq!(refused.to_string(), "refused: no Rejoin today");
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_named() {
    let error = ask(
        std::path::Path::new("/nowhere/hived.sock"),
        &Request::Rejoin,
    )
    .await;
    let words = error.unwrap_err().to_string();
    assert!(words.contains("/nowhere/hived.sock"), "{words}");
}
