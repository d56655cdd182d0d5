//! What hived answers other hives about volumes. Who asks has proved by its certificate that it is a hive
//! of the site.

use std::sync::Arc;

use hive_volumes::Record;
use hive_volumes::seen::{Connection, DiskState, Resource};
use hive_volumes::upkeep::spares;

use super::access::short;
use super::carried::AllCarried;
use super::host::Host;
use super::question::{Answer, Ask, Asked, Question, Sight, Told};
use crate::peers::Answers;
use crate::swarm::Written;

/// Answers for this host.
pub fn answers(host: Arc<Host>) -> Answers {
    Arc::new(move |name, question| {
        let host = Arc::clone(&host);
        Box::pin(async move {
            let question = Question::from_json(&question)?;
            let told = answer(&host, short(&name), question).await;
            Answer::to_json(told.unwrap_or_else(Told::Refused))
        })
    })
}

async fn answer(host: &Host, asker: &str, question: Question) -> Result<Told, String> {
    let Question { epoch, ask, .. } = question;
    let same = host.access().epoch() == Ok(epoch);
    // What only a manager can do, for one that is none.
    let raft = || host.access().raft(epoch);
    Ok(match ask {
        Ask::Read => {
            let reading = raft()?.read().await?;
            Told::Read {
                records: AllCarried::pack(&reading.records)?,
                secrets: reading.secrets,
                there: reading.there,
            }
        }
        Ask::Write { record, state } => {
            let written = raft()?.write(&record.unpack()?, &state).await?;
            Told::Written(written == Written::Done)
        }
        Ask::Forget { record } => {
            raft()?.forget(&record.unpack()?).await?;
            Told::Forgotten
        }
        Ask::Agrees(asked) => {
            let seen = seen(host, &asked).await.filter(|_| same);
            Told::Agrees(seen.is_some_and(|(record, resource)| {
                agrees(&record, host.me(), asker, resource.as_ref())
            }))
        }
        Ask::Counts(asked) => {
            let seen = seen(host, &asked).await.filter(|_| same);
            let resource = seen.and_then(|(_, resource)| resource);
            Told::Counts(resource.and_then(|resource| counts(&resource, asker)))
        }
        Ask::Sees(asked) => {
            let seen = seen(host, &asked).await.filter(|_| same);
            let resource = seen.and_then(|(_, resource)| resource);
            Told::Sees(resource.map_or(Sight::Otherwise, |resource| sight(&resource, asker)))
        }
        Ask::Spares(asked) => {
            let seen = seen(host, &asked).await.filter(|_| same);
            Told::Spares(seen.is_some_and(|(record, resource)| {
                resource.is_some_and(|resource| spares(&record, host.me(), asker, &resource))
            }))
        }
    })
}

/// Looks at DRBD now. The record may be an old one: only who keeps copies is taken from it.
async fn seen(host: &Host, asked: &Asked) -> Option<(Record, Option<Resource>)> {
    let record = host.known(&asked.volume)?;
    if record.identity.birthmark != asked.birthmark {
        return None;
    }
    let resource = host.resource(&record).await.ok()?;
    Some((record, resource))
}

/// The bytes that differ from the copy of `asker`, while both are whole and nothing goes on between them.
fn counts(resource: &Resource, asker: &str) -> Option<u64> {
    let peer = resource.peers.get(asker)?;
    let whole = [resource.disk, peer.disk] == [DiskState::UpToDate; 2];
    (whole && peer.connection == Connection::Connected).then_some(peer.out_of_sync)
}

/// How this host sees the connection with `asker`. One that itself waits for a third is not at rest: its copy may be made
/// anew, and not all may be at once.
fn sight(resource: &Resource, asker: &str) -> Sight {
    match resource.peers.get(asker).map(|peer| peer.connection) {
        Some(Connection::Agreeing) => Sight::Waits,
        Some(Connection::Connected)
            if resource.disk == DiskState::UpToDate
                && resource.agreeing_with().next().is_none() =>
        {
            Sight::Rests
        }
        _ => Sight::Otherwise,
    }
}

