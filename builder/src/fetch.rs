//! Bringing locked packages into the cache.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use crate::cache::{Cache, hex};
use crate::lock::archive::Archive;
use crate::lock::{LOCAL, LockedPackage};
use crate::progress::Progress;

/// Packages that are fetched at the same time.
const PARALLEL: usize = 6;
/// Tries before an address counts as unreachable.
const TRIES: u32 = 3;

/// The name of this step.
pub const STEP: &str = "fetch";

/// Brings every package that the cache lacks, checked against the lock. Returns how many bytes came.
///
/// # Errors
/// An archive can't be reached or hands out other bytes than the lock names.
pub fn fetch(
    cache: &Cache,
    site: &Path,
    archives: impl Fn() -> Result<Vec<Archive>>,
    packages: &[&LockedPackage],
    offline: bool,
    progress: &dyn Progress,
) -> Result<u64> {
    let mut missing: Vec<&LockedPackage> = packages
        .iter()
        .copied()
        .filter(|p| !cache.deb(&p.sha256).is_file())
        .collect();
    missing.sort_by_key(|p| std::cmp::Reverse(p.size));
    missing.dedup_by(|a, b| a.sha256 == b.sha256);
    if missing.is_empty() {
        return Ok(0);
    }
    let total: u64 = missing.iter().map(|p| p.size).sum();
    let what = format!("{} packages, {:.1} MB", missing.len(), total as f64 / 1e6);
    if offline && missing.iter().any(|p| p.archive != LOCAL) {
        bail!(
            "{what} of hive.lock are not in the cache ({}), and --offline forbids fetching them; bake once with a network, or copy a cache that has them",
            cache.root().display()
        );
    }
    // Only asked when something is missing: with a full cache no mirror needs to be known.
    let archives = archives()?;
    progress.begin(STEP, &what);
    let client = client()?;
    let done = AtomicU64::new(0);
    let queue = Mutex::new(missing.iter());
    let next = || {
        queue
            .lock()
            .map(|mut q| q.next().copied())
            .unwrap_or_default()
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..PARALLEL)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    while let Some(package) = next() {
                        one(cache, site, &client, &archives, package)?;
                        let done = done.fetch_add(package.size, Ordering::Relaxed) + package.size;
                        progress.advance(STEP, done, total);
                    }
                    Ok(())
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|w| {
                w.join()
                    .unwrap_or_else(|_| Err(anyhow!("a download thread died")))
            })
            .collect()
    });
    results.into_iter().collect::<Result<Vec<()>>>()?;
    progress.end(STEP);
    Ok(total)
}

fn client() -> Result<reqwest::blocking::Client> {
    // One provider for the whole process; a second installation is refused and does not matter.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::blocking::Client::builder()
        .connect_timeout(Duration::from_secs(20))
        // Bounds a silent server, not a slow line: the whole of one package.
        .timeout(Duration::from_secs(900))
        .build()
        .context("preparing downloads")
}

fn one(
    cache: &Cache,
    site: &Path,
    client: &reqwest::blocking::Client,
    archives: &[Archive],
    package: &LockedPackage,
) -> Result<()> {
    if package.archive == LOCAL {
        let path = site.join(&package.path);
        let file = File::open(&path)
            .with_context(|| format!("reading the local package {}", path.display()))?;
        return keep(cache, package, file);
    }
    let archive = archives.iter().find(|a| a.name == package.archive).with_context(|| {
        format!(
            "hive.lock takes {} from the archive `{}`, which the inventory no longer names; add it back, or run `hive lock`",
            package.name, package.archive
        )
    })?;
    let url = format!("{}{}", archive.url, escaped(&package.path));
    if let Some(path) = url.strip_prefix("file:") {
        let path = Path::new("/").join(path.trim_start_matches('/'));
        let path = archive_file(&path, &package.path);
        let file = File::open(&path).with_context(|| format!("reading {}", path.display()))?;
        return keep(cache, package, file);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let answer = client
            .get(&url)
            .send()
            .and_then(reqwest::blocking::Response::error_for_status);
        let error = match answer {
            Ok(body) => match keep(cache, package, body) {
                Ok(()) => return Ok(()),
                // Only a broken transfer is worth another try; wrong bytes stay wrong.
                Err(e) if e.downcast_ref::<io::Error>().is_none() => return Err(e),
                Err(e) => e,
            },
            Err(e) if e.status().is_some_and(|s| s.is_client_error()) => {
                return Err(e).with_context(|| {
                    format!(
                        "the archive `{}` no longer has {} {}; move the lock with `hive lock --update {}`, or use a mirror that keeps old packages",
                        archive.name, package.name, package.version, package.name
                    )
                });
            }
            Err(e) => e.into(),
        };
        if tries == TRIES {
            return Err(error).with_context(|| {
                format!("fetching {} from the archive `{}` (tried {TRIES} times); check the network and the mirror's address", package.name, archive.name)
            });
        }
        std::thread::sleep(Duration::from_secs(u64::from(tries)));
    }
}

