//! Which packages a stage's image needs, and keeping `hive.lock` in step with that.

use std::path::Path;

use anyhow::{Context, Result, bail};
use hive_inventory::image::{DrbdModule, ImageSettings};

use super::BakeRequest;
use super::local_debs::{self, LocalDebs};
use crate::cache::{Cache, sha256_file};
use crate::lock::archive::{Archive, archives as site_archives};
use crate::lock::resolve::{Request, Resolver, kept};
use crate::lock::{Change, LOCAL, LOCK_VERSION, Lock, LockedPackage, LockedSet};
use crate::progress::Progress;
use crate::tree::unpack::PackageFile;
use crate::{recipe, tools};

/// The set of the tool root, shared by all stages.
pub const TOOLS: &str = "tools";
/// The name of this step.
pub const STEP: &str = "lock";

/// Name of a stage's package set: `host`, `kernel`, `boot` or `modules`.
pub fn set(stage: &str, part: &str) -> String {
    format!("{stage}.{part}")
}

/// A set that a stage needs.
#[derive(Debug)]
struct Wanted {
    set: LockedSet,
    request: Request,
    archives: ImageSettings,
    debs: Vec<String>,
}

impl Wanted {
    /// Whether a lock has this set as it is asked for, with local packages as they are now.
    fn stands_in(&self, lock: &Lock, site: &Path) -> bool {
        lock.request(&self.set.name) == Some(&self.set)
            && lock
                .set(&self.set.name)
                .iter()
                .filter(|p| p.archive == LOCAL)
                .all(|p| {
                    // One that came in as a dependency is not in the request.
                    self.debs.contains(&p.path)
                        && deb_hash(site, &p.path).is_ok_and(|hash| hash == p.sha256)
                })
    }
}

/// The sets of a stage. The names of the `modules` set depend on the kernel, so it comes last and
/// needs the lock as far as it is resolved.
fn wanted(request: &BakeRequest, lock: &Lock) -> Result<Vec<Wanted>> {
    let image = &request.image;
    let local = LocalDebs::of(request)?;
    if request.drbd.module == DrbdModule::Linbit
        && !image.archives.iter().any(|a| a.name == "linbit")
    {
        bail!(
            "`drbd.module: linbit` needs LINBIT's archive: name it `linbit` under `archives:` in the stage's `image:`, with its address, suite, component and key"
        );
    }
    let debs: Vec<String> = image
        .debs
        .iter()
        .chain(&request.drbd.debs)
        .cloned()
        .collect();
    let plain = |names: &[String]| names.to_vec();
    let mut sets = Vec::new();
    let mut add = |name: String,
                   names: Vec<String>,
                   local: &[String],
                   request_: Request,
                   archives: ImageSettings,
                   debs: Vec<String>|
     -> Result<()> {
        let mut request_names = names;
        // A local package counts by its content: another file under the same name is another request.
        for deb in local {
            request_names.push(format!("{deb} sha256:{}", deb_hash(&request.site, deb)?));
        }
        let set = LockedSet {
            name,
            suite: archives.suite.clone(),
            request: request_names,
        };
        sets.push(Wanted {
            set,
            request: request_,
            archives,
            debs,
        });
        Ok(())
    };
    let tool_image = ImageSettings {
        suite: tools::SUITE.into(),
        mirror: image.mirror.clone(),
        security_mirror: image.security_mirror.clone(),
        keyring: image.keyring.clone(),
        ..ImageSettings::default()
    };
    let names = recipe::tool_packages();
    add(
        TOOLS.into(),
        plain(&names),
        &[],
        Request {
            names,
            essential: false,
            only: vec![],
        },
        tool_image,
        vec![],
    )?;

    let host_local: Vec<String> = image.debs.iter().chain(&local.host).cloned().collect();
    let names = recipe::packages(image);
    let mut asked = names.clone();
    asked.extend(
        host_local
            .iter()
            .map(|d| package_name(&request.site, d))
            .collect::<Result<Vec<_>>>()?,
    );
    add(
        set(&request.stage, "host"),
        names,
        &host_local,
        Request {
            names: asked,
            essential: true,
            only: vec![],
        },
        image.clone(),
        debs.clone(),
    )?;

    let names = recipe::kernel_packages(image.kernel);
    let mut only = vec!["linux-image-".to_owned()];
    let mut asked = names.clone();
    for deb in &local.modules {
        let name = package_name(&request.site, deb)?;
        only.push(name.clone());
        asked.push(name);
    }
    add(
        set(&request.stage, "kernel"),
        names,
        &local.modules,
        Request {
            names: asked,
            essential: false,
            only,
        },
        image.clone(),
        debs.clone(),
    )?;

    let names = recipe::boot_packages();
    add(
        set(&request.stage, "boot"),
        names.clone(),
        &[],
        Request {
            names: names.clone(),
            essential: false,
            only: names,
        },
        image.clone(),
        debs.clone(),
    )?;

    if builds_modules(request, &local) {
        let kernel = lock.set(&set(&request.stage, "kernel"));
        let release = kernel
            .iter()
            .filter_map(|p| p.name.strip_prefix("linux-image-"))
            .find(|r| r.starts_with(|c: char| c.is_ascii_digit()))
            .unwrap_or_default();
        let mut names: Vec<String> = ["dkms", "gcc", "make", "binutils", "kmod"]
            .iter()
            .map(|n| (*n).to_owned())
            .collect();
        names.push(format!("linux-headers-{release}"));
        if request.drbd.module == DrbdModule::Linbit {
            names.push("drbd-dkms".into());
        }
        let mut asked = names.clone();
        asked.extend(
            local
                .source
                .iter()
                .map(|d| package_name(&request.site, d))
                .collect::<Result<Vec<_>>>()?,
        );
        add(
            set(&request.stage, "modules"),
            names,
            &local.source,
            Request {
                names: asked,
                essential: true,
                only: vec![],
            },
            image.clone(),
            debs,
        )?;
    }
    Ok(sets)
}

