//! Images on the hosts: pulls before an update, and what is behind a reference now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{CreateImageOptions, ListContainersOptions, ListImagesOptions};
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde::Serialize;

use crate::desired::DesiredService;
use crate::error::{Error, told};
use crate::plan::{Images, Outdated};
use crate::shape::split_image;

/// Label that the swarm gives its containers.
const SERVICE_LABEL: &str = "com.docker.swarm.service.name";

/// The registry of a reference: `docker.io` when it names none.
pub fn registry_of(reference: &str) -> String {
    match reference.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first.into(),
        _ => "docker.io".into(),
    }
}

/// Whether credentials reach docker whole. The header that carries them is written in an alphabet
/// that docker does not read: with certain passwords (a `?`, `>` or `~` at every third place, most
/// letters beyond ASCII) docker would go on as if there were none.
pub fn can_be_carried(credentials: &DockerCredentials) -> bool {
    let text = serde_json::to_vec(credentials).unwrap_or_default();
    !STANDARD.encode(text).contains(['+', '/'])
}

/// A pull while it goes on, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pull {
    /// On which host.
    pub host: String,
    /// The reference.
    pub image: String,
    /// How far it is.
    pub state: PullState,
}

/// How far a pull is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PullState {
    /// Bytes of the layers seen until now.
    Running {
        /// Here.
        done: u64,
        /// All.
        total: u64,
    },
    /// Up to date.
    Pulled,
    /// It could not be pulled, but the host has it: as on a site without registry.
    Kept {
        /// Docker's words.
        why: String,
    },
    /// It could not be pulled, and the host does not have it.
    Failed {
        /// Docker's words.
        why: String,
    },
}

/// Pulls images to all hosts, the hosts at once and on each one image after the other. One that can't
/// be had is not an error here: the result says so, host by host.
pub async fn pull(
    hosts: &BTreeMap<String, Docker>,
    images: &BTreeSet<String>,
    credentials: &BTreeMap<String, DockerCredentials>,
    report: &(dyn Fn(&Pull) + Sync),
) -> Vec<Pull> {
    let hosts = hosts.iter().map(|(host, docker)| async move {
        let mut pulls = Vec::new();
        for image in images {
            let credentials = credentials.get(&registry_of(image)).cloned();
            let pull = pull_one(host, docker, image, credentials, report).await;
            report(&pull);
            pulls.push(pull);
        }
        pulls
    });
    join_all(hosts).await.into_iter().flatten().collect()
}

async fn pull_one(
    host: &str,
    docker: &Docker,
    image: &str,
    credentials: Option<DockerCredentials>,
    report: &(dyn Fn(&Pull) + Sync),
) -> Pull {
    let at = |state| Pull {
        host: host.to_owned(),
        image: image.to_owned(),
        state,
    };
    // Without tag docker would pull all of them.
    let reference = match split_image(image) {
        (name, Some(digest)) => {
            let bare = name
                .rsplit_once(':')
                .map_or(name.as_str(), |(bare, _)| bare);
            format!("{bare}@{digest}")
        }
        (name, None) => name,
    };
    let options = CreateImageOptions {
        from_image: Some(reference),
        ..Default::default()
    };
    let mut layers: HashMap<String, (u64, u64)> = HashMap::new();
    let mut stream = docker.create_image(Some(options), None, credentials);
    while let Some(told_now) = stream.next().await {
        match told_now {
            Ok(info) => {
                if let (Some(layer), Some(progress)) = (info.id, info.progress_detail)
                    && let (Some(done), Some(total)) = (progress.current, progress.total)
                {
                    let number = |n: i64| u64::try_from(n).unwrap_or_default();
                    layers.insert(layer, (number(done), number(total)));
                    let done = layers.values().map(|(done, _)| done).sum();
                    let total = layers.values().map(|(_, total)| total).sum();
                    report(&at(PullState::Running { done, total }));
                }
            }
            Err(error) => {
                let why = told(&error);
                let there = docker.inspect_image(image).await.is_ok();
                return at(match there {
                    true => PullState::Kept { why },
                    false => PullState::Failed { why },
                });
            }
        }
    }
    at(PullState::Pulled)
}

/// What a host has and runs, from two requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stock {
    /// Ids by name with tag.
    ids: BTreeMap<String, String>,
    /// Digests by name with tag.
    digests: BTreeMap<String, String>,
    /// Running containers: service and image id.
    running: Vec<(String, String)>,
}

/// Looks on all hosts for what references stand for and what runs; two requests to each host.
pub async fn survey(
    hosts: &BTreeMap<String, Docker>,
    services: &[DesiredService],
) -> Result<Images, Error> {
    let stocks = hosts.iter().map(|(host, docker)| async move {
        let stock = stock(host, docker).await;
        stock.map(|stock| (host.clone(), stock))
    });
    let stocks = join_all(stocks).await.into_iter();
    let stocks: BTreeMap<String, Stock> = stocks.collect::<Result<_, _>>()?;
    Ok(judge(&stocks, services))
}

