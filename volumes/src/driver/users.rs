//! Which containers use a volume: the ids that docker gave with its requests, kept in `/run`, so that
//! hived can start anew while containers run.

use std::collections::BTreeSet;

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
    ids: BTreeSet<String>,
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
            ids: BTreeSet::new(),
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
        self.ids.insert(id.to_owned());
    }

    /// Docker unmounts for `id`; one that is not known is no error, as docker asks again after a failure.
    pub fn unmounts(&mut self, id: &str) {
        self.ids.remove(id);
    }

    /// Docker's daemon runs anew: the containers of its former self have ended.
    pub fn forget_others(&mut self, daemon: &str) {
        if self.daemon != daemon {
            self.daemon = daemon.to_owned();
            self.ids.clear();
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ids.len()
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
