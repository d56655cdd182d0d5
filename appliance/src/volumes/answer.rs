//! What hived answers other hives about volumes. Who asks has proved by its certificate that it is a hive
//! of the site.

use std::sync::Arc;

use hive_volumes::Record;
use hive_volumes::seen::{DiskState, Resource};

use super::access::{Access, short};
use super::carried::AllCarried;
use super::host::Host;
use super::question::{Answer, Ask, Question, Told};
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
    if let Ask::Agrees { volume, birthmark } = ask {
        let same = host.access().epoch() == Ok(epoch);
        return Ok(Told::Agrees(
            same && connected(host, asker, &volume, &birthmark).await,
        ));
    }
    through(host.access(), epoch, ask).await
}

/// What only a manager can do, for one that is none.
async fn through(access: &Access, epoch: u64, ask: Ask) -> Result<Told, String> {
    let raft = access.raft(epoch)?;
    match ask {
        Ask::Read => {
            let reading = raft.read().await?;
            Ok(Told::Read {
                records: AllCarried::pack(&reading.records)?,
                secrets: reading.secrets,
                there: reading.there,
            })
        }
        Ask::Write { record, state } => {
            let written = raft.write(&record.unpack()?, &state).await?;
            Ok(Told::Written(written == Written::Done))
        }
        Ask::Forget { record } => {
            raft.forget(&record.unpack()?).await?;
            Ok(Told::Forgotten)
        }
        Ask::Agrees { .. } => Ok(Told::Agrees(false)),
    }
}

/// Looks at DRBD now. The record may be an old one: only who keeps copies is taken from it.
async fn connected(host: &Host, asker: &str, volume: &str, birthmark: &str) -> bool {
    let Some(record) = host.known(volume) else {
        return false;
    };
    if record.identity.birthmark != birthmark {
        return false;
    }
    match host.resource(&record).await {
        Ok(resource) => agrees(&record, host.me(), asker, resource.as_ref()),
        Err(_) => false,
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
    use hive_volumes::seen::Connection;

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
        let agrees = || Ask::Agrees {
            volume: "db".into(),
            birthmark: "0000000000000002".into(),
        };
        assert_eq!(ask(0, agrees()).await, Told::Agrees(false));
        assert_eq!(answers("h1.s".into(), "{}".into()).await, None);
    }
}
