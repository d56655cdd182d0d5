//! Writes records onto a mirrored volume, and verifies them, in containers of the stories.
//!
//! `record-writer write FILE` appends records for ever and prints `NUMBER MILLISECONDS CONTAINER` for each
//! that is acknowledged. `record-writer verify FILE ACKNOWLEDGED` says whether all of them are there,
//! `record-writer list FILE FIRST` prints those from a number on as they were printed when written.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hive_tests::records::{self, Record};

const USAGE: &str = "record-writer write FILE\nrecord-writer verify FILE ACKNOWLEDGED\nrecord-writer list FILE FIRST\n";
/// Pause between records: they should not fill a disk, nor keep an emulated host busy.
const PAUSE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["write", file] => write(file),
        [what @ ("verify" | "list"), file, number] => match (*what, number.parse()) {
            ("verify", Ok(acknowledged)) => verify(file, acknowledged),
            (_, Ok(first)) => list(file, first),
            (_, Err(_)) => {
                eprint!("record-writer: {number:?} is no number\n{USAGE}");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("record-writer: {e}");
            ExitCode::FAILURE
        }
    }
}

fn write(path: &str) -> Result<(), String> {
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false);
    let file = file
        .open(path)
        .map_err(|e| format!("opening {path}: {e}"))?;
    // A new file is only there for good when its folder is.
    let folder = Path::new(path).parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| format!("making the folder of {path} last: {e}"))?;
    let number = records::next_number(&file).map_err(|e| format!("reading {path}: {e}"))?;
    let host = writer()?;
    for number in number.. {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_millis();
        let record = Record {
            number,
            time: u64::try_from(now).unwrap_or(u64::MAX),
            host: host.clone(),
        };
        records::append(&file, &record)
            .map_err(|e| format!("writing record {number} to {path}: {e}"))?;
        let mut out = io::stdout().lock();
        writeln!(out, "{number} {now} {host}")
            .and_then(|()| out.flush())
            .map_err(|e| format!("telling of record {number}: {e}"))?;
        sleep(PAUSE);
    }
    Ok(())
}

/// The short id of this container. All containers of a service have the same host name, but Docker mounts files of
/// each container's own folder into it.
fn writer() -> Result<String, String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|e| format!("reading what is mounted here: {e}"))?;
    let ids = mounts.split("/containers/").skip(1);
    let id = ids.filter_map(|rest| rest.get(..12)).next();
    id.map(str::to_owned)
        .ok_or_else(|| "this is no container of Docker's".into())
}

fn read(path: &str, acknowledged: u64) -> Result<Vec<Record>, String> {
    let file = File::open(path).map_err(|e| format!("opening {path}: {e}"))?;
    let found = records::verify(file, acknowledged);
    let found = found.map_err(|e| format!("reading {path}: {e}"))?;
    found.map_err(|fault| format!("{path} is not as it was acknowledged: {fault:?}"))
}

fn list(path: &str, first: u64) -> Result<(), String> {
    let mut out = io::stdout().lock();
    for record in read(path, 0)?.iter().filter(|r| r.number >= first) {
        writeln!(out, "{} {} {}", record.number, record.time, record.host)
            .map_err(|e| format!("telling of record {}: {e}", record.number))?;
    }
    Ok(())
}

fn verify(path: &str, acknowledged: u64) -> Result<(), String> {
    let all = read(path, acknowledged)?;
    println!(
        "{} records, all {acknowledged} that were acknowledged among them",
        all.len()
    );
    Ok(())
}
