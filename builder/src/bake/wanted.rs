//! The package sets that a stage's image is made of: what is asked for, before anything is resolved.

use std::path::Path;

use anyhow::{Context, Result, bail};
use hive_inventory::image::{DrbdModule, ImageSettings};

use super::BakeRequest;
use super::local_debs::{self, LocalDebs};
use super::packages::{TOOLS, set};
use crate::cache::sha256_file;
use crate::lock::resolve::Request;
use crate::lock::{LOCAL, Lock, LockedSet};
use crate::{recipe, tools};

/// What builds kernel modules, beside their source and the kernel's headers.
const MODULE_BUILDERS: [&str; 5] = ["dkms", "gcc", "make", "binutils", "kmod"];

/// A set, and how it is resolved.
#[derive(Debug)]
pub(super) struct Wanted {
    /// As the lock will record it.
    pub set: LockedSet,
    /// What apt is asked.
    pub request: Request,
    /// Whose archives.
    pub image: ImageSettings,
    /// Package files that apt may take beside the archives, relative to the site.
    pub debs: Vec<String>,
}

impl Wanted {
    /// Whether a lock has this set as it is asked for, with local packages as they are now.
    pub fn stands_in(&self, lock: &Lock, site: &Path) -> bool {
        let mut local = lock
            .set(&self.set.name)
            .into_iter()
            .filter(|p| p.archive == LOCAL);
        lock.request(&self.set.name) == Some(&self.set)
            // One that came in as a dependency is not in the request.
            && local.all(|p| self.debs.contains(&p.path) && deb_hash(site, &p.path).is_ok_and(|hash| hash == p.sha256))
    }
}

/// The sets whose request does not depend on what others resolve to.
pub(super) fn sets(request: &BakeRequest) -> Result<Vec<Wanted>> {
    let image = &request.image;
    let local = LocalDebs::of(request)?;
    let named_linbit = image.archives.iter().any(|a| a.name == "linbit");
    if request.drbd.module == DrbdModule::Linbit && !named_linbit {
        bail!(
            "`drbd.module: linbit` needs LINBIT's archive: name it `linbit` under `archives:` in the stage's `image:`, with its address, suite, component and key"
        );
    }
    let tools = Wanted {
        set: LockedSet {
            name: TOOLS.into(),
            suite: tools::SUITE.into(),
            request: recipe::tool_packages(),
        },
        request: Request {
            names: recipe::tool_packages(),
            essential: false,
            only: Vec::new(),
        },
        image: ImageSettings {
            suite: tools::SUITE.into(),
            mirror: image.mirror.clone(),
            security_mirror: image.security_mirror.clone(),
            keyring: image.keyring.clone(),
            ..ImageSettings::default()
        },
        debs: Vec::new(),
    };
    let host_debs: Vec<String> = image.debs.iter().chain(&local.host).cloned().collect();
    let mut host = of_stage(request, "host", recipe::packages(image), &host_debs)?;
    host.request.essential = true;
    let mut kernel = of_stage(
        request,
        "kernel",
        recipe::kernel_packages(image.kernel),
        &local.modules,
    )?;
    // The image itself and modules built for it; what they depend on would make an initramfs.
    kernel.request.only = vec!["linux-image-".to_owned()];
    for deb in &local.modules {
        kernel.request.only.push(package_name(&request.site, deb)?);
    }
    let mut boot = of_stage(request, "boot", recipe::boot_packages(), &[])?;
    boot.request.only = recipe::boot_packages();
    Ok(vec![tools, host, kernel, boot])
}

/// The set that builds the stage's modules, once the lock knows the kernel; `None` where nothing is built.
pub(super) fn modules(request: &BakeRequest, lock: &Lock) -> Result<Option<Wanted>> {
    let local = LocalDebs::of(request)?;
    if !builds_modules(request, &local) {
        return Ok(None);
    }
    let kernel = lock.set(&set(&request.stage, "kernel"));
    let releases = kernel
        .iter()
        .filter_map(|p| p.name.strip_prefix("linux-image-"));
    // `linux-image-amd64` names no release.
    let Some(release) = releases
        .into_iter()
        .find(|r| r.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return Ok(None);
    };
    let mut names: Vec<String> = MODULE_BUILDERS.map(str::to_owned).to_vec();
    names.push(format!("linux-headers-{release}"));
    if request.drbd.module == DrbdModule::Linbit {
        names.push("drbd-dkms".into());
    }
    let mut modules = of_stage(request, "modules", names, &local.source)?;
    modules.request.essential = true;
    Ok(Some(modules))
}

/// The lock's set for building modules where nothing is built any more. It must go: a package file
/// in it may no longer be there.
pub(super) fn outlived(request: &BakeRequest, lock: &Lock) -> Result<Option<String>> {
    let name = set(&request.stage, "modules");
    let built = builds_modules(request, &LocalDebs::of(request)?);
    Ok((!built && lock.request(&name).is_some()).then_some(name))
}

/// Whether the stage's modules are built at bake time.
pub(super) fn builds_modules(request: &BakeRequest, local: &LocalDebs) -> bool {
    request.drbd.module == DrbdModule::Linbit || !local.source.is_empty()
}

/// A set of the stage: packages by name, and package files of the site that have to come along.
fn of_stage(
    request: &BakeRequest,
    part: &str,
    names: Vec<String>,
    debs: &[String],
) -> Result<Wanted> {
    let mut recorded = names.clone();
    let mut asked = names;
    for deb in debs {
        // A local package counts by its content: another file under the same name is another request.
        recorded.push(format!("{deb} sha256:{}", deb_hash(&request.site, deb)?));
        asked.push(package_name(&request.site, deb)?);
    }
    Ok(Wanted {
        set: LockedSet {
            name: set(&request.stage, part),
            suite: request.image.suite.clone(),
            request: recorded,
        },
        request: Request {
            names: asked,
            essential: false,
            only: Vec::new(),
        },
        image: request.image.clone(),
        debs: request
            .image
            .debs
            .iter()
            .chain(&request.drbd.debs)
            .cloned()
            .collect(),
    })
}

fn deb_hash(site: &Path, deb: &str) -> Result<String> {
    let path = site.join(deb);
    let (hash, _) = sha256_file(&path).with_context(|| {
        format!(
            "the package file `{deb}` named in the inventory can't be read ({})",
            path.display()
        )
    })?;
    Ok(hash)
}

fn package_name(site: &Path, deb: &str) -> Result<String> {
    Ok(local_debs::open(site, deb)?.control.package().to_owned())
}
