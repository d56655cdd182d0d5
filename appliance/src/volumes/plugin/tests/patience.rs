//! What takes longer than docker waits, and who waits for whom.

use tokio::io::AsyncWriteExt as _;
use tokio::time::sleep;

use super::*;
use crate::volumes::plugin::hands::Hands as _;

/// Runs out in a test.
const SHORT: Duration = Duration::from_millis(100);

const UP: [Step; 3] = [Step::Promote, Step::Check, Step::Mount];
const DOWN: [Step; 2] = [Step::Unmount, Step::Demote];

#[tokio::test]
async fn what_was_waited_for_is_the_error_and_no_user_is_left() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    *bench.elsewhere.lock().unwrap() = true;
    let short = Times {
        comes: Duration::from_secs(1),
        ..WELL
    };
    let hasty = Docker::with(&bench, short);
    let waited = hasty.volume("Mount", "db", "a").await;
    let why = "it is in use on h1 (waited 1 s for it)";
    assert_eq!(error(&waited), why);
    assert_eq!(bench.count(), 0);
    // It is let go there while this host waits.
    let patient = Docker::with(&bench, WELL);
    let released = async {
        bench.counts(1).await;
        *bench.elsewhere.lock().unwrap() = false;
    };
    let (mounted, ()) = tokio::join!(patient.volume("Mount", "db", "a"), released);
    assert_eq!(mounted["Mountpoint"], "/mounted/db");
    assert_eq!(bench.count(), 1);
}

#[tokio::test]
async fn a_mount_that_docker_gave_up_on_is_undone() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    *bench.elsewhere.lock().unwrap() = true;
    let docker = Docker::with(&bench, WELL);
    let mut stream = UnixStream::connect(&docker.0).await.unwrap();
    let body = json!({"Name": "db", "ID": "a"}).to_string();
    let head = "POST /VolumeDriver.Mount HTTP/1.1\r\nHost: plugin\r\nContent-Length";
    let request = format!("{head}: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    bench.counts(1).await;
    drop(stream);
    *bench.elsewhere.lock().unwrap() = false;
    bench.counts(0).await;
    bench.is_let_go().await;
    assert_eq!(bench.story(), [&UP[..], &DOWN].concat());
}

#[tokio::test]
async fn a_check_longer_than_docker_waits_is_the_next_try_s() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    *bench.checking.lock().unwrap() = 10 * SHORT;
    let times = Times {
        comes: SHORT,
        mount: 3 * SHORT,
        keep: LONG,
        ..WELL
    };
    let docker = Docker::with(&bench, times);
    let late = docker.volume("Mount", "db", "a").await;
    let why = error(&late);
    assert!(why.starts_with("volume db is not mounted after"), "{why}");
    assert!(
        why.contains("h0 has been checking its file system"),
        "{why}"
    );
    // The swarm's next try comes while it still goes on, and one after that is in time.
    let early = docker.volume("Mount", "db", "b").await;
    let why = error(&early);
    assert!(why.starts_with("volume db: h0 has been checking"), "{why}");
    assert!(why.contains("try again later"), "{why}");
    bench.gets_mounted().await;
    assert_eq!(error(&docker.volume("Mount", "db", "c").await), "");
    assert_eq!(bench.story(), UP);
}

#[tokio::test]
async fn a_check_counts_for_whoever_wants_the_volume_next() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    *bench.checking.lock().unwrap() = 5 * SHORT;
    let docker = Docker::with(&bench, WELL);
    let other = async {
        bench.does("checking").await;
        // The container that began it is not wanted any more, and another is.
        let (mounted, _) = tokio::join!(docker.volume("Mount", "db", "b"), async {
            bench.counts(2).await;
            docker.volume("Unmount", "db", "a").await;
        });
        mounted
    };
    let (first, other) = tokio::join!(docker.volume("Mount", "db", "a"), other);
    assert!(error(&first).contains("did not wait"), "{first}");
    assert_eq!(other["Mountpoint"], "/mounted/db");
    assert_eq!(bench.story(), UP);
}

#[tokio::test]
async fn a_check_is_worth_nothing_once_nobody_wants_the_volume() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    *bench.checking.lock().unwrap() = 3 * SHORT;
    let docker = Docker::with(&bench, WELL);
    let ended = async {
        bench.does("checking").await;
        docker.volume("Unmount", "db", "a").await
    };
    let (first, ended) = tokio::join!(docker.volume("Mount", "db", "a"), ended);
    assert!(error(&first).contains("did not wait"), "{first}");
    assert_eq!(error(&ended), "");
    assert_eq!(error(&docker.volume("Mount", "db", "b").await), "");
    let before = [Step::Promote, Step::Check, Step::Demote];
    assert_eq!(bench.story(), [before, UP].concat());
}

#[tokio::test]
async fn who_waits_for_another_says_for_whom_and_in_time() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let short = Times {
        comes: SHORT,
        goes: SHORT,
        ..WELL
    };
    let docker = Docker::with(&bench, short);
    docker.volume("Mount", "db", "a").await;
    let held = bench.lock("db").await;
    held.says("growing the file system".into());
    for (what, id) in [("Mount", "b"), ("Unmount", "a")] {
        let refused = docker.volume(what, "db", id).await;
        let why = error(&refused);
        assert!(why.contains("volume db: h0 has been growing"), "{why}");
        assert!(why.contains("try again later"), "{why}");
    }
    assert_eq!(bench.count(), 0, "docker was told, and does not ask again");
    sleep(SHORT).await;
    assert_eq!(bench.story(), UP);
    drop(held);
    bench.is_let_go().await;
}

#[tokio::test]
async fn docker_hears_of_a_volume_that_does_not_go() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let short = Times {
        unmount: SHORT,
        ..WELL
    };
    let docker = Docker::with(&bench, short);
    docker.volume("Mount", "db", "a").await;
    let held = bench.lock("db").await;
    let late = docker.volume("Unmount", "db", "a").await;
    let why = error(&late);
    assert!(why.contains("not let go after 0 s: h0 is looking"), "{why}");
    drop(held);
    bench.is_let_go().await;
}
