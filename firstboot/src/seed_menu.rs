//! What a person types at the console to choose a seed.

use crate::seed_choice::{Candidate, is_name_of};

/// A line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Make this machine that host.
    Host(String),
    /// Nothing was typed, or noise of an unconnected line.
    Nothing,
    /// It names no host, in words.
    Unclear(String),
}

/// Understands a line. A number, counted over the candidates that fit, or a name chooses one that
/// fits; one that does not fit wants its full name, so that a slip of the finger gives no machine
/// another's identity.
pub fn understand(line: &str, candidates: &[Candidate]) -> Answer {
    let line = line.trim();
    if line.is_empty() || line.len() > 253 || !line.bytes().all(|b| b.is_ascii_graphic()) {
        return Answer::Nothing;
    }
    let fitting: Vec<&Candidate> = candidates.iter().filter(|c| c.fit.is_ok()).collect();
    if let Ok(number) = line.parse::<usize>() {
        return match number.checked_sub(1).and_then(|at| fitting.get(at)) {
            Some(candidate) => Answer::Host(candidate.host.clone()),
            None => Answer::Unclear(format!("there is no host with the number {number}")),
        };
    }
    if let Some(candidate) = fitting.iter().find(|c| is_name_of(line, &c.host)) {
        return Answer::Host(candidate.host.clone());
    }
    match candidates.iter().find(|c| is_name_of(line, &c.host)) {
        Some(other) if line.eq_ignore_ascii_case(&other.host) => Answer::Host(other.host.clone()),
        Some(other) => Answer::Unclear(format!(
            "this is not the machine of {}; type its full name to take it all the same",
            other.host
        )),
        None => Answer::Unclear(format!("there is no seed of a host {line:?}")),
    }
}

/// Lines out of bytes as they come from a keyboard or a serial line.
#[derive(Debug, Default)]
pub struct Lines {
    pending: Vec<u8>,
}

/// Longest line that is kept, in bytes.
const LONGEST: usize = 300;

impl Lines {
    /// Takes bytes and returns the lines that they complete.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.pending);
                    out.push(String::from_utf8_lossy(&line).into_owned());
                }
                // Backspace, where the line is not edited for us.
                0x08 | 0x7f => {
                    self.pending.pop();
                }
                _ if self.pending.len() < LONGEST => self.pending.push(*byte),
                _ => {}
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        let candidate = |host: &str, fit| Candidate {
            host: host.into(),
            place: "stick".into(),
            fit,
        };
        vec![
            candidate("p-hive0.example.com", Err("it wants …".into())),
            candidate("p-hive1.example.com", Ok("")),
            candidate("p-hive2.example.com", Ok("")),
        ]
    }

    #[test]
    fn numbers_count_what_fits_and_names_are_full_or_short() {
        let host = |line: &str| match understand(line, &candidates()) {
            Answer::Host(host) => host,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(host("1\n"), "p-hive1.example.com");
        assert_eq!(host(" 2 "), "p-hive2.example.com");
        assert_eq!(host("P-HIVE2"), "p-hive2.example.com");
        assert_eq!(host("p-hive0.example.com"), "p-hive0.example.com");
    }

    #[test]
    fn a_slip_chooses_nothing() {
        for line in ["0", "3", "p-hive", "p-hive0", "99999999999999999999999"] {
            let answer = understand(line, &candidates());
            assert!(matches!(answer, Answer::Unclear(_)), "{line}: {answer:?}");
        }
        for line in ["", "  ", "\u{1b}[A", "ü", &"x".repeat(400)] {
            assert_eq!(understand(line, &candidates()), Answer::Nothing, "{line:?}");
        }
    }

    #[test]
    fn lines_come_in_pieces() {
        let mut lines = Lines::default();
        assert!(lines.take(b"p-hi").is_empty());
        assert_eq!(lines.take(b"vex\x7f1\r\n2"), ["p-hive1", ""]);
        assert_eq!(lines.take(b"\n"), ["2"]);
        assert!(lines.take(&[b'x'; 5000]).is_empty());
        assert_eq!(lines.take(b"\n")[0].len(), LONGEST);
    }
}
