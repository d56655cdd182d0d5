//! Lets go of what nobody unmounts: of containers that ended with docker's daemon, also when none starts after it, and
//! of what an earlier hived was about.

use std::collections::BTreeMap;
use std::sync::Arc;

use hive_volumes::Record;
use tokio::time::sleep;

use super::Driver;
use super::hands::Hands;
use super::process;

impl<H: Hands> Driver<H> {
    /// hived runs anew, and docker can't ask yet: nobody waits any more for mounts that its former self was about.
    pub fn forget_unfinished(&self) {
        for record in self.hands.known() {
            let name = record.identity.name.as_str();
            if let Err(why) = self.count(name, |users| users.forget_unfinished()) {
                eprintln!("hived: volume {name}: {why}");
            }
        }
    }

    /// Goes round for ever.
    pub async fn sweep(self: Arc<Self>) {
        for record in self.hands.known() {
            // What the former self was letting go.
            self.let_go_behind(record.identity.name.as_str());
        }
        let mut told = BTreeMap::new();
        loop {
            let mut faults = BTreeMap::new();
            for record in self.hands.known() {
                let name = record.identity.name.as_str();
                match self.forget_ended(&record).await {
                    Ok(false) => {}
                    Ok(true) => self.let_go_behind(name),
                    Err(why) => {
                        // Once is enough.
                        if told.get(name) != Some(&why) {
                            eprintln!("hived: volume {name}: {why}");
                        }
                        faults.insert(name.to_owned(), why);
                    }
                }
            }
            told = faults;
            sleep(self.times.later).await;
        }
    }

    /// Forgets containers of runs of docker's daemon that have ended, unless containers still have the volume; whether
    /// there was something to forget. Which of them it is can't be told, so then all of them stay.
    ///
    /// # Errors
    /// It can't be known, in words, and all stay.
    pub async fn forget_ended(&self, record: &Record) -> Result<bool, String> {
        let name = record.identity.name.as_str();
        let users = self.hands.users(name)?;
        // Asked before the containers are: a daemon that lives may be about to start one.
        let ended: Vec<&str> = users.runs().filter(|run| process::has_ended(run)).collect();
        if ended.is_empty() || self.hands.in_containers(record).await? {
            return Ok(false);
        }
        self.count(name, |users| ended.iter().for_each(|run| users.forget(run)))?;
        Ok(true)
    }
}
