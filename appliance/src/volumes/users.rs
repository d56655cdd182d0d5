//! Which containers use a volume here, in `/run`: hived may start anew while they run.

use std::fs;
use std::io;
use std::path::PathBuf;

use hive_volumes::driver::users::Users;

use super::host::Host;
use crate::durable;

impl Host {
    /// The containers that use a volume here, or are about to.
    ///
    /// # Errors
    /// The list does not read, in words: the volume must not be taken for unused then.
    pub fn users(&self, name: &str) -> Result<Users, String> {
        let path = self.users_file(name);
        match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Users::none()),
            Err(e) => Err(format!("reading {}: {e}", path.display())),
            Ok(text) => Users::read(&text).map_err(|e| format!("{}: {e}", path.display())),
        }
    }

    /// Replaces that list.
    ///
    /// # Errors
    /// It can't be written, in words.
    pub fn set_users(&self, name: &str, users: &Users) -> Result<(), String> {
        let text = serde_json::to_vec(users).map_err(|e| e.to_string())?;
        durable::replace(&self.users_file(name), &text).map_err(|e| e.to_string())
    }

    pub(super) fn users_file(&self, name: &str) -> PathBuf {
        let folder = self.paths.volumes_now.join("users");
        folder.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::tests::host;
    use super::*;
    use crate::member::View;
    use tokio::sync::watch;

    #[tokio::test]
    async fn users_are_kept_and_what_does_not_read_is_no_empty_list() {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path(), watch::channel(View::default()).1);
        assert_eq!(host.users("web").unwrap().count(), 0);
        let mut users = Users::none();
        users.mounts("a", "1");
        host.set_users("web", &users).unwrap();
        assert_eq!(host.users("web"), Ok(users));
        fs::write(host.users_file("web"), "{").unwrap();
        assert!(host.users("web").unwrap_err().contains("web.json"));
    }
}