fn deb_hash(site: &Path, deb: &str) -> Result<String> {
    let path = site.join(deb);
    Ok(sha256_file(&path)
        .with_context(|| {
            format!(
                "the package file `{deb}` named in the inventory can't be read ({})",
                path.display()
            )
        })?
        .0)
}

fn package_name(site: &Path, deb: &str) -> Result<String> {
    Ok(local_debs::open(site, deb)?.control.package().to_owned())
}

/// Whether the stage's modules are built at bake time.
pub fn builds_modules(request: &BakeRequest, local: &LocalDebs) -> bool {
    request.drbd.module == DrbdModule::Linbit || !local.source.is_empty()
}

/// The archives that a stage's packages come from.
///
/// # Errors
/// No mirror is known, or a key is missing.
pub fn archives(request: &BakeRequest) -> Result<Vec<Archive>> {
    site_archives(&request.site, &request.image)
}

/// Sets whose lock is missing or was made for another request.
///
/// # Errors
/// The lock or a local package can't be read.
pub fn stale(request: &BakeRequest) -> Result<Vec<String>> {
    let lock = Lock::load(&request.site)?.unwrap_or_default();
    Ok(wanted(request, &lock)?
        .into_iter()
        .filter(|w| !w.stands_in(&lock, &request.site))
        .map(|w| w.set.name)
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
    let mut lock = Lock {
        version: LOCK_VERSION,
        ..before.clone()
    };
    let mut resolvers: Vec<(ImageSettings, Vec<String>, Resolver)> = Vec::new();
    // Twice: the second round knows the kernel that the first one chose.
    for _ in 0..2 {
        for wanted in wanted(request, &lock)? {
            let fresh = update.is_none() && wanted.stands_in(&before, &request.site);
            if fresh
                || lock.request(&wanted.set.name) == Some(&wanted.set)
                    && !before_is(&lock, &before, &wanted.set.name)
            {
                continue;
            }
            if wanted.set.request.iter().any(|n| n == "linux-headers-") {
                continue;
            }
            let place = resolvers
                .iter()
                .position(|(i, d, _)| same_archives(i, &wanted.archives) && *d == wanted.debs);
            let place = match place {
                Some(place) => place,
                None => {
                    let archives = site_archives(&request.site, &wanted.archives)?;
                    let resolver = Resolver::update(cache, &archives, &request.site, &wanted.debs)?;
                    resolvers.push((wanted.archives.clone(), wanted.debs.clone(), resolver));
                    resolvers.len() - 1
                }
            };
            let resolver = &resolvers[place].2;
            let keep: Vec<LockedPackage> = kept(&before, &wanted.set.name, update)
                .into_iter()
                .cloned()
                .collect();
            let packages = resolver.resolve(&wanted.request, &keep)?;
            for release in resolver.releases()? {
                lock.archives
                    .retain(|a| (&a.name, &a.suite) != (&release.name, &release.suite));
                lock.archives.push(release);
            }
            lock.replace_set(wanted.set, packages);
        }
    }
    let changes = lock.changes_since(&before);
    if lock != before {
        lock.save(&request.site)?;
    }
    Ok((lock, changes))
}

/// Whether a set still stands as it did before this run.
fn before_is(lock: &Lock, before: &Lock, set: &str) -> bool {
    before.request(set).is_some() && lock.set(set) == before.set(set)
}

fn same_archives(a: &ImageSettings, b: &ImageSettings) -> bool {
    (
        &a.suite,
        &a.mirror,
        &a.security_mirror,
        &a.keyring,
        &a.archives,
        a.firmware.is_empty(),
    ) == (
        &b.suite,
        &b.mirror,
        &b.security_mirror,
        &b.keyring,
        &b.archives,
        b.firmware.is_empty(),
    )
}

/// Every package of a stage's image, its tools included.
pub fn of<'a>(lock: &'a Lock, request: &BakeRequest) -> Vec<&'a LockedPackage> {
    let mut sets = vec![TOOLS.to_owned()];
    sets.extend(
        ["host", "kernel", "boot", "modules"]
            .iter()
            .map(|part| set(&request.stage, part)),
    );
    lock.packages
        .iter()
        .filter(|p| sets.iter().any(|s| p.sets.contains(s)))
        .collect()
}

/// The package files of a set in the cache.
pub fn files(cache: &Cache, lock: &Lock, set: &str) -> Vec<PackageFile> {
    lock.set(set)
        .into_iter()
        .map(|p| PackageFile {
            name: p.name.clone(),
            path: cache.deb(&p.sha256),
            sha256: p.sha256.clone(),
        })
        .collect()
}