/// Writes a package into the cache under its hash, if it has that hash.
fn keep(cache: &Cache, package: &LockedPackage, mut body: impl Read) -> Result<()> {
    // In a folder of its own, which a later bake sweeps when this one is killed.
    let scratch = cache.scratch("deb")?;
    let mut file = tempfile::NamedTempFile::new_in(scratch.path())
        .with_context(|| format!("writing into the cache {}", cache.root().display()))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0u64;
    loop {
        let n = body.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        size += n as u64;
        file.write_all(&buffer[..n]).map_err(|e| {
            anyhow!("writing {} into the cache {}: {e}; make room there, or choose another place with --cache", package.name, cache.root().display())
        })?;
    }
    let found = hex(&hash.finalize());
    if found != package.sha256 {
        bail!(
            "{} {} came with other bytes than hive.lock names ({size} bytes with SHA-256 {found}; locked are {} bytes with {}): nothing was kept. The mirror or something on the way changed it; try another mirror",
            package.name,
            package.version,
            package.size,
            package.sha256
        );
    }
    let place = cache.deb(&package.sha256);
    file.persist(&place)
        .with_context(|| format!("keeping {}", place.display()))?;
    Ok(())
}

/// A `file:` address is not escaped on disk.
fn archive_file(escaped: &Path, path: &str) -> std::path::PathBuf {
    let text = escaped.to_string_lossy();
    let base = text
        .strip_suffix(&self::escaped(path))
        .unwrap_or(&text)
        .to_owned();
    Path::new(&base).join(path)
}

/// Escapes what may not stand in an address; `+` and `~` are taken literally by some servers and escaped by others, so both are escaped.
fn escaped(path: &str) -> String {
    path.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::sha256_hex;
    use crate::progress::Silent;

    fn package(content: &[u8]) -> LockedPackage {
        LockedPackage {
            name: "a".into(),
            version: "1+b".into(),
            archive: "debian".into(),
            path: "pool/a_1+b.deb".into(),
            size: content.len() as u64,
            sha256: sha256_hex(content),
            sets: [].into(),
        }
    }

    fn archive(dir: &Path) -> Archive {
        Archive {
            name: "debian".into(),
            url: format!("file:{}/", dir.display()),
            suites: vec![],
            components: vec![],
            keyring: None,
        }
    }

    #[test]
    fn the_right_bytes_are_kept_and_wrong_ones_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("pool")).unwrap();
        std::fs::write(dir.path().join("pool/a_1+b.deb"), "content").unwrap();
        let cache = Cache::open(Some(&dir.path().join("cache"))).unwrap();
        let run = |p: &LockedPackage, offline| {
            fetch(
                &cache,
                dir.path(),
                || Ok(vec![archive(dir.path())]),
                &[p],
                offline,
                &Silent,
            )
        };
        let error = run(&package(b"tampered"), false).unwrap_err().to_string();
        assert!(
            error.contains("other bytes than hive.lock names"),
            "{error}"
        );
        let good = package(b"content");
        let error = run(&good, true).unwrap_err().to_string();
        assert!(error.contains("--offline forbids"), "{error}");
        assert_eq!(run(&good, false).unwrap(), 7);
        assert_eq!(run(&good, true).unwrap(), 0);
    }
}
