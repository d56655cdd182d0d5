//! hived's volume driver with a real Docker Engine, which runs in namespaces of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod engine;
mod host;
#[path = "../engines/image.rs"]
mod image;
#[path = "../engines/space.rs"]
mod space;

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use engine::Engine;
use hive_appliance::volumes::plugin::Hands as _;
use hive_volumes::driver::Step;
use host::{Hived, Host};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const UP: [Step; 3] = [Step::Promote, Step::Check, Step::Mount];
const DOWN: [Step; 2] = [Step::Unmount, Step::Demote];

/// Two rounds of the driver's look for what nobody uses.
const SWEEPS: Duration = Duration::from_secs(11);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn wait(what: &str, there: impl Fn() -> bool) {
    let start = Instant::now();
    while !there() {
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_secs(120), "waited in vain: {what}");
        sleep(Duration::from_millis(100));
    }
}

/// A host with hived, unless this machine can't have one.
fn host() -> Option<(TempDir, Arc<Host>, Hived)> {
    let no_busybox = || {
        image::busybox()
            .is_none()
            .then(|| "no static busybox".into())
    };
    if let Some(why) = space::missing().or_else(no_busybox) {
        eprintln!("SKIPPED: {why}");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new(folder.path());
    let hived = Hived::new(&host);
    Some((folder, host, hived))
}

/// With the volume in docker.
fn engine(host: &Arc<Host>, option: &str) -> Engine {
    let engine = Engine::start(host, option);
    engine.gets_image();
    engine.creates_volume("web").unwrap();
    engine
}

#[test]
fn docker_and_the_driver_agree() {
    let Some((_folder, host, _hived)) = host() else {
        return;
    };
    let engine = engine(&host, "");
    let unknown = engine.creates_volume("other").unwrap_err();
    assert!(unknown.contains("hive build-volumes -l other"), "{unknown}");
    engine.creates_volume("web").unwrap();
    assert_eq!(engine.volumes(), ["drbd web"]);
    let folder = host.folder(&host.record);
    assert_eq!(engine.mountpoint(), folder.to_str().unwrap());
    assert_eq!(host.story(), []);

    // Content of the image is there at first, and what a container leaves is there for the next one.
    assert_eq!(engine.runs("cat /srv/from-image").unwrap(), "image");
    let story = host.story();
    assert!(
        story.starts_with(&UP) && story.ends_with(&DOWN),
        "{story:?}"
    );
    assert!(host.is_let_go());
    engine.runs("mv /srv/from-image /srv/kept").unwrap();
    assert_eq!(engine.runs("ls /srv").unwrap(), "kept");

    // A second container, and files copied out of a running one, take it from nobody.
    engine.keeps("first");
    engine.keeps("second");
    assert_eq!(host.count(), 2);
    host.story();
    let copied = engine.copies("first", "/srv/kept");
    assert!(String::from_utf8_lossy(&copied).contains("image\n"));
    engine.removes("second");
    assert_eq!((host.count(), host.story().as_slice()), (1, [].as_slice()));
    assert!(host.is_mounted() && host.is_in_containers());
    let refused = engine.removes_volume().unwrap_err();
    assert!(refused.contains("in use"), "{refused}");
    engine.removes("first");
    assert_eq!(host.story(), DOWN);
    assert!(host.is_let_go());

    *host.elsewhere.lock().unwrap() = true;
    let refused = engine.runs("ls /srv").unwrap_err();
    assert!(refused.contains("still in use on p-hive1"), "{refused}");
    assert!(host.is_let_go());
    *host.elsewhere.lock().unwrap() = false;
    engine.removes_volume().unwrap();
    engine.creates_volume("web").unwrap();
    assert_eq!(engine.runs("ls /srv").unwrap(), "kept");
}

#[test]
fn hived_starts_anew_and_a_container_keeps_its_volume() {
    let Some((_folder, host, hived)) = host() else {
        return;
    };
    let engine = engine(&host, "");
    engine.keeps("first");
    host.story();
    drop(hived);
    let _hived = Hived::new(&host);
    sleep(SWEEPS);
    assert_eq!((host.count(), host.story().as_slice()), (1, [].as_slice()));
    assert!(host.is_mounted());
    engine.keeps("second");
    engine.removes("first");
    assert_eq!((host.count(), host.story().as_slice()), (1, [].as_slice()));
    engine.removes("second");
    assert!(host.is_let_go());
}

#[test]
fn what_a_dead_daemon_started_keeps_its_volume_until_it_ends() {
    let Some((_folder, host, _hived)) = host() else {
        return;
    };
    let engine = engine(&host, "");
    engine.keeps("first");
    let process = engine.process("first");
    engine.dies();
    sleep(SWEEPS);
    assert!(host.is_in_containers(), "it lives on without docker");
    assert!(host.is_mounted() && host.count() == 1);
    // It ends, no daemon starts after it, and another host may have the volume.
    let end = format!("kill -9 {process}");
    assert!(host.space.within(&["sh", "-c", &end]).status.success());
    wait("it is let go", || host.is_let_go());
    assert!(!host.is_in_containers());

    // The next one ends what it finds of its former self.
    let engine = Engine::start(&host, "");
    engine.removes("first");
    engine.keeps("second");
    engine.dies();
    let engine = Engine::start(&host, "");
    wait("it is let go again", || host.is_let_go());
    assert!(!host.is_in_containers() && !engine.has_running("second"));
    engine.removes("second");
    assert_eq!(engine.runs("cat /srv/from-image").unwrap(), "image");
    assert!(host.is_let_go());
}

#[test]
fn with_live_restore_the_next_daemon_takes_over() {
    let Some((_folder, host, _hived)) = host() else {
        return;
    };
    let engine = engine(&host, "--live-restore");
    engine.keeps("first");
    host.story();
    engine.dies();
    let engine = Engine::start(&host, "--live-restore");
    // Now the driver knows of two daemons.
    engine.keeps("second");
    assert_eq!(host.count(), 2);
    engine.removes("second");
    sleep(SWEEPS);
    assert!(engine.has_running("first") && host.is_in_containers());
    assert!(host.is_mounted() && host.count() == 1);
    engine.removes("first");
    wait("it is let go", || host.is_let_go());
    assert_eq!(host.story(), DOWN);
}
