//! Choosing among documents that were read.

use std::collections::BTreeSet;

use hive_inventory::seed::Machine;

use super::{Candidate, Chosen, Fault, FaultKind, Reading, Verdict, is_name_of};
use crate::seed_source::Class;

/// The documents, read, and the machine.
pub(super) struct Choice<'a> {
    /// Every document.
    pub(super) all: &'a [Reading],
    /// This machine.
    pub(super) machine: &'a Machine,
    /// Number of sources.
    pub(super) sources: usize,
}

impl<'a> Choice<'a> {
    /// By a name that a person gave.
    pub(super) fn by_name(&self, name: &str) -> Verdict {
        let mut found: Vec<&Reading> = self.all.iter().filter(|r| r.is_for(name)).collect();
        found.sort_by_key(|r| (r.source, !r.plain));
        if let Some(first) = found.first() {
            return self.chosen(first, &found, &[]);
        }
        let claims = |r: &&Reading| r.claimed.as_deref().is_some_and(|c| is_name_of(name, c));
        match self.broken().find(claims) {
            Some(broken) => self.broken_fault(broken),
            None => self.fault(
                FaultKind::NotThere,
                format!("the host {name:?} was asked for, and there is no seed for it"),
                "plug in its seed (`hive seed HOST`), or start the machine without asking for that host (hive.host=)".into(),
            ),
        }
    }

    /// By what machine this is.
    pub(super) fn by_hardware(&self) -> Verdict {
        let offers: Vec<Vec<&Reading>> = (0..self.sources).map(|s| self.offer(s)).collect();
        if let Some(fault) = self.unanswered(&offers) {
            return fault;
        }
        let speaking: Vec<&Vec<&Reading>> = offers.iter().filter(|o| !o.is_empty()).collect();
        let hosts = |o: &[&Reading]| -> BTreeSet<String> {
            o.iter()
                .filter_map(|r| Some(r.seed.as_ref().ok()?.host.clone()))
                .collect()
        };
        let mut agreed: Option<BTreeSet<String>> = None;
        for offer in &speaking {
            let mine = hosts(offer);
            agreed = Some(match agreed {
                None => mine,
                Some(before) => before.intersection(&mine).cloned().collect(),
            });
        }
        let mut agreed = agreed.unwrap_or_default();
        // The boot disk's own seeds, though for another machine, say whose state lies beside them.
        let own: Vec<&Reading> = self
            .valid()
            .filter(|r| r.class == Class::BootDisk)
            .collect();
        if !own.is_empty() && !speaking.iter().any(|o| o[0].class == Class::BootDisk) {
            agreed = agreed.intersection(&hosts(&own)).cloned().collect();
        }
        let mut agreed = agreed.into_iter();
        match (agreed.next(), agreed.next()) {
            (Some(host), None) => {
                let found: Vec<&Reading> = speaking
                    .iter()
                    .flat_map(|o| o.iter().copied())
                    .filter(|r| r.is_for(&host))
                    .collect();
                let strangers: Vec<&Reading> = self
                    .valid()
                    .filter(|r| offers[r.source].is_empty())
                    .collect();
                self.chosen(found[0], &found, &strangers)
            }
            (Some(_), Some(_)) => self.fault(
                FaultKind::Ambiguous,
                "several seeds may be this machine's, and nothing tells which".into(),
                "choose at this console, or give the hosts a hardware match in the inventory, write the seeds again and plug them in".into(),
            ),
            (None, _) => self.contradiction(&speaking, &own),
        }
    }

