//! Which image a service gets: tasks start anew only when what is behind the tag is another image.

use std::collections::BTreeMap;

use crate::shape::split_image;

/// What is known of images. Nothing at all is fine: services keep the image that they have while
/// its name is the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Images {
    /// Digests that references stand for now, by reference as the files write it.
    pub digests: BTreeMap<String, String>,
    /// Services of which a container runs another image than its reference stands for on its host.
    pub outdated: BTreeMap<String, Outdated>,
}

/// A container that runs an older image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    /// Where it runs.
    pub host: String,
    /// Id of the image that it runs.
    pub running: String,
    /// Id of the image that the reference stands for on that host.
    pub fresh: String,
}

/// What a service gets: the reference, and why its tasks start anew though that stays the same.
pub fn settle(
    service: &str,
    wanted: &str,
    actual: Option<&str>,
    images: &Images,
) -> (String, Option<String>) {
    let (name, pinned) = split_image(wanted);
    if pinned.is_some() {
        return (wanted.to_owned(), None);
    }
    let digest = images.digests.get(wanted);
    let fresh = match digest {
        Some(digest) => format!("{wanted}@{digest}"),
        None => wanted.to_owned(),
    };
    let Some(actual) = actual else {
        return (fresh, None);
    };
    let (there, running) = split_image(actual);
    if there != name {
        return (fresh, None);
    }
    let outdated = images.outdated.get(service);
    match (running, digest, outdated) {
        (Some(running), Some(digest), _) if running != *digest => (fresh, None),
        // Only the way of naming it would change: no reason to start tasks anew.
        (None, Some(_), Some(_)) | (Some(_), None, Some(_)) => (fresh, None),
        (_, _, Some(outdated)) => (actual.to_owned(), Some(why(outdated))),
        (_, _, None) => (actual.to_owned(), None),
    }
}

fn why(outdated: &Outdated) -> String {
    let Outdated {
        host,
        running,
        fresh,
    } = outdated;
    format!(
        "a container on {host} runs image {}, the reference stands for {}",
        short(running),
        short(fresh)
    )
}

/// The first 12 digits, as docker shows them.
fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(digest: Option<&str>, outdated: bool) -> Images {
        let mut images = Images::default();
        if let Some(digest) = digest {
            images.digests.insert("shop:1".into(), digest.into());
        }
        if outdated {
            let outdated = Outdated {
                host: "h2".into(),
                running: "sha256:0123456789abcdef".into(),
                fresh: "sha256:fedcba9876543210".into(),
            };
            images.outdated.insert("s".into(), outdated);
        }
        images
    }

    fn settled(actual: Option<&str>, images: &Images) -> (String, bool) {
        let (reference, force) = settle("s", "shop:1", actual, images);
        (reference, force.is_some())
    }

    #[test]
    fn tasks_start_anew_only_for_another_image() {
        let none = images(None, false);
        let plain = ("shop:1".to_owned(), false);
        assert_eq!(settled(None, &none), plain);
        assert_eq!(settled(Some("shop:1"), &none), plain);
        assert_eq!(settled(Some("shop:0@sha256:aa"), &none), plain);
        assert!(!settled(Some("docker.io/library/shop:1"), &none).1);
        // The digest stays while nobody knows better.
        let pinned = ("shop:1@sha256:aa".to_owned(), false);
        assert_eq!(settled(Some("shop:1@sha256:aa"), &none), pinned);
        assert_eq!(
            settled(Some("shop:1@sha256:aa"), &images(None, true)),
            plain
        );

        let same = images(Some("sha256:aa"), false);
        assert_eq!(settled(None, &same), pinned);
        assert_eq!(settled(Some("shop:1@sha256:aa"), &same), pinned);
        assert_eq!(settled(Some("shop:1@sha256:bb"), &same), pinned);
        assert_eq!(settled(Some("shop:1"), &same), plain);
        assert_eq!(
            settled(Some("shop:1"), &images(Some("sha256:aa"), true)),
            pinned
        );

        // Without any registry, the tag was loaded anew.
        let (reference, force) = settle("s", "shop:1", Some("shop:1"), &images(None, true));
        assert_eq!(reference, "shop:1");
        assert_eq!(
            force.unwrap(),
            "a container on h2 runs image 0123456789ab, the reference stands for fedcba987654"
        );
    }

    #[test]
    fn a_digest_in_the_files_is_the_last_word() {
        let wanted = "shop:1@sha256:cc";
        let (reference, force) = settle("s", wanted, Some("shop:1"), &images(None, true));
        assert_eq!((reference.as_str(), force), (wanted, None));
    }
}
