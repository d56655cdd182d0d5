//! Images on the hosts before an update: pulled where a registry answers, else what is there counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use bollard::Docker;
use bollard::auth::DockerCredentials;
use futures_util::future::join_all;
use hive_builder::progress::Progress;
use hive_deploy::desired::DesiredService;
use hive_deploy::images::{self, Pull, PullState, registry_of};

use crate::error::{CommandError, Result};
use crate::output;
use crate::progress::Reporter;

const STEP: &str = "images";
/// Words of docker when a registry is not there at all.
const UNREACHABLE: [&str; 8] = [
    "dial tcp",
    "no such host",
    "connection refused",
    "network is unreachable",
    "i/o timeout",
    "Client.Timeout",
    "TLS handshake timeout",
    "EOF",
];

/// Pulls the images of services to all hosts.
///
/// # Errors
/// An image that no host has and none can get.
pub async fn pull(
    engines: &BTreeMap<String, Docker>,
    services: &[&DesiredService],
    credentials: &BTreeMap<String, DockerCredentials>,
) -> Result<()> {
    let mut registries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for service in services {
        let image = service.image().to_owned();
        registries
            .entry(registry_of(&image))
            .or_default()
            .insert(image);
    }
    let count: usize = registries.values().map(BTreeSet::len).sum();
    let all = count * engines.len();
    if all == 0 {
        return Ok(());
    }
    let reporter = Reporter::new();
    reporter.begin(STEP, &format!("{count} on {} hosts", engines.len()));
    let done = Mutex::new(BTreeSet::new());
    let report = |pull: &Pull| {
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(pull.state, PullState::Running { .. }) {
            done.insert((pull.host.clone(), pull.image.clone()));
            reporter.advance(STEP, done.len() as u64, all as u64);
        }
    };
    let pulls = registries
        .values()
        .map(|images| from_registry(engines, images, credentials, &report));
    let pulls: Vec<Pull> = join_all(pulls).await.into_iter().flatten().collect();
    reporter.finish(STEP, &summary(&pulls));
    judge(&pulls)
}

/// The first image tells whether the registry is there; when it is not, asking for each of the others
/// would take as long again.
async fn from_registry(
    engines: &BTreeMap<String, Docker>,
    images: &BTreeSet<String>,
    credentials: &BTreeMap<String, DockerCredentials>,
    report: &(dyn Fn(&Pull) + Sync),
) -> Vec<Pull> {
    let mut others = images.clone();
    let first = others.pop_first().into_iter().collect();
    let mut pulls = images::pull(engines, &first, credentials, report).await;
    let gone: Vec<(&String, &Docker)> = engines
        .iter()
        .filter(|(host, _)| {
            pulls
                .iter()
                .any(|pull| pull.host == **host && is_gone(pull))
        })
        .collect();
    let mut there = engines.clone();
    there.retain(|host, _| gone.iter().all(|(gone, _)| *gone != host));
    let rest = images::pull(&there, &others, credentials, report);
    let looks = gone.iter().flat_map(|&(host, docker)| {
        others.iter().map(move |image| async move {
            let why = "the registry is not in reach".to_owned();
            let state = match docker.inspect_image(image).await {
                Ok(_) => PullState::Kept { why },
                Err(_) => PullState::Failed { why },
            };
            let (host, image) = (host.clone(), image.clone());
            Pull { host, image, state }
        })
    });
    let looks: Vec<_> = looks.collect();
    let (rest, looks) = tokio::join!(rest, join_all(looks));
    looks.iter().for_each(report);
    pulls.extend(rest);
    pulls.extend(looks);
    pulls
}

fn is_gone(pull: &Pull) -> bool {
    match &pull.state {
        PullState::Kept { why } | PullState::Failed { why } => {
            UNREACHABLE.iter().any(|words| why.contains(words))
        }
        _ => false,
    }
}

fn summary(pulls: &[Pull]) -> String {
    let images = |is: fn(&PullState) -> bool| {
        let images: BTreeSet<&String> = pulls
            .iter()
            .filter(|pull| is(&pull.state))
            .map(|pull| &pull.image)
            .collect();
        images.len()
    };
    let pulled = images(|state| *state == PullState::Pulled);
    let kept = images(|state| matches!(state, PullState::Kept { .. }));
    match (pulled, kept) {
        (_, 0) => String::new(),
        (0, kept) => format!("{kept} not pulled, those on the hosts are used"),
        (pulled, kept) => format!("{pulled} pulled; {kept} not, those on the hosts are used"),
    }
}

/// An image that some hosts have is a warning: the swarm finds a place for its tasks, or says why not.
fn judge(pulls: &[Pull]) -> Result<()> {
    let mut failed: BTreeMap<&str, Vec<&Pull>> = BTreeMap::new();
    for pull in pulls {
        if let PullState::Failed { .. } = pull.state {
            failed.entry(&pull.image).or_default().push(pull);
        }
    }
    let mut nowhere = Vec::new();
    for (image, failed) in failed {
        let hosts: Vec<&str> = failed.iter().map(|pull| pull.host.as_str()).collect();
        let why = failed.first().map_or("", |pull| match &pull.state {
            PullState::Failed { why } => why.as_str(),
            _ => "",
        });
        if pulls.iter().filter(|pull| pull.image == image).count() == hosts.len() {
            nowhere.push(format!("{image}: {why}"));
        } else {
            let hosts = hosts.join(", ");
            output::warn(&format!(
                "image {image} is not on {hosts}, and can't be pulled there: {why}"
            ));
        }
    }
    if nowhere.is_empty() {
        return Ok(());
    }
    let error = anyhow::anyhow!(nowhere.join("\n"));
    let error = error.context("images that no host has and none can pull; nothing was deployed");
    Err(CommandError::from(error).hint(
        "check their names and that the registry is in reach; logins are in the variable hive_ext_repositories. On a site without registry, load them: `hive ssh -t HOST -- docker load < FILE`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(host: &str, image: &str, failed: bool) -> Pull {
        let why = "dial tcp: lookup r: no such host".to_owned();
        Pull {
            host: host.into(),
            image: image.into(),
            state: match failed {
                true => PullState::Failed { why },
                false => PullState::Kept { why },
            },
        }
    }

    #[test]
    fn an_image_that_no_host_has_stops_the_deployment_and_one_that_some_have_does_not() {
        let some = [pull("h1", "a", false), pull("h2", "a", true)];
        assert!(judge(&some).is_ok());
        assert!(is_gone(&some[1]));
        let none = [
            pull("h1", "b", true),
            pull("h2", "b", true),
            some[0].clone(),
        ];
        let told = judge(&none).unwrap_err().text();
        assert!(told.contains("cause: b: dial tcp"), "{told}");
        assert_eq!(summary(&some), "1 not pulled, those on the hosts are used");
    }
}
