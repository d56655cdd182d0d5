//! Docker's volume driver `drbd`: what docker asks when a container with a mirrored volume starts or ends.
//!
//! [`protocol`] is docker's side, [`using`] how a volume gets to a container and back, [`sweep`] lets go of what
//! nobody unmounts, [`hands`] is what they do to the host. A volume's lock is taken for steps only: the upkeep, which
//! has it, asks docker for its volumes, and docker asks here.
//!
//! Docker's daemon may die, or be told to leave its containers alone when it starts anew. So the containers of a run
//! of it count until [that run](process) has ended *and* the kernel says that [no container](containers) has the
//! volume any more.

mod containers;
mod hands;
mod process;
mod protocol;
mod sweep;
#[cfg(test)]
mod tests;
mod using;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hive_volumes::driver::users::Users;

pub use containers::have as containers_have;
pub use hands::Hands;
pub use protocol::serve;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// How long a container waits for its volume. A step that was begun comes on top.
    comes: Duration,
    /// When docker gets its answer at the latest: it gives up on a mount after two minutes, and the swarm
    /// then sees no reason.
    mount: Duration,
    /// How long a volume without users is tried to be let go before docker is told that it is not.
    goes: Duration,
    /// When docker gets its answer at the latest: it gives up on an unmount after one minute.
    unmount: Duration,
    /// How long a volume that came too late for docker is kept for the next try. The swarm's is 5 s later
    /// unless the service says otherwise.
    keep: Duration,
    /// Pause between tries when nobody waits, and between looks for what nobody uses.
    later: Duration,
}

const TIMES: Times = Times {
    comes: Duration::from_secs(60),
    mount: Duration::from_secs(110),
    goes: Duration::from_secs(40),
    unmount: Duration::from_secs(50),
    keep: Duration::from_secs(20),
    later: Duration::from_secs(5),
};

/// The driver.
struct Driver<H> {
    hands: Arc<H>,
    times: Times,
    /// Volumes whose file system was checked and is not mounted yet. Only while somebody wants them: then this host
    /// has promoted them, and nobody else writes.
    checked: Mutex<BTreeSet<String>>,
}

impl<H: Hands> Driver<H> {
    fn new(hands: Arc<H>, times: Times) -> Arc<Self> {
        Arc::new(Self {
            hands,
            times,
            checked: Mutex::default(),
        })
    }

    /// Changes the list of users of a volume; one at a time does.
    fn count<T>(&self, name: &str, change: impl FnOnce(&mut Users) -> T) -> Result<T, String> {
        let mut checked = self.checked.lock().unwrap_or_else(|e| e.into_inner());
        let mut users = self.hands.users(name)?;
        let before = users.clone();
        let told = change(&mut users);
        if users != before {
            self.hands.set_users(name, &users)?;
        }
        if users.count() == 0 {
            checked.remove(name);
        }
        Ok(told)
    }

    fn is_checked(&self, name: &str) -> bool {
        let checked = self.checked.lock().unwrap_or_else(|e| e.into_inner());
        checked.contains(name)
    }

    fn set_checked(&self, name: &str, is: bool) -> Result<(), String> {
        let mut checked = self.checked.lock().unwrap_or_else(|e| e.into_inner());
        match is && self.hands.users(name)?.count() > 0 {
            true => checked.insert(name.to_owned()),
            false => checked.remove(name),
        };
        Ok(())
    }
}
