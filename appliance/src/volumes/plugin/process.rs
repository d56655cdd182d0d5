//! Which run of a program is at the other end of a socket: its process id, and when that process began
//! (proc_pid_stat(5), field 22). A later process may get the id, and never both.

use std::fs;
use std::io;

/// A run of which nothing is known.
const UNKNOWN: &str = "unknown";

/// The run of a process.
pub fn run_of(process: Option<i32>) -> String {
    let began = process.and_then(|process| Some((process, began(process).ok()?)));
    match began {
        Some((process, began)) => format!("{process}@{began}"),
        None => UNKNOWN.into(),
    }
}

/// Whether that run is over. Of what is not known nothing is said.
pub fn has_ended(run: &str) -> bool {
    let parts = run.split_once('@');
    let Some((Ok(process), at)) = parts.map(|(process, at)| (process.parse(), at)) else {
        return false;
    };
    match began(process) {
        Ok(began) => began.to_string() != at,
        Err(e) => e.kind() == io::ErrorKind::NotFound,
    }
}

fn began(process: i32) -> io::Result<u64> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path)?;
    field(&stat).ok_or_else(|| io::Error::other(format!("{path} does not read: {stat:?}")))
}

fn field(stat: &str) -> Option<u64> {
    // The program's name, in parentheses, may have blanks and parentheses.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_parentheses_does_not_mislead() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 8 9";
        assert_eq!(field(stat), Some(4711));
        assert_eq!(field("7 (a) S 1"), None);
    }

    #[test]
    fn a_run_lasts_until_its_process_ends() {
        let own = run_of(i32::try_from(std::process::id()).ok());
        assert!(!has_ended(&own), "{own}");
        let (process, began) = own.split_once('@').unwrap();
        let before = began.parse::<u64>().unwrap() - 1;
        assert!(has_ended(&format!("{process}@{before}")));
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let run = run_of(i32::try_from(child.id()).ok());
        assert!(!has_ended(&run), "{run}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(has_ended(&run), "{run}");
    }

    #[test]
    fn of_what_is_not_known_nothing_is_said() {
        assert_eq!(run_of(None), UNKNOWN);
        assert!(!has_ended(UNKNOWN) && !has_ended("") && !has_ended("x@1"));
    }
}
