//! Bringing `hive.lock` in step with what a stage asks for.

use anyhow::{Context, Result, bail};
use hive_inventory::image::ImageSettings;

use super::BakeRequest;
use super::wanted::{self, Wanted};
use crate::cache::Cache;
use crate::lock::archive::archives;
use crate::lock::resolve::{Resolver, kept};
use crate::lock::{Change, LOCK_VERSION, Lock, LockedPackage};
use crate::progress::Progress;

/// The name of this step.
pub const STEP: &str = "lock";

/// Sets whose lock is missing or was made for another request.
///
/// # Errors
/// The lock or a local package can't be read.
pub fn stale(request: &BakeRequest) -> Result<Vec<String>> {
    let lock = Lock::load(&request.site)?.unwrap_or_default();
    let mut sets = wanted::sets(request)?;
    sets.extend(wanted::modules(request, &lock)?);
    let stale = sets
        .into_iter()
        .filter(|w| !w.stands_in(&lock, &request.site));
    Ok(stale
        .map(|w| w.set.name)
        .chain(wanted::outlived(request, &lock)?)
        .collect())
}

/// The lock for a bake: as it stands, or brought up to what the inventory asks for.
///
/// # Errors
/// It has to change and may not, or resolving fails.
pub fn lock_for(request: &BakeRequest, cache: &Cache, progress: &dyn Progress) -> Result<Lock> {
    let stale = stale(request)?;
    if stale.is_empty() {
        return Lock::load(&request.site)?.context("the lock vanished while it was read");
    }
    if request.locked || request.offline {
        bail!(
            "hive.lock does not fit the inventory ({} asks for other packages), and --{} forbids changing it; run `hive lock` and commit the result",
            stale.join(", "),
            if request.locked { "locked" } else { "offline" }
        );
    }
    progress.begin(STEP, &stale.join(", "));
    let (lock, _) = relock(request, cache, None)?;
    progress.end(STEP);
    Ok(lock)
}

/// Resolves what the lock lacks, writes it, and tells what changed.
///
/// `update`: `None` moves only what the inventory changed; an empty list moves every package of the
/// stage; names move these packages.
///
/// # Errors
/// An archive can't be reached or trusted, a package does not exist, or the site can't be written.
pub fn relock(
    request: &BakeRequest,
    cache: &Cache,
    update: Option<&[String]>,
) -> Result<(Lock, Vec<Change>)> {
    let before = Lock::load(&request.site)?.unwrap_or_default();
    let lock = Lock {
        version: LOCK_VERSION,
        ..before.clone()
    };
    let mut relock = Relock {
        request,
        cache,
        update,
        before,
        lock,
        resolvers: Vec::new(),
    };
    for wanted in wanted::sets(request)? {
        relock.bring_up(wanted)?;
    }
    if let Some(modules) = wanted::modules(request, &relock.lock)? {
        relock.bring_up(modules)?;
    }
    if let Some(name) = wanted::outlived(request, &relock.lock)? {
        relock.lock.retain_sets(|set| set != name);
    }
    let Relock { lock, before, .. } = relock;
    let changes = lock.changes_since(&before);
    if lock != before {
        lock.save(&request.site)?;
    }
    Ok((lock, changes))
}

struct Relock<'a> {
    request: &'a BakeRequest,
    cache: &'a Cache,
    update: Option<&'a [String]>,
    before: Lock,
    lock: Lock,
    resolvers: Vec<(String, Resolver)>,
}

impl Relock<'_> {
    fn bring_up(&mut self, wanted: Wanted) -> Result<()> {
        if self.update.is_none() && wanted.stands_in(&self.before, &self.request.site) {
            return Ok(());
        }
        let keep: Vec<LockedPackage> = kept(&self.before, &wanted.set.name, self.update)
            .into_iter()
            .cloned()
            .collect();
        let resolver = self.resolver(&wanted.image, &wanted.debs)?;
        let packages = resolver.resolve(&wanted.request, &keep)?;
        for release in resolver.releases()? {
            self.lock
                .archives
                .retain(|a| (&a.name, &a.suite) != (&release.name, &release.suite));
            self.lock.archives.push(release);
        }
        self.lock.replace_set(wanted.set, packages);
        Ok(())
    }

    /// The private apt root for these archives, updated once.
    fn resolver(&mut self, image: &ImageSettings, debs: &[String]) -> Result<&Resolver> {
        let archives = archives(&self.request.site, image)?;
        let key = format!("{archives:?} {debs:?}");
        let at = match self.resolvers.iter().position(|(k, _)| *k == key) {
            Some(at) => at,
            None => {
                let resolver = Resolver::update(self.cache, &archives, &self.request.site, debs)?;
                self.resolvers.push((key, resolver));
                self.resolvers.len() - 1
            }
        };
        Ok(&self.resolvers[at].1)
    }
}
