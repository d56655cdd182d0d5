//! The end of a machine that was overtaken: others use a volume whose I/O is frozen here.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use hive_system::Program;
use hive_volumes::Record;
use hive_volumes::upkeep::{self, Here, Seen};
use rustix::system::RebootCommand;

use super::bench::Bench;

/// What is known so far shall be read after the restart, but nothing waits for it for long.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// `b` starts the machine anew at once, without a word to any device (Documentation/admin-guide/sysrq.rst).
const SYSRQ: &str = "/proc/sysrq-trigger";

/// Starts the machine anew if [`upkeep::must_restart`] says so; returns otherwise.
///
/// Processes that wait for the frozen I/O can't be ended, so there is no orderly way: a shutdown would wait
/// for them for ever, and so would a sync of all file systems. Nothing that was acknowledged is lost.
pub(super) async fn if_overtaken(
    record: &Record,
    here: &Here<'_>,
    seen: &Seen,
    bench: &Bench,
    state: &Path,
) {
    if !upkeep::must_restart(record, here, seen) {
        return;
    }
    let name = &record.identity.name;
    let holder = record.state.lease.holder.as_deref();
    eprintln!(
        "<0>hived: volume {name} was in use here, this host was cut off, and {} has taken over: what was not acknowledged here is void. Its I/O is frozen and what waits for it can't be ended, so this machine starts anew now. EVENT=overtaken VOLUME={name}",
        holder.unwrap_or("another host")
    );
    let journal = Program::new("journalctl").arg("--sync");
    // Only the partition that carries the journal: others may be frozen.
    let state = state.to_owned();
    let sync = move || {
        let folder = File::open(&state).map_err(|e| e.to_string())?;
        rustix::fs::syncfs(folder).map_err(|e| e.to_string())
    };
    for said in [
        bench.run(journal, LAST_WORDS).await.map(drop),
        bench.work("syncing /var".into(), LAST_WORDS, sync).await,
    ] {
        if let Err(why) = said {
            eprintln!("hived: {why}");
        }
    }
    if let Err(e) = fs::write(SYSRQ, "b") {
        eprintln!("hived: {SYSRQ}: {e}");
    }
    if let Err(e) = rustix::system::reboot(RebootCommand::Restart) {
        eprintln!("<0>hived: this machine could not be started anew ({e}); do it by hand");
    }
}
