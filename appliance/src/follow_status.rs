//! `hived status --follow`: the node's status as it changes, for who is logged in and waits for something. A
//! login costs a small host more than hundreds of statuses, so one connection is kept instead of asking again.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use hive_inventory::node::{NodeStatus, STATUS_REPEATED};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Between two looks at the file.
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 500_000_000,
};

/// Writes the status that the daemon wrote last to `out`, one JSON document a line: at once, whenever there is
/// another one, and else every [`STATUS_REPEATED`]. Returns when `input` ends, which is what becomes of the
/// standard input of a program whose ssh connection is gone; what it says is nothing to us.
///
/// # Errors
/// There is no status that reads, or `out` takes none.
pub fn run(path: &Path, mut input: impl Read + AsFd, mut out: impl Write) -> io::Result<()> {
    let mut told = Vec::new();
    let mut due = Instant::now();
    loop {
        let document = fs::read(path)?;
        if document != told || due <= Instant::now() {
            let status: NodeStatus = serde_json::from_slice(&document)?;
            writeln!(out, "{}", serde_json::to_string(&status)?)?;
            out.flush()?;
            told = document;
            due = Instant::now() + STATUS_REPEATED;
        }
        if has_ended(&mut input)? {
            return Ok(());
        }
    }
}

/// Whether `input` ends within a pause.
fn has_ended(mut input: impl Read + AsFd) -> io::Result<bool> {
    let mut watched = [PollFd::new(&input, PollFlags::IN)];
    match poll(&mut watched, Some(&PAUSE)) {
        Ok(0) | Err(Errno::INTR) => return Ok(false),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(input.read(&mut [0; 1024])? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::thread;

    fn status(host: &str) -> NodeStatus {
        NodeStatus {
            host: host.to_owned(),
            ..crate::console::tests::status()
        }
    }

    #[test]
    fn a_change_is_told_and_the_end_of_the_input_is_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("status.json");
        let write = |host| {
            let document = serde_json::to_vec_pretty(&status(host)).unwrap();
            crate::durable::replace(&path, &document).unwrap();
        };
        write("h0");
        let (input, held) = io::pipe().unwrap();
        let (out, writer) = io::pipe().unwrap();
        let follows = thread::spawn({
            let path = path.clone();
            move || run(&path, input, writer)
        });
        let mut lines = BufReader::new(out).lines();
        let mut next = || {
            let line = lines.next()?.unwrap();
            Some(serde_json::from_str::<NodeStatus>(&line).unwrap())
        };
        assert_eq!(next(), Some(status("h0")));
        write("h1");
        assert_eq!(next(), Some(status("h1")));
        drop(held);
        assert_eq!(next(), None);
        follows.join().unwrap().unwrap();
    }

    #[test]
    fn what_does_not_read_is_not_passed_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("status.json");
        let (input, _held) = io::pipe().unwrap();
        let mut out = Vec::new();
        let error = run(&path, &input, &mut out).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        fs::write(&path, "{\"version\":1,").unwrap();
        assert!(run(&path, &input, &mut out).is_err());
        assert!(out.is_empty(), "{out:?}");
    }
}
