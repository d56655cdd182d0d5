//! The byte comparison of a volume's copies, DRBD's online verify: it runs while the volume is in use, and
//! marks what differs.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use hive_volumes::seen::{Connection, Resource, proc_drbd, status_json};
use hive_volumes::{Module, Record};
use serde::Serialize;

use super::reports::{Asker, Reports};
use crate::remote;
use crate::site_status::volumes::is_up;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// Seconds until a host that does not even take the connection counts as silent.
const CONNECT: u64 = 10;

/// How a comparison went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The volume.
    pub volume: String,
    /// The host that compared its copy with the others'.
    pub host: String,
    /// Bytes that differ, by the other host.
    pub differing: BTreeMap<String, u64>,
}

/// The host that compares, the one where the volume is in use if there is such a one, and those that
/// it compares with.
///
/// # Errors
/// There is nothing to compare with, or a copy is not fit for it; in words.
pub fn who(record: &Record, reports: &Reports) -> Result<(String, Vec<String>), String> {
    let name = record.identity.name.as_str();
    let copies: Vec<&str> = record.state.copies().collect();
    if copies.len() < 2 {
        return Err(format!(
            "volume {name} has one copy, so there is nothing to compare it with"
        ));
    }
    let mut fit = Vec::new();
    for host in &copies {
        let report = match reports.get(*host) {
            Some(Ok(report)) => report,
            Some(Err(why)) => return Err(format!("{host} says nothing of volume {name}: {why}")),
            None => return Err(format!("{host} is not in the inventory any more")),
        };
        let volume = report.volumes.get(name);
        let Some(resource) = volume.and_then(|volume| volume.resource.as_ref()) else {
            return Err(format!("volume {name} is not up on {host}"));
        };
        if resource.disk != "UpToDate" {
            return Err(format!(
                "the copy of volume {name} on {host} is {}, so it would differ anyway",
                resource.disk
            ));
        }
        let others = copies.iter().filter(|other| *other != host);
        for other in others {
            let connection = resource.peers.get(*other).map(|p| p.connection.as_str());
            match connection {
                Some(word) if !is_up(word) => {
                    return Err(format!("{host} and {other} are not connected ({word})"));
                }
                Some("Connected") => {}
                Some(word) => {
                    return Err(format!(
                        "{host} and {other} are busy with something else ({word}); wait until it has ended"
                    ));
                }
                None => return Err(format!("{host} does not know {other}")),
            }
        }
        fit.push((*host, resource.primary));
    }
    let first = fit
        .iter()
        .max_by_key(|(host, primary)| (*primary, std::cmp::Reverse(*host)));
    let host = first.map_or(copies[0], |(host, _)| *host);
    let others = copies.iter().filter(|other| **other != host);
    Ok((
        host.to_owned(),
        others.map(|other| (*other).to_owned()).collect(),
    ))
}

/// Compares, and waits until it is done.
///
/// # Errors
/// The host refuses, or a connection was lost in the middle.
pub async fn compare(
    asker: &Asker,
    record: &Record,
    host: &str,
    others: &[String],
) -> anyhow::Result<Comparison> {
    let name = record.identity.name.as_str();
    let full = asker.full(host).unwrap_or(host);
    let run = |words: &[&str]| {
        let program = remote::on_host(asker.config(), full, CONNECT, words);
        remote::told(program)
    };
    run(&["sudo", "-n", "drbdadm", "verify", name])
        .await
        .with_context(|| format!("starting the comparison of volume {name} on {host}"))?;
    loop {
        tokio::time::sleep(PAUSE).await;
        let doing = || format!("looking at volume {name} on {host}");
        let text = match record.identity.module {
            Module::Drbd84 => run(&["cat", "/proc/drbd"]).await,
            Module::Drbd9 => run(&["sudo", "-n", "drbdsetup", "status", "--json"]).await,
        };
        let resource = seen(record, others, &text.with_context(doing)?).with_context(doing)?;
        if let Some(outcome) = outcome(&resource, others).with_context(doing)? {
            return Ok(Comparison {
                volume: name.to_owned(),
                host: host.to_owned(),
                differing: outcome,
            });
        }
    }
}

/// The resource in what the host says.
fn seen(record: &Record, others: &[String], text: &str) -> anyhow::Result<Resource> {
    let identity = &record.identity;
    let found = match identity.module {
        Module::Drbd84 => {
            let peer = others.first().cloned().unwrap_or_default();
            proc_drbd::read(text, |_| peer.clone())?.remove(&identity.id)
        }
        Module::Drbd9 => status_json::read(text)?.remove(identity.name.as_str()),
    };
    found.ok_or_else(|| anyhow!("it is not up any more"))
}

/// What differs; `None` while it is being compared.
fn outcome(
    resource: &Resource,
    others: &[String],
) -> anyhow::Result<Option<BTreeMap<String, u64>>> {
    let mut differing = BTreeMap::new();
    for other in others {
        let Some(peer) = resource.peers.get(other) else {
            bail!("it does not know {other} any more");
        };
        if peer.connection == Connection::Verifying {
            return Ok(None);
        }
        if !peer.connection.is_up() {
            bail!(
                "the connection to {other} was lost before all was compared; run this again when it is back"
            );
        }
        differing.insert(other.clone(), peer.out_of_sync);
    }
    Ok(Some(differing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site_status::volumes::tests::pair;

    fn record() -> Record {
        let identity = include_str!("../../../volumes/tests/golden/record-1.json");
        let state = include_str!("../../../volumes/tests/golden/state-1.json");
        let state = state.replace("p-hive", "h");
        let identity = identity.replace("\"db\"", "\"data\"");
        Record {
            identity: serde_json::from_str(&identity).unwrap(),
            state: serde_json::from_str(&state).unwrap(),
            config: "c1".into(),
            version: 1,
        }
    }

    #[test]
    fn the_host_that_uses_it_compares() {
        let (host, others) = who(&record(), &pair()).unwrap();
        assert_eq!((host.as_str(), others), ("h0", vec!["h1".to_owned()]));
    }

    #[test]
    fn what_is_not_fit_is_told() {
        let mut reports = pair();
        let second = reports.get_mut("h1").unwrap().as_mut().unwrap();
        let volume = second.volumes.get_mut("data").unwrap();
        volume.resource.as_mut().unwrap().disk = "Outdated".into();
        let why = who(&record(), &reports).unwrap_err();
        assert!(why.contains("on h1 is Outdated"), "{why}");
        reports.insert("h1".into(), Err("refused".into()));
        let why = who(&record(), &reports).unwrap_err();
        assert!(why.contains("h1 says nothing"), "{why}");
    }

    #[test]
    fn it_goes_on_until_nobody_verifies() {
        let record = record();
        let others = ["h1".to_owned()];
        let text = |state: &str, oos: u32| {
            format!(
                "version: 8.4.11 (api:1/proto:86-101)\n {}: cs:{state} ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    \
                 ns:8 nr:0 dw:8 dr:1 al:1 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:{oos}\n",
                record.identity.id
            )
        };
        let told = |text: &str| outcome(&seen(&record, &others, text).unwrap(), &others);
        assert_eq!(told(&text("VerifyS", 0)).unwrap(), None);
        let done = told(&text("Connected", 4)).unwrap();
        assert_eq!(done, Some(BTreeMap::from([("h1".to_owned(), 4096)])));
        let lost = told(&text("WFConnection", 0)).unwrap_err();
        assert!(
            lost.to_string().contains("connection to h1 was lost"),
            "{lost}"
        );
        assert!(seen(&record, &others, "version: 8.4.11 (api:1/proto:86-101)\n").is_err());
    }
}