async fn stock(host: &str, docker: &Docker) -> Result<Stock, Error> {
    let filters = HashMap::from([("label".to_owned(), vec![SERVICE_LABEL.to_owned()])]);
    let containers = ListContainersOptions {
        filters: Some(filters),
        ..Default::default()
    };
    let (images, containers) = tokio::join!(
        docker.list_images(None::<ListImagesOptions>),
        docker.list_containers(Some(containers)),
    );
    let mut stock = Stock::default();
    for image in images.map_err(Error::doing(format!("listing images of {host}")))? {
        for tag in &image.repo_tags {
            let (name, _) = split_image(tag);
            stock.ids.insert(name.clone(), image.id.clone());
            let repository = name
                .rsplit_once(':')
                .map_or(name.as_str(), |(bare, _)| bare);
            let digest = image.repo_digests.iter().find_map(|digest| {
                let (of, digest) = digest.split_once('@')?;
                let (of, _) = split_image(of);
                (of.rsplit_once(':')?.0 == repository).then(|| digest.to_owned())
            });
            stock.digests.extend(digest.map(|digest| (name, digest)));
        }
    }
    let containers = containers.map_err(Error::doing(format!("listing containers of {host}")))?;
    for container in containers {
        let service = container
            .labels
            .and_then(|mut labels| labels.remove(SERVICE_LABEL));
        stock.running.extend(service.zip(container.image_id));
    }
    Ok(stock)
}

/// A reference has a digest when all hosts that know one agree.
fn judge(stocks: &BTreeMap<String, Stock>, services: &[DesiredService]) -> Images {
    let mut images = Images::default();
    for service in services {
        let (name, pinned) = split_image(service.image());
        if pinned.is_some() {
            continue;
        }
        let digests: BTreeSet<&String> = stocks
            .values()
            .filter_map(|stock| stock.digests.get(&name))
            .collect();
        if let (1, Some(digest)) = (digests.len(), digests.first()) {
            let reference = service.image().to_owned();
            images.digests.insert(reference, (*digest).clone());
        }
        for (host, stock) in stocks {
            let Some(fresh) = stock.ids.get(&name) else {
                continue;
            };
            let mut running = stock.running.iter();
            let older = running.find(|(of, id)| *of == service.name && id != fresh);
            if let Some((_, id)) = older {
                let outdated = Outdated {
                    host: host.clone(),
                    running: id.clone(),
                    fresh: fresh.clone(),
                };
                images.outdated.insert(service.name.clone(), outdated);
                break;
            }
        }
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::{ServiceSpec, TaskSpec, TaskSpecContainerSpec};

    fn service(name: &str, image: &str) -> DesiredService {
        let container = TaskSpecContainerSpec {
            image: Some(image.into()),
            ..Default::default()
        };
        let task = TaskSpec {
            container_spec: Some(container),
            ..Default::default()
        };
        DesiredService {
            name: name.into(),
            spec: ServiceSpec {
                task_template: Some(task),
                ..Default::default()
            },
            keep_replicas: false,
        }
    }

    #[test]
    fn an_older_container_is_told_and_digests_count_when_hosts_agree() {
        let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        let h1 = Stock {
            ids: pairs(&[("a:latest", "id1"), ("b:1", "id2")]),
            digests: pairs(&[("a:latest", "sha256:aa"), ("b:1", "sha256:b1")]),
            running: vec![("a".into(), "id1".into())],
        };
        let h2 = Stock {
            ids: pairs(&[("a:latest", "id1"), ("b:1", "id3")]),
            digests: pairs(&[("b:1", "sha256:b2")]),
            running: vec![("b".into(), "id2".into())],
        };
        let stocks = BTreeMap::from([("h1".to_owned(), h1), ("h2".to_owned(), h2)]);
        let images = judge(&stocks, &[service("a", "a"), service("b", "b:1")]);
        assert_eq!(images.digests, pairs(&[("a", "sha256:aa")]));
        let outdated = images.outdated.iter();
        let outdated: Vec<_> = outdated
            .map(|(name, o)| (name.as_str(), o.host.as_str()))
            .collect();
        assert_eq!(outdated, [("b", "h2")]);
    }

    #[test]
    fn registries_are_told_from_folders_of_the_hub() {
        for (reference, registry) in [
            ("nginx", "docker.io"),
            ("library/nginx:1", "docker.io"),
            (
                "h3.example.com:5000/image_web:latest",
                "h3.example.com:5000",
            ),
            ("localhost/web", "localhost"),
        ] {
            assert_eq!(registry_of(reference), registry, "{reference}");
        }
    }

    #[test]
    fn credentials_that_would_be_lost_on_the_way_are_told() {
        let with = |password: &str| DockerCredentials {
            username: Some("hive".into()),
            password: Some(password.into()),
            ..Default::default()
        };
        assert!(can_be_carried(&with("Abc123!x")));
        assert!(!can_be_carried(&with("~~~~~~")));
    }
}
