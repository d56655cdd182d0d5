//! Docker's daemon ends, or hived does.

use std::process::{Child, Command};

use hive_volumes::driver::users::Users;
use tokio::time::sleep;

use super::bench::State;
use super::*;
use crate::volumes::plugin::hands::Hands as _;
use crate::volumes::plugin::process::run_of;

/// Long enough for several sweeps.
const SWEEPS: Duration = Duration::from_millis(200);

/// In place of docker's daemon.
struct Daemon(Child);

impl Daemon {
    fn new() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    fn run(&self) -> String {
        run_of(i32::try_from(self.0.id()).ok())
    }

    fn is_killed(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.is_killed();
    }
}

#[tokio::test]
async fn a_daemon_that_died_leaves_no_users_though_none_starts_after_it() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let mut daemon = Daemon::new();
    bench.was_mounted(&daemon.run(), &["a", "b"]);
    let docker = Docker::with(&bench, WELL);
    // Others may ask as well, and are no reason to forget anything.
    docker.volume("List", "", "").await;
    sleep(SWEEPS).await;
    assert_eq!(bench.count(), 2);
    daemon.is_killed();
    bench.is_let_go().await;
    assert_eq!(bench.count(), 0);
    assert_eq!(bench.story(), [Step::Unmount, Step::Demote]);
}

#[tokio::test]
async fn containers_that_outlive_their_daemon_keep_their_volume_until_they_end() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let mut daemon = Daemon::new();
    bench.was_mounted(&daemon.run(), &["a", "b"]);
    *bench.contained.lock().unwrap() = true;
    daemon.is_killed();
    let docker = Docker::with(&bench, WELL);
    sleep(SWEEPS).await;
    assert_eq!(bench.count(), 2);
    // The next daemon, with `live-restore`, tells the end of one of them, and nobody tells of the other.
    assert_eq!(error(&docker.volume("Unmount", "db", "a").await), "");
    assert_eq!(
        (bench.count(), bench.story().as_slice()),
        (1, [].as_slice())
    );
    *bench.contained.lock().unwrap() = false;
    bench.is_let_go().await;
}

#[tokio::test]
async fn the_last_container_takes_those_of_a_dead_daemon_with_it() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let mut daemon = Daemon::new();
    bench.was_mounted(&daemon.run(), &["a"]);
    let rarely = Times {
        later: LONG,
        ..WELL
    };
    let docker = Docker::with(&bench, rarely);
    assert_eq!(error(&docker.volume("Mount", "db", "b").await), "");
    *bench.contained.lock().unwrap() = true;
    daemon.is_killed();
    *bench.contained.lock().unwrap() = false;
    assert_eq!(error(&docker.volume("Unmount", "db", "b").await), "");
    assert_eq!(*bench.state.lock().unwrap(), State::default());
}

#[tokio::test]
async fn what_an_earlier_hived_was_about_is_forgotten_and_let_go() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let mut users = Users::none();
    users.mounts("a", &Daemon::new().run());
    bench.set_users("db", &users).unwrap();
    *bench.state.lock().unwrap() = State {
        primary: true,
        mounted: true,
    };
    let _docker = Docker::with(&bench, WELL);
    assert_eq!(bench.count(), 0, "before docker can ask");
    bench.is_let_go().await;
}

#[tokio::test]
async fn hived_starts_anew_and_containers_keep_their_volume() {
    let bench = Bench::with(&[sample::pair("db", 2)]);
    let daemon = Daemon::new();
    bench.was_mounted(&daemon.run(), &["a"]);
    let docker = Docker::with(&bench, WELL);
    sleep(SWEEPS).await;
    assert_eq!(
        (bench.count(), bench.story().as_slice()),
        (1, [].as_slice())
    );
    assert_eq!(error(&docker.volume("Unmount", "db", "a").await), "");
    assert_eq!(bench.story(), [Step::Unmount, Step::Demote]);
}
