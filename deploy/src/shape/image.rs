//! Names of images.

/// Name with tag, as a person calls it, and the digest.
pub fn split(reference: &str) -> (String, Option<String>) {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest.to_owned())),
        None => (reference, None),
    };
    let name = name
        .strip_prefix("docker.io/library/")
        .or_else(|| name.strip_prefix("docker.io/"))
        .unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or_default();
    let tagged = match last.contains(':') {
        true => name.to_owned(),
        false => format!("{name}:latest"),
    };
    (tagged, digest)
}

/// The reference in one way of writing.
pub fn familiar(reference: &str) -> String {
    match split(reference) {
        (name, Some(digest)) => format!("{name}@{digest}"),
        (name, None) => name,
    }
}