    /// What a source offers this machine.
    fn offer(&self, source: usize) -> Vec<&'a Reading> {
        let fitting: Vec<&Reading> = self
            .valid()
            .filter(|r| r.source == source && r.mismatch(self.machine).is_none())
            .collect();
        let best = |of: Vec<&'a Reading>, by: fn(&Reading) -> bool| -> Vec<&'a Reading> {
            let better: Vec<&Reading> = of.iter().copied().filter(|r| by(r)).collect();
            if better.is_empty() { of } else { better }
        };
        best(best(fitting, Reading::names_hardware), |r| r.plain)
    }

    /// The fault of the first source with documents none of which is any good here, if no source
    /// may put it right.
    fn unanswered(&self, offers: &[Vec<&Reading>]) -> Option<Verdict> {
        let class = |source: usize| {
            self.all
                .iter()
                .find(|r| r.source == source)
                .map(|r| r.class)
        };
        let speaks = offers.iter().position(|o| !o.is_empty()).and_then(class);
        let first = class(0)?;
        let answered = match speaks {
            Some(speaks) => speaks == first || (speaks.is_medium() && first.is_medium()),
            None => false,
        };
        if answered {
            return None;
        }
        // Among media all count alike, before them the first alone.
        let here = |r: &&Reading| r.class == first || (first.is_medium() && r.class.is_medium());
        let mut valid = self.valid().filter(here);
        Some(match (valid.next(), valid.next()) {
            (None, _) => self.broken_fault(self.broken().find(here)?),
            (Some(only), None) => {
                let host = only.seed.as_ref().map(|s| s.host.as_str());
                self.fault(
                    FaultKind::WrongMachine,
                    format!(
                        "the seed from {} is for {}, and this is not its machine: {}",
                        only.place,
                        host.unwrap_or_default(),
                        only.mismatch(self.machine).unwrap_or_default()
                    ),
                    WRONG_MACHINE.into(),
                )
            }
            _ => self.fault(
                FaultKind::WrongMachine,
                "every seed that was found is for another machine".into(),
                WRONG_MACHINE.into(),
            ),
        })
    }

    fn contradiction(&self, speaking: &[&Vec<&Reading>], own: &[&Reading]) -> Verdict {
        let said = |offer: &[&Reading]| {
            let hosts: Vec<&str> = offer
                .iter()
                .filter_map(|r| Some(r.seed.as_ref().ok()?.host.as_str()))
                .collect();
            let place = offer.first().map_or("", |r| r.place.as_str());
            match hosts.len() {
                1 => format!("the one from {place} is for {}", hosts[0]),
                _ => format!("those from {place} are for {}", hosts.join(" or ")),
            }
        };
        let mut parts: Vec<String> = Vec::new();
        if !own.is_empty() && !speaking.iter().any(|o| o[0].class == Class::BootDisk) {
            parts.push(format!("{} and another machine", said(own)));
        }
        parts.extend(speaking.iter().map(|o| said(o)));
        self.fault(
            FaultKind::Contradiction,
            format!("the seeds contradict each other: {}", parts.join(", ")),
            "remove the one that is wrong".into(),
        )
    }

    /// The first of `found` is taken; `strangers` are seeds of sources that offer nothing.
    fn chosen(&self, first: &Reading, found: &[&Reading], strangers: &[&Reading]) -> Verdict {
        let Ok(seed) = &first.seed else {
            return self.broken_fault(first);
        };
        let mut notices = Vec::new();
        let mismatch = first.mismatch(self.machine);
        if let Some(why) = &mismatch {
            notices.push(format!(
                "this machine is {} because a person said so, its seed is for another machine: {why}; correct the host's hardware match in the inventory and write the seed again",
                seed.host
            ));
        }
        if let Some(other) = found.iter().find(|r| r.seed.as_ref() != Ok(seed)) {
            notices.push(format!(
                "the seeds for {} from {} and from {} differ; the first comes first and counts, remove or replace the one that is outdated",
                seed.host, first.place, other.place
            ));
        }
        for stranger in strangers {
            let why = stranger.mismatch(self.machine).unwrap_or_default();
            let host = stranger.seed.as_ref().map_or("", |s| s.host.as_str());
            notices.push(format!(
                "the seed for {host} from {} was left aside, this is not its machine: {why}",
                stranger.place
            ));
        }
        for broken in self.broken() {
            notices.push(format!("{}; it was left aside", invalid(broken)));
        }
        Verdict::Chosen(Box::new(Chosen {
            place: first.place.clone(),
            class: first.class,
            plain: first.plain,
            fits: mismatch.is_none(),
            text: first.text.clone(),
            seed: seed.clone(),
            notices,
        }))
    }

    fn broken_fault(&self, broken: &Reading) -> Verdict {
        let next = match &broken.seed {
            Err(why) => why.next(),
            Ok(_) => "",
        };
        let mut fault = self.the_fault(FaultKind::Broken, invalid(broken), next.into());
        // Said already.
        fault.others.retain(|other| *other != invalid(broken));
        Verdict::Fault(fault)
    }

    fn fault(&self, kind: FaultKind, what: String, next: String) -> Verdict {
        Verdict::Fault(self.the_fault(kind, what, next))
    }

    fn the_fault(&self, kind: FaultKind, what: String, next: String) -> Fault {
        let mut candidates: Vec<Candidate> = Vec::new();
        for reading in self.valid() {
            let Ok(seed) = &reading.seed else { continue };
            if candidates.iter().any(|c| c.host == seed.host) {
                continue;
            }
            let fit = match reading.mismatch(self.machine) {
                Some(why) => Err(why),
                None if reading.names_hardware() => Ok("it names this machine's hardware"),
                None => Ok("it names no hardware"),
            };
            candidates.push(Candidate {
                host: seed.host.clone(),
                place: reading.place.clone(),
                fit,
            });
        }
        Fault {
            kind,
            what,
            next,
            candidates,
            others: self.broken().map(invalid).collect(),
        }
    }

    fn valid(&self) -> impl Iterator<Item = &'a Reading> {
        self.all.iter().filter(|r| r.seed.is_ok())
    }

    fn broken(&self) -> impl Iterator<Item = &'a Reading> {
        self.all.iter().filter(|r| r.seed.is_err())
    }
}

const WRONG_MACHINE: &str = "plug in the seed of this machine, or correct the host's hardware match in the inventory and write its seed again (`hive seed HOST`)";

fn invalid(reading: &Reading) -> String {
    let claimed = match &reading.claimed {
        Some(host) => format!(" that calls itself {host:?}"),
        None => String::new(),
    };
    match &reading.seed {
        Err(why) => format!(
            "the seed{claimed} from {} is not valid: {why}",
            reading.place
        ),
        Ok(_) => String::new(),
    }
}
