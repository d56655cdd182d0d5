//! How a volume gets to the first container that uses it, and back from the last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hive_volumes::Record;
use hive_volumes::driver::{Next, Step};
use tokio::time::{Instant, sleep};

use super::hands::Hands;

/// How long a container waits for its volume: docker gives up on its driver after two minutes, and the
/// swarm then sees no reason. The last step, and letting go after a failure, come on top.
pub const COMES: Duration = Duration::from_secs(60);
/// How long docker waits while a volume is let go; what takes longer goes on without it.
const GOES: Duration = Duration::from_secs(40);
/// Pause while others have to do something first.
const PAUSE: Duration = Duration::from_millis(500);
/// Pause between tries when nobody waits for it.
const LATER: Duration = Duration::from_secs(5);

/// Brings a volume to the container that docker calls `id`, within `patience`; `daemon` is the run of docker's
/// daemon.
///
/// # Errors
/// What it was waited for, or why it never works, in words that a person reads in `docker service ps`.
pub async fn mount<H: Hands>(
    hands: &Arc<H>,
    name: &str,
    id: &str,
    daemon: &str,
    patience: Duration,
) -> Result<PathBuf, String> {
    {
        // Counted first, so that the upkeep does not take it for idle on the way.
        let _held = hands.lock(name).await;
        let mut users = hands.users(name)?;
        users.mounts(id, daemon);
        hands.set_users(name, &users)?;
    }
    let mut brought = bring(hands, name, patience).await;
    {
        let _held = hands.lock(name).await;
        let mut users = hands.users(name)?;
        match &brought {
            Ok(_) if users.is_mounted(id) => {}
            Ok(_) => brought = Err(format!("docker did not wait for volume {name}")),
            // Docker does not ask to unmount what it did not get.
            Err(_) => users.gives_up(id),
        }
        hands.set_users(name, &users)?;
    }
    if brought.is_err() {
        // What can't be let go is told there, and tried on.
        if let Err(why) = gone(hands, name).await {
            eprintln!("hived: volume {name}: {why}");
        }
    }
    hands.look_again(name);
    brought
}

async fn bring<H: Hands>(
    hands: &Arc<H>,
    name: &str,
    patience: Duration,
) -> Result<PathBuf, String> {
    let until = Instant::now() + patience;
    let mut checked = false;
    loop {
        let why = {
            let _held = hands.lock(name).await;
            match hands.record(name).await {
                Ok(Some(record)) => match hands.to_mount(&record, checked).await {
                    Ok(Next::Done) => return Ok(hands.folder(&record)),
                    Ok(Next::Refuse(why)) => return Err(why),
                    Ok(Next::Wait(why)) => why,
                    Ok(Next::Do(step)) => match hands.carry_out(&record, step).await {
                        Ok(()) => {
                            checked = step == Step::Check;
                            continue;
                        }
                        // Time does not mend it.
                        Err(why) if step == Step::Check => return Err(why),
                        Err(why) => why,
                    },
                    Err(why) => why,
                },
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

/// The container that docker calls `id` has ended. Works without Raft, by the record that was read last.
///
/// # Errors
/// The volume can't be let go yet, in words; that is tried on in the background.
pub async fn unmount<H: Hands>(hands: &Arc<H>, name: &str, id: &str) -> Result<(), String> {
    {
        let _held = hands.lock(name).await;
        let mut users = hands.users(name)?;
        users.unmounts(id);
        hands.set_users(name, &users)?;
    }
    gone(hands, name).await
}

/// Lets go of a volume without users, if need be with more patience than docker has.
async fn gone<H: Hands>(hands: &Arc<H>, name: &str) -> Result<(), String> {
    let gone = let_go(hands, name, GOES).await;
    if gone.is_err() {
        let (hands, name) = (Arc::clone(hands), name.to_owned());
        tokio::spawn(async move {
            loop {
                sleep(LATER).await;
                // Ends when it is gone, and when there are users again.
                if let_go(&hands, &name, Duration::ZERO).await.is_ok() {
                    return;
                }
            }
        });
    }
    gone
}

/// Unmounts and demotes unless there are users.
async fn let_go<H: Hands>(hands: &Arc<H>, name: &str, patience: Duration) -> Result<(), String> {
    let until = Instant::now() + patience;
    loop {
        let why = {
            let _held = hands.lock(name).await;
            // A volume that is not known any more has nothing here that could be let go.
            let Some(record) = named(hands, name) else {
                return Ok(());
            };
            match hands.to_unmount(&record).await {
                Ok(Next::Do(step)) => match hands.carry_out(&record, step).await {
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

/// hived runs anew: nobody waits any more for mounts that its former self was about, and what that was letting
/// go of is let go.
pub async fn begin_anew<H: Hands>(hands: &Arc<H>) {
    for record in hands.known() {
        let name = record.identity.name.as_str();
        let forgotten = {
            let _held = hands.lock(name).await;
            hands.users(name).and_then(|mut users| {
                let before = users.clone();
                users.forget_unfinished();
                match users == before {
                    true => Ok(()),
                    false => hands.set_users(name, &users),
                }
            })
        };
        let gone = match forgotten {
            Ok(()) => gone(hands, name).await,
            failed => failed,
        };
        if let Err(why) = gone {
            eprintln!("hived: volume {name}: {why}");
        }
    }
}

/// Docker's daemon runs anew: the containers of its former self have ended, and nobody tells of them.
pub async fn forget_others<H: Hands>(hands: &Arc<H>, daemon: &str) {
    for record in hands.known() {
        let name = record.identity.name.as_str();
        let forgotten = {
            let _held = hands.lock(name).await;
            hands.users(name).and_then(|mut users| {
                let before = users.count();
                if before == 0 {
                    return Ok(());
                }
                users.forget_others(daemon);
                hands.set_users(name, &users)
            })
        };
        let gone = match forgotten {
            Ok(()) => gone(hands, name).await,
            failed => failed,
        };
        if let Err(why) = gone {
            eprintln!("hived: volume {name}, whose containers ended with docker's daemon: {why}");
        }
    }
}

/// The record of a volume as it was read last.
pub fn named<H: Hands>(hands: &Arc<H>, name: &str) -> Option<Record> {
    let mut known = hands.known().into_iter();
    known.find(|record| record.identity.name.as_str() == name)
}

/// What is said of a volume that nobody made.
pub fn unknown(name: &str) -> String {
    format!("the swarm knows no mirrored volume {name}; `hive build-volumes -l {name}` makes it")
}
