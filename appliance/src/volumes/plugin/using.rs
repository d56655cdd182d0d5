//! How a volume gets to the first container that uses it, and back from the last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hive_volumes::Record;
use hive_volumes::driver::{Next, Step};
use tokio::time::{Instant, sleep, timeout_at};

use super::Driver;
use super::hands::Hands;

/// Pause while others have to do something first.
const PAUSE: Duration = Duration::from_millis(500);

impl<H: Hands> Driver<H> {
    /// Brings a volume to the container that docker calls `id`; `daemon` is the run of docker's daemon.
    ///
    /// # Errors
    /// What it was waited for, or why it never works, in words that a person reads in `docker service ps`.
    pub async fn mount(
        self: &Arc<Self>,
        name: &str,
        id: &str,
        daemon: &str,
    ) -> Result<PathBuf, String> {
        // Counted first, so that the upkeep does not take it for idle on the way.
        self.count(name, |users| users.mounts(id, daemon))?;
        let mut brought = self.bring(name, id).await;
        self.count(name, |users| match &brought {
            Ok(_) if users.is_mounted(id) => {}
            Ok(_) => brought = Err(not_awaited(name)),
            // Docker does not ask to unmount what it did not get.
            Err(_) => users.gives_up(id),
        })?;
        if brought.is_err() {
            self.let_go_behind(name);
        }
        self.hands.look_again(name);
        brought
    }

    async fn bring(&self, name: &str, id: &str) -> Result<PathBuf, String> {
        let hands = &self.hands;
        let patience = self.times.comes;
        let until = Instant::now() + patience;
        loop {
            let why = {
                let held = self.lock(name, patience, until).await?;
                if !hands.users(name)?.is_mounting(id) {
                    return Err(not_awaited(name));
                }
                match hands.record(name).await {
                    Ok(Some(record)) => {
                        match hands.to_mount(&record, self.is_checked(name)).await {
                            Ok(Next::Done) => return Ok(hands.folder(&record)),
                            Ok(Next::Refuse(why)) => return Err(why),
                            Ok(Next::Wait(why)) => why,
                            Ok(Next::Do(step)) => match self.step(&held, &record, step).await {
                                Ok(()) => continue,
                                // Time does not mend it.
                                Err(why) if step == Step::Check => return Err(why),
                                Err(why) => why,
                            },
                            Err(why) => why,
                        }
                    }
                    Ok(None) => return Err(unknown(name)),
                    Err(why) => why,
                }
            };
            if Instant::now() >= until {
                return Err(format!("{why} (waited {} s for it)", patience.as_secs()));
            }
            sleep(PAUSE).await;
        }
    }

    /// A step on the way up. A check counts for whoever wants the volume next, too: it may take longer than docker
    /// waits.
    async fn step(&self, held: &H::Held, record: &Record, step: Step) -> Result<(), String> {
        let name = record.identity.name.as_str();
        if step == Step::Promote {
            // Others may have written since.
            self.set_checked(name, false)?;
        }
        self.hands.carry_out(held, record, step).await?;
        self.set_checked(name, step == Step::Check)
    }

    /// The right to act on a volume, within `patience`, which ends at `until`.
    async fn lock(
        &self,
        name: &str,
        patience: Duration,
        until: Instant,
    ) -> Result<H::Held, String> {
        let held = timeout_at(until, self.hands.lock(name)).await;
        held.map_err(|_| {
            let doing = self.doing(name);
            format!(
                "volume {name}: {doing} (waited {} s for it); that goes on by itself, so try again later, and `journalctl -u hived` on {} tells how it ends",
                patience.as_secs(),
                self.hands.me()
            )
        })
    }

    /// What is being done to a volume, in words.
    pub fn doing(&self, name: &str) -> String {
        let me = self.hands.me();
        match self.hands.doing(name) {
            Some(doing) => format!("{me} has been {doing}"),
            None => format!("{me} is looking at it"),
        }
    }

    /// The container that docker calls `id` has ended. Works without Raft, by the record that was read last.
    ///
    /// # Errors
    /// The volume can't be let go yet, in words; that is tried on in the background.
    pub async fn unmount(self: &Arc<Self>, name: &str, id: &str) -> Result<(), String> {
        self.count(name, |users| users.unmounts(id))?;
        if let Some(record) = self.named(name)
            && let Err(why) = self.forget_ended(&record).await
        {
            eprintln!("hived: volume {name}: {why}");
        }
        self.gone(name).await
    }

    /// Lets go of a volume without users, while nobody waits for that.
    pub fn let_go_behind(self: &Arc<Self>, name: &str) {
        let (driver, name) = (Arc::clone(self), name.to_owned());
        tokio::spawn(async move {
            if let Err(why) = driver.gone(&name).await {
                eprintln!("hived: volume {name}: {why}");
            }
        });
    }

    /// Lets go of a volume without users, if need be with more patience than docker has.
    async fn gone(self: &Arc<Self>, name: &str) -> Result<(), String> {
        let gone = self.let_go(name, self.times.goes).await;
        if gone.is_err() {
            let (driver, name) = (Arc::clone(self), name.to_owned());
            tokio::spawn(async move {
                loop {
                    sleep(driver.times.later).await;
                    // Ends when it is gone, and when there are users again.
                    if driver.let_go(&name, Duration::ZERO).await.is_ok() {
                        return;
                    }
                }
            });
        }
        gone
    }

    /// Unmounts and demotes unless there are users.
    async fn let_go(&self, name: &str, patience: Duration) -> Result<(), String> {
        let hands = &self.hands;
        let until = Instant::now() + patience;
        loop {
            // Whoever brings it to one may have the lock for long.
            if hands.users(name)?.count() > 0 {
                return Ok(());
            }
            let why = {
                let held = self.lock(name, patience, until).await?;
                // A volume that is not known any more has nothing here that could be let go.
                let Some(record) = self.named(name) else {
                    return Ok(());
                };
                match hands.to_unmount(&record).await {
                    Ok(Next::Do(step)) => match hands.carry_out(&held, &record, step).await {
                        Ok(()) => continue,
                        Err(why) => why,
                    },
                    Ok(Next::Done) => break,
                    Ok(Next::Wait(why) | Next::Refuse(why)) | Err(why) => why,
                }
            };
            if Instant::now() >= until {
                return Err(why);
            }
            sleep(PAUSE).await;
        }
        hands.look_again(name);
        Ok(())
    }

    /// The record of a volume as it was read last.
    pub fn named(&self, name: &str) -> Option<Record> {
        let mut known = self.hands.known().into_iter();
        known.find(|record| record.identity.name.as_str() == name)
    }
}

fn not_awaited(name: &str) -> String {
    format!("docker did not wait for volume {name}")
}

/// What is said of a volume that nobody made.
pub fn unknown(name: &str) -> String {
    format!("the swarm knows no mirrored volume {name}; `hive build-volumes -l {name}` makes it")
}
