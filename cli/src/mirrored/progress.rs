//! How far hosts are with volumes, of what was written and what they report. Pure.

use std::collections::BTreeSet;

use hive_volumes::plan::{Action, Line};
use hive_volumes::{Record, State};

use super::reports::Reports;

/// A volume that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The volume.
    pub name: String,
    /// Tells it from an earlier one of its name.
    pub birthmark: String,
    /// The state that was written, or a later one.
    pub turn: u64,
    /// The hosts that have a part in it.
    pub hosts: BTreeSet<String>,
    /// It is to go.
    pub removal: bool,
}

/// How far a host is with a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// All is as it should be.
    Done,
    /// It does something or waits, in words.
    Works(String),
    /// It needs a person, in words.
    Trouble(String),
    /// It tells nothing: why.
    Silent(String),
}

impl Goal {
    /// What a line of a plan leads to; `None`: nobody can tell, as it was not written.
    pub fn of(line: &Line, records: &hive_records::Records) -> Option<Self> {
        let record = || records.volumes.get(line.name.as_str());
        match &line.action {
            Action::Create(new) => Some(Self::to(&new.0.name, &new.0.birthmark, &new.1)),
            Action::Change { record, state, .. } => {
                let identity = &record.identity;
                Some(Self::to(&identity.name, &identity.birthmark, state))
            }
            Action::Unchanged | Action::BeingRemoved => {
                let Record {
                    identity, state, ..
                } = record()?;
                Some(Self::to(&identity.name, &identity.birthmark, state))
            }
        }
    }

    fn to(name: &hive_volumes::VolumeName, birthmark: &str, state: &State) -> Self {
        Self {
            name: name.as_str().to_owned(),
            birthmark: birthmark.to_owned(),
            turn: state.turn,
            hosts: state.present().map(|(host, _)| host.to_owned()).collect(),
            removal: state.removal.is_some(),
        }
    }

    /// How far a host is with it.
    pub fn at(&self, host: &str, reports: &Reports) -> At {
        let report = match reports.get(host) {
            Some(Ok(report)) => report,
            Some(Err(why)) => return At::Silent(why.clone()),
            None => return At::Silent("the inventory does not have it any more".into()),
        };
        let found = report.volumes.get(&self.name);
        let Some(volume) = found.filter(|volume| volume.birthmark == self.birthmark) else {
            return match (self.removal, report.faults.first()) {
                (true, _) => At::Done,
                (false, Some(fault)) => At::Works(fault.clone()),
                (false, None) => At::Works("has not seen it yet".into()),
            };
        };
        if let Some(trouble) = &volume.trouble {
            return At::Trouble(trouble.clone());
        }
        if volume.turn < self.turn {
            return At::Works("has not seen the change yet".into());
        }
        match (&volume.waiting_for, volume.settled) {
            (_, true) if !self.removal => At::Done,
            (Some(what), _) => At::Works(what.clone()),
            (None, _) => At::Works("at work".into()),
        }
    }

    /// How far all its hosts are.
    pub fn all(&self, reports: &Reports) -> Vec<(String, At)> {
        let hosts = self.hosts.iter();
        hosts
            .map(|host| (host.clone(), self.at(host, reports)))
            .collect()
    }
}

/// A host and a volume, and how far it is, in one line.
pub fn words(volume: &str, host: &str, at: &At) -> String {
    match at {
        At::Done => format!("{volume} on {host} ready"),
        At::Works(what) => format!("{volume} on {host}: {what}"),
        At::Trouble(what) => format!("{volume} on {host} needs you: {what}"),
        At::Silent(why) => format!("{volume} on {host}: no word of it ({why})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site_status::volumes::tests::{report, volume};
    use std::collections::BTreeMap;

    fn goal() -> Goal {
        Goal {
            name: "data".into(),
            birthmark: "b".into(),
            turn: 3,
            hosts: BTreeSet::from(["h0".to_owned(), "h1".to_owned()]),
            removal: false,
        }
    }

    #[test]
    fn a_host_is_done_when_it_has_seen_the_change_and_settled() {
        let mut told = volume();
        let at = |told: &hive_inventory::volumes::VolumeReport, goal: &Goal| {
            let reports = Reports::from([("h0".to_owned(), Ok(report("data", told.clone())))]);
            goal.at("h0", &reports)
        };
        assert_eq!(at(&told, &goal()), At::Done);
        told.turn = 2;
        let late = At::Works("has not seen the change yet".into());
        assert_eq!(at(&told, &goal()), late);
        told.turn = 9;
        told.settled = false;
        told.waiting_for = Some("making the file system".into());
        let works = At::Works("making the file system".into());
        assert_eq!(at(&told, &goal()), works);
        told.trouble = Some("full".into());
        assert_eq!(at(&told, &goal()), At::Trouble("full".into()));
        told.birthmark = "an earlier one".into();
        assert_eq!(at(&told, &goal()), At::Works("has not seen it yet".into()));
        let removal = Goal {
            removal: true,
            ..goal()
        };
        assert_eq!(at(&told, &removal), At::Done);
        assert_eq!(at(&volume(), &removal), At::Works("at work".into()));
    }

    #[test]
    fn a_silent_host_says_why() {
        let reports: Reports = BTreeMap::from([("h0".to_owned(), Err("refused".to_owned()))]);
        let all = goal().all(&reports);
        assert_eq!(all[0].1, At::Silent("refused".into()));
        assert!(matches!(&all[1].1, At::Silent(why) if why.contains("inventory")));
        assert_eq!(
            words("data", "h0", &all[0].1),
            "data on h0: no word of it (refused)"
        );
    }
}
