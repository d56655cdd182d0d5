//! What a script prints on all hosts, line by line, through power cuts and reboots.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cluster::{self, Cluster, HOSTS};

/// Between two tries to reach a host that is off.
const PAUSE: Duration = Duration::from_millis(500);

/// Follows, until it is dropped.
#[derive(Debug)]
pub struct Followed {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Followed {
    /// Runs a script as root on each host, anew whenever its connection has ended, and hands on each line
    /// with its host. The script has no single quotes, prints a line at least now and then, and ends when
    /// nobody reads it any more.
    pub fn new(
        cluster: &Cluster,
        script: &str,
        hear: impl Fn(&'static str, &str) + Send + Sync + 'static,
    ) -> Self {
        assert!(!script.contains('\''), "single quotes in {script}");
        let (hear, over) = (Arc::new(hear), Arc::new(AtomicBool::new(false)));
        let threads = HOSTS.map(|host| {
            let (hear, over) = (Arc::clone(&hear), Arc::clone(&over));
            let (folder, script) = (cluster.path(""), script.to_owned());
            thread::spawn(move || follow(&folder, host, &script, &*hear, &over))
        });
        Self {
            over,
            threads: threads.into(),
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn follow(
    folder: &Path,
    host: &'static str,
    script: &str,
    hear: &(impl Fn(&'static str, &str) + ?Sized),
    over: &AtomicBool,
) {
    let over = || over.load(Ordering::Relaxed);
    while !over() {
        let mut ssh = cluster::ssh(folder);
        // A connection of its own: when it ends, others' must not.
        ssh.args([
            "-o",
            "ControlPath=none",
            "-o",
            "ServerAliveInterval=20",
            host,
        ])
        .arg(format!("sudo bash -c '{script}'"));
        let Ok(mut reader) = ssh.spawn() else {
            return;
        };
        let lines = BufReader::new(reader.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if over() {
                break;
            }
            hear(host, &line);
        }
        drop(reader.kill());
        drop(reader.wait());
        thread::sleep(PAUSE);
    }
}