/// Whether this host's copy is up to date, connected to the one of `asker`, and not in use.
fn agrees(record: &Record, me: &str, asker: &str, resource: Option<&Resource>) -> bool {
    let both = [me, asker];
    let copies = both
        .iter()
        .all(|host| record.state.copies().any(|copy| copy == *host));
    let Some(resource) = resource.filter(|_| copies && me != asker) else {
        return false;
    };
    let peer = resource.peers.get(asker);
    resource.disk == DiskState::UpToDate
        && !resource.primary
        && peer.is_some_and(|peer| peer.connection.is_up())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_peer_agrees_only_when_its_own_drbd_says_so() {
        let record = sample::pair("db", 2);
        let good = sample::resource(&["h0"]);
        let says = |resource: &Resource| agrees(&record, "h1", "h0", Some(resource));
        assert!(says(&good));
        let mut other = good.clone();
        other.primary = true;
        assert!(!says(&other), "in use");
        other = good.clone();
        other.disk = DiskState::Outdated;
        assert!(!says(&other), "old");
        other = good.clone();
        other.peers.get_mut("h0").unwrap().connection = Connection::Trying;
        assert!(!says(&other), "not connected");
        assert!(!agrees(&record, "h1", "h2", Some(&good)), "a stranger asks");
        assert!(!agrees(&record, "h1", "h1", Some(&good)), "nobody else");
        assert!(!agrees(&record, "h1", "h0", None), "down");
    }

    #[test]
    fn what_differs_is_told_while_nothing_goes_on() {
        let mut resource = sample::resource(&["h0"]);
        assert_eq!(counts(&resource, "h0"), Some(0));
        resource.peers.get_mut("h0").unwrap().out_of_sync = 4096;
        assert_eq!(counts(&resource, "h0"), Some(4096));
        assert_eq!(counts(&resource, "h2"), None, "a stranger asks");
        resource.peers.get_mut("h0").unwrap().connection = Connection::Verifying;
        assert_eq!(counts(&resource, "h0"), None);
    }

    #[test]
    fn who_waits_and_who_rests_are_told_apart() {
        let mut resource = sample::resource(&["h0"]);
        assert_eq!(sight(&resource, "h0"), Sight::Rests);
        assert_eq!(sight(&resource, "h2"), Sight::Otherwise, "a stranger asks");
        let mut busy = sample::resource(&["h0", "h2"]);
        busy.peers.get_mut("h2").unwrap().connection = Connection::Agreeing;
        assert_eq!(sight(&busy, "h0"), Sight::Otherwise, "it waits for h2");
        // What the other is worth does not matter: it is the one that asks.
        resource.peers.get_mut("h0").unwrap().disk = DiskState::Outdated;
        assert_eq!(sight(&resource, "h0"), Sight::Rests);
        resource.disk = DiskState::Outdated;
        assert_eq!(sight(&resource, "h0"), Sight::Otherwise, "no whole copy");
        resource.peers.get_mut("h0").unwrap().connection = Connection::Agreeing;
        assert_eq!(sight(&resource, "h0"), Sight::Waits);
    }

    #[tokio::test]
    async fn who_is_no_manager_says_so_and_agrees_to_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let view = tokio::sync::watch::channel(crate::member::View::default()).1;
        let host = Arc::new(super::super::host::tests::host(dir.path(), view));
        let answers = answers(host);
        let ask = async |epoch, ask| {
            let question = Question::to_json(epoch, ask);
            let answer = answers("h1.s".into(), question).await.unwrap();
            Answer::from_json(&answer).unwrap()
        };
        let refused = |told| match told {
            Told::Refused(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(refused(ask(0, Ask::Read).await).contains("no manager"));
        assert!(refused(ask(1, Ask::Read).await).contains("epoch 0"));
        let asked = || Asked::of(&sample::pair("db", 2));
        assert_eq!(ask(0, Ask::Agrees(asked())).await, Told::Agrees(false));
        assert_eq!(ask(0, Ask::Counts(asked())).await, Told::Counts(None));
        assert_eq!(ask(0, Ask::Spares(asked())).await, Told::Spares(false));
        assert_eq!(answers("h1.s".into(), "{}".into()).await, None);
    }
}
