//! Which containers use a volume: the ids that docker gave with its requests, kept in `/run`, so that
//! hived can start anew while containers run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The version of this document.
pub const USERS_VERSION: u32 = 1;

/// The users of a volume on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    version: u32,
    /// Which run of docker's daemon gave the ids: containers end with it, and then nobody tells.
    daemon: String,
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
            daemon: String::new(),
            mounted: BTreeMap::new(),
            mounting: BTreeSet::new(),
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

    /// Docker mounts for `id`. To be written before anything is done: a container that is counted and
    /// never starts is found out, one that runs and is not counted loses its volume.
    pub fn mounts(&mut self, id: &str, daemon: &str) {
        self.forget_others(daemon);
        self.mounting.insert(id.to_owned());
    }

    /// It is mounted for `id`, and docker is told so next. `false`: docker unmounted it meanwhile.
    #[must_use]
    pub fn is_mounted(&mut self, id: &str) -> bool {
        let wanted = self.mounting.remove(id);
        if wanted {
            *self.mounted.entry(id.to_owned()).or_default() += 1;
        }
        wanted
    }

    /// It could not be mounted for `id`, and docker is told so: it will not unmount.
    pub fn gives_up(&mut self, id: &str) {
        self.mounting.remove(id);
    }

    /// Docker unmounts for `id`; one that is not known is no error, as docker asks again after a failure.
    pub fn unmounts(&mut self, id: &str) {
        match self.mounted.get_mut(id) {
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => drop(self.mounted.remove(id)),
            None => self.gives_up(id),
        }
    }

    /// Docker's daemon runs anew: the containers of its former self have ended.
    pub fn forget_others(&mut self, daemon: &str) {
        if self.daemon != daemon {
            *self = Self {
                daemon: daemon.to_owned(),
                ..Self::none()
            };
        }
    }

    /// hived runs anew: nobody waits any more for what its former self was about.
    pub fn forget_unfinished(&mut self) {
        self.mounting.clear();
    }

    /// Which run of docker's daemon gave the ids; empty before it gave any.
    pub fn daemon(&self) -> &str {
        &self.daemon
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let new = |id: &&String| !self.mounted.contains_key(*id);
        self.mounted.len() + self.mounting.iter().filter(new).count()
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
    fn containers_end_with_docker_s_daemon() {
        let mut users = Users::none();
        users.mounts("a", "1");
        users.mounts("b", "2");
        assert_eq!(users.count(), 1);
        users.forget_others("3");
        assert_eq!(users.count(), 0);
    }

    #[test]
    fn what_does_not_read_is_no_empty_list() {
        assert!(Users::read("").is_err());
        let later = Users::read(r#"{"version":2,"more":1}"#).unwrap_err();
        assert!(later.to_string().contains("has version 2"), "{later}");
    }
}
