//! Why no seed makes this machine a host although there are some.

use std::fmt::Write as _;

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The image has no key to check seeds with.
    NoKey,
    /// A seed is tampered with, of another version or site, or can't be applied.
    Broken,
    /// The seeds are for other machines.
    WrongMachine,
    /// Several seeds fit, and nothing tells which.
    Ambiguous,
    /// Two sources make the machine different hosts.
    Contradiction,
    /// There is no seed for the host that was asked for.
    NotThere,
}

/// A fault, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// What is the matter, a sentence without a full stop.
    pub what: String,
    /// What a person does, a sentence without a full stop.
    pub next: String,
    /// The hosts that a person at the console may choose.
    pub candidates: Vec<Candidate>,
    /// Documents that can't be chosen, with the reason, a line each.
    pub others: Vec<String>,
}

/// A host that this machine could become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Full name.
    pub host: String,
    /// Where its seed was found.
    pub place: String,
    /// Why its seed fits this machine, or why it does not.
    pub fit: Result<&'static str, String>,
}

impl Fault {
    /// All of it on one line, for a status that is read later.
    pub fn sentence(&self) -> String {
        let mut out = self.what.clone();
        for (index, line) in self.rows().enumerate() {
            out.push_str(if index == 0 { " (" } else { "; " });
            out.push_str(&line);
        }
        if self.rows().next().is_some() {
            out.push(')');
        }
        let _ = write!(out, "; next step: {}", self.next);
        out
    }

    /// The fault for the console: reason, table, next step, and how to choose.
    pub fn table(&self) -> String {
        let mut out = format!("no seed makes this machine a host: {}\n", self.what);
        let width = self.candidates.iter().map(|c| c.host.len()).max();
        let width = width.unwrap_or_default();
        let mut number = 0;
        for candidate in &self.candidates {
            let mark = match candidate.fit {
                Ok(_) => {
                    number += 1;
                    number.to_string()
                }
                Err(_) => "-".into(),
            };
            let _ = writeln!(
                out,
                "  {mark:>3}  {:width$}  {}",
                candidate.host,
                candidate.reason()
            );
        }
        for other in &self.others {
            let _ = writeln!(out, "    -  {other}");
        }
        let _ = writeln!(out, "next step: {}", self.next);
        if number > 0 {
            out.push_str("or type a number and Enter to make this machine that host\n");
        }
        if self.candidates.iter().any(|c| c.fit.is_err()) {
            out.push_str(
                "or type a host's full name and Enter to make this machine that host although it is not the machine of its seed\n",
            );
        }
        out
    }

    fn rows(&self) -> impl Iterator<Item = String> {
        let candidates = self
            .candidates
            .iter()
            .map(|c| format!("{}: {}", c.host, c.reason()));
        candidates.chain(self.others.iter().cloned())
    }
}

impl Candidate {
    fn reason(&self) -> String {
        match &self.fit {
            Ok(why) => format!("{why}; seed from {}", self.place),
            Err(why) => format!("not this machine, {why}; seed from {}", self.place),
        }
    }
}
