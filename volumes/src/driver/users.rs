//! Which containers use a volume: the ids that docker gave with its requests, kept in `/run`, so that
//! hived can start anew while containers run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The version of this document.
pub const USERS_VERSION: u32 = 2;

/// The users of a volume on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    version: u32,
    /// By the run of docker's daemon that gave the ids. Containers may outlive it: then a successor unmounts for
    /// them by the same ids (`live-restore`), or nobody does.
    runs: BTreeMap<String, Ids>,
}

/// What a run of docker's daemon asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ids {
    /// How often each id was mounted. Docker mounts for a running container once more while it copies
    /// files into it or out of it, under the same id, and unmounts as often.
    mounted: BTreeMap<String, u32>,
    /// Ids for which a mount is under way. Docker asks once more when hived ended in the middle of it, so
    /// these are not counted like the others.
    mounting: BTreeSet<String>,
}

/// Why a text is not the list of users.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// Not JSON, or not of this shape.
    #[error("the list of containers that use a volume does not read")]
    Shape(#[from] serde_json::Error),
    /// Written by another release.
    #[error(
        "the list of containers that use a volume has version {0}, this hive reads {USERS_VERSION}"
    )]
    Version(u32),
}

impl Users {
    /// Nobody.
    pub fn none() -> Self {
        Self {
            version: USERS_VERSION,
            runs: BTreeMap::new(),
        }
    }

    /// Reads what was written before.
    ///
    /// # Errors
    /// It does not read. Whoever gets this must not take the volume for unused.
    pub fn read(text: &str) -> Result<Self, UsersError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_str(text)?;
        match head.version {
            USERS_VERSION => Ok(serde_json::from_str(text)?),
            version => Err(UsersError::Version(version)),
        }
    }

    /// The run `daemon` of docker mounts for `id`. To be written before anything is done: a container that is
    /// counted and never starts is found out, one that runs and is not counted loses its volume.
    pub fn mounts(&mut self, id: &str, daemon: &str) {
        let ids = self.runs.entry(daemon.to_owned()).or_default();
        ids.mounting.insert(id.to_owned());
    }

    /// Whether a mount for `id` is under way, and docker did not unmount it meanwhile.
    pub fn is_mounting(&self, id: &str) -> bool {
        self.runs.values().any(|ids| ids.mounting.contains(id))
    }

    /// It is mounted for `id`, and docker is told so next. `false`: docker unmounted it meanwhile.
    #[must_use]
    pub fn is_mounted(&mut self, id: &str) -> bool {
        let mut runs = self.runs.values_mut();
        let Some(ids) = runs.find(|ids| ids.mounting.contains(id)) else {
            return false;
        };
        ids.mounting.remove(id);
        *ids.mounted.entry(id.to_owned()).or_default() += 1;
        true
    }

    /// It could not be mounted for `id`, and docker is told so: it will not unmount.
    pub fn gives_up(&mut self, id: &str) {
        for ids in self.runs.values_mut() {
            ids.mounting.remove(id);
        }
        self.tidy();
    }

    /// Docker unmounts for `id`, whichever run mounted for it; one that is not known is no error, as docker asks
    /// again after a failure.
    pub fn unmounts(&mut self, id: &str) {
        let mut runs = self.runs.values_mut();
        let Some(ids) = runs.find(|ids| ids.mounted.contains_key(id)) else {
            return self.gives_up(id);
        };
        match ids.mounted.get_mut(id) {
            Some(times) if *times > 1 => *times -= 1,
            _ => drop(ids.mounted.remove(id)),
        }
        self.tidy();
    }

    /// The runs of docker's daemon that gave the ids.
    pub fn runs(&self) -> impl Iterator<Item = &str> {
        self.runs.keys().map(String::as_str)
    }

    /// A run of docker's daemon has ended, and its containers have.
    pub fn forget(&mut self, daemon: &str) {
        self.runs.remove(daemon);
    }

    /// hived runs anew: nobody waits any more for what its former self was about.
    pub fn forget_unfinished(&mut self) {
        for ids in self.runs.values_mut() {
            ids.mounting.clear();
        }
        self.tidy();
    }

    /// How many containers there are.
    pub fn count(&self) -> usize {
        let all = self.runs.values();
        let ids = all.flat_map(|ids| ids.mounted.keys().chain(&ids.mounting));
        ids.collect::<BTreeSet<_>>().len()
    }

    fn tidy(&mut self) {
        let used = |ids: &Ids| !ids.mounted.is_empty() || !ids.mounting.is_empty();
        self.runs.retain(|_, ids| used(ids));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_counts_once_until_it_ends() {
        let mut users = Users::none();
        users.mounts("a", "1");
        users.mounts("a", "1");
        users.mounts("b", "1");
        assert_eq!(users.count(), 2);
        let text = serde_json::to_string(&users).unwrap();
        let mut again = Users::read(&text).unwrap();
        assert_eq!(again, users);
        again.unmounts("a");
        again.unmounts("a");
        again.unmounts("never");
        assert_eq!(again.count(), 1);
    }

    #[test]
    fn a_container_that_is_copied_from_keeps_its_volume() {
        let mut users = Users::none();
        for _ in 0..2 {
            users.mounts("a", "1");
            assert!(users.is_mounted("a"));
        }
        users.unmounts("a");
        assert_eq!(users.count(), 1);
        users.mounts("a", "1");
        users.gives_up("a");
        assert_eq!(users.count(), 1, "what failed was not counted");
        users.unmounts("a");
        assert_eq!(users.count(), 0);
    }

    #[test]
    fn what_ended_in_the_middle_counts_once() {
        let mut users = Users::none();
        users.mounts("a", "1");
        users.mounts("a", "1");
        assert!(users.is_mounted("a"));
        users.unmounts("a");
        assert_eq!(users.count(), 0);
        users.mounts("a", "1");
        users.forget_unfinished();
        assert_eq!(users.count(), 0);
        users.mounts("a", "1");
        users.unmounts("a");
        assert!(!users.is_mounted("a"), "docker did not wait");
        assert_eq!(users.count(), 0);
    }

    #[test]
    fn containers_of_two_runs_count_until_theirs_is_forgotten() {
        let mut users = Users::none();
        for (id, daemon) in [("a", "1"), ("b", "1"), ("c", "2")] {
            users.mounts(id, daemon);
            assert!(users.is_mounted(id));
        }
        assert_eq!(users.runs().collect::<Vec<_>>(), ["1", "2"]);
        users.forget("1");
        assert_eq!(users.count(), 1);
        users.unmounts("c");
        assert_eq!((users.count(), users.runs().count()), (0, 0));
    }

    #[test]
    fn a_container_that_outlives_its_daemon_is_unmounted_by_the_next() {
        let mut users = Users::none();
        users.mounts("a", "1");
        assert!(users.is_mounted("a"));
        // Files are copied out of it meanwhile.
        users.mounts("a", "2");
        assert!(users.is_mounting("a") && users.is_mounted("a"));
        users.unmounts("a");
        assert_eq!(users.count(), 1);
        users.unmounts("a");
        assert_eq!(users, Users::none());
    }

    #[test]
    fn what_does_not_read_is_no_empty_list() {
        assert!(Users::read("").is_err());
        let later = Users::read(r#"{"version":3,"more":1}"#).unwrap_err();
        assert!(later.to_string().contains("has version 3"), "{later}");
    }
}
