//! From a stage's settings to its golden image. [`bake`] reads as the list of steps; what decides
//! each step is in [`steps`], what the last bake was made of in [`record`].

pub mod image;
pub mod local_debs;
pub mod packages;
pub mod record;
pub mod relock;
pub mod steps;
mod wanted;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hive_inventory::image::{DrbdModule, DrbdSettings, ImageSettings};
use hive_inventory::settings::HostSettings;
use serde::Serialize;

use crate::cache::Cache;
use crate::format::verity;
use crate::lock::Lock;
use crate::namespace::{self, Task};
use crate::progress::Progress;
use crate::tree::ground::Place;
use crate::{drbd, fetch, modules, tools, tree};
use record::Record;
use steps::Steps;

/// A disk image format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The disk byte for byte: for `dd` to a disk or stick.
    Raw,
    /// QEMU's format, without the holes.
    Qcow2,
}

impl Format {
    /// The file name's ending.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// What is to be baked.
#[derive(Debug, Clone)]
pub struct BakeRequest {
    /// The site folder: `hive.lock` lies here, and paths of the inventory are relative to it.
    pub site: PathBuf,
    /// Name of the site.
    pub name: String,
    /// Name of the stage.
    pub stage: String,
    /// What the stage chooses about its image.
    pub image: ImageSettings,
    /// Where the DRBD module comes from.
    pub drbd: DrbdSettings,
    /// What goes into the site layer.
    pub settings: HostSettings,
    /// Where the images go.
    pub out: PathBuf,
    /// Which formats.
    pub formats: Vec<Format>,
    /// Fail rather than change `hive.lock`.
    pub locked: bool,
    /// Fail rather than use the network.
    pub offline: bool,
}

/// What a bake made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BakeReport {
    /// The image's version.
    pub image_version: String,
    /// Root hash of the sealed root, hex.
    pub root_hash: String,
    /// Version of the DRBD module that the image loads.
    pub drbd: String,
    /// The images.
    pub files: Vec<ImageFile>,
    /// Steps that were done now; the others came from the cache.
    pub rebuilt: Vec<String>,
    /// Seconds that it took.
    pub seconds: f64,
}

/// A finished image file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct ImageFile {
    /// Its format.
    pub format: Format,
    /// Where it lies.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// What a bake would do for one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepPlan {
    /// The step's name.
    pub step: String,
    /// Whether its output is there already.
    pub cached: bool,
    /// What changed since the last bake, where that is known.
    pub because: Vec<String>,
}

/// Tells what [`bake`] would do. Changes nothing, and uses no network.
///
/// # Errors
/// The site's files can't be read.
pub fn plan(request: &BakeRequest, cache: &Cache) -> Result<Vec<StepPlan>> {
    let before = Record::load(&request.out);
    let stale = relock::stale(request)?;
    let mut plans = vec![StepPlan {
        step: relock::STEP.into(),
        cached: stale.is_empty(),
        because: stale
            .iter()
            .map(|s| format!("the packages asked for in {s} are not those in hive.lock"))
            .collect(),
    }];
    let lock = Lock::load(&request.site)?.unwrap_or_default();
    let missing: Vec<_> = packages::of(&lock, request)
        .into_iter()
        .filter(|p| !cache.deb(&p.sha256).is_file())
        .collect();
    plans.push(StepPlan {
        step: fetch::STEP.into(),
        cached: missing.is_empty(),
        because: (!missing.is_empty())
            .then(|| format!("{} packages are not in the cache", missing.len()))
            .into_iter()
            .collect(),
    });
    let steps = Steps::of(request, &lock)?;
    let mut rebuilt_before = !stale.is_empty();
    for (name, inputs) in steps.cached() {
        let cached = !rebuilt_before && cache.lookup(name, inputs).is_some();
        rebuilt_before |= !cached;
        plans.push(StepPlan {
            step: name.into(),
            cached,
            because: reasons(cached, name, inputs, before.as_ref()),
        });
    }
    let finished = !rebuilt_before
        && before
            .as_ref()
            .is_some_and(|r| r.holds(&steps.image, &request.formats));
    plans.push(StepPlan {
        step: image::STEP.into(),
        cached: finished,
        because: reasons(finished, image::STEP, &steps.image, before.as_ref()),
    });
    Ok(plans)
}

fn reasons(
    cached: bool,
    step: &str,
    inputs: &crate::cache::Inputs,
    before: Option<&Record>,
) -> Vec<String> {
    if cached {
        return Vec::new();
    }
    match before.and_then(|r| r.steps.get(step)) {
        Some(old) => {
            let changed = inputs.changed_since(old);
            if changed.is_empty() {
                vec!["its output is no longer there".into()]
            } else {
                changed
            }
        }
        None => vec!["it was not baked here before".into()],
    }
}

/// Bakes the image.
///
/// # Errors
/// Whatever step fails, with what it was doing; nothing half-made stands under a final name.
pub fn bake(
    request: &BakeRequest,
    cache: &Cache,
    program: &Path,
    progress: &dyn Progress,
) -> Result<BakeReport> {
    let start = std::time::Instant::now();
    std::fs::create_dir_all(&request.out)
        .with_context(|| format!("making {}", request.out.display()))?;
    let lock = relock::lock_for(request, cache, progress)?;
    let steps = Steps::of(request, &lock)?;
    let report = |record: &Record, rebuilt: &[&str]| BakeReport {
        image_version: record.image.image_version.clone(),
        root_hash: record.image.root_hash.clone(),
        drbd: record.image.drbd.clone(),
        files: record.files.clone(),
        rebuilt: rebuilt.iter().map(|s| (*s).to_owned()).collect(),
        seconds: start.elapsed().as_secs_f64(),
    };
    if let Some(record) =
        Record::load(&request.out).filter(|r| r.holds(&steps.image, &request.formats))
    {
        judge(&request.drbd, &record.image.drbd, progress)?;
        return Ok(report(&record, &[]));
    }
    let mut rebuilt = Vec::new();
    let mut note = |step: &'static str, inputs: &crate::cache::Inputs| {
        let known = cache.lookup(step, inputs).is_some();
        if known {
            progress.cached(step);
        } else {
            progress.begin(step, "");
            rebuilt.push(step);
        }
        !known
    };
    let ended = |step: &str, built: bool| {
        if built {
            progress.end(step);
        }
    };
    // With all steps in the cache not one package file is needed.
    if steps
        .cached()
        .iter()
        .any(|(name, inputs)| cache.lookup(name, inputs).is_none())
    {
        let needed = packages::of(&lock, request);
        fetch::fetch(
            cache,
            &request.site,
            || packages::archives(request),
            &needed,
            request.offline,
            progress,
        )?;
    }

    let built = note(tools::STEP, &steps.tools);
    let tool_files = packages::files(cache, &lock, packages::TOOLS);
    let tool_root = tools::tools(cache, &steps.tools, &tool_files, progress)?;
    ended(tools::STEP, built);

    let built_modules = match &steps.modules {
        None => None,
        Some(inputs) => {
            let built = note(modules::STEP, inputs);
            let dir = cache.step(modules::STEP, inputs, |out| {
                let scratch = cache.scratch(modules::STEP)?;
                let task = modules::ModulesTask {
                    packages: packages::files(
                        cache,
                        &lock,
                        &packages::set(&request.stage, "modules"),
                    ),
                    scratch: scratch.path().to_owned(),
                    place: Place::choose()?,
                    out: out.to_owned(),
                };
                namespace::run(program, &Task::Modules(Box::new(task)), progress)
            })?;
            ended(modules::STEP, built);
            Some(dir)
        }
    };
    let built_version = match &built_modules {
        None => None,
        Some(dir) => Some(
            std::fs::read_to_string(dir.join("version"))
                .context("reading the version of the built module")?,
        ),
    };
    if let Some(version) = &built_version {
        judge(&request.drbd, version, progress)?;
    }

    let built = note(tree::STEP, &steps.root);
    let root = cache.step(tree::STEP, &steps.root, |out| {
        let scratch = cache.scratch("tree")?;
        let task = tree::RootTask {
            packages: packages::files(cache, &lock, &packages::set(&request.stage, "host")),
            kernel: packages::files(cache, &lock, &packages::set(&request.stage, "kernel")),
            modules: built_modules.clone(),
            image: request.image.clone(),
            addons: steps.addons.clone(),
            tools: tool_root.clone(),
            compression: steps::compression(&request.image).to_owned(),
            scratch: scratch.path().to_owned(),
            place: Place::choose()?,
            out: out.to_owned(),
        };
        namespace::run(program, &Task::Root(Box::new(task)), progress)?;
        seal(out)
    })?;
    ended(tree::STEP, built);

    let drbd_version = loaded_version(&root, built_version.as_deref())?;
    if built_version.is_none() {
        judge(&request.drbd, &drbd_version, progress)?;
    }

    let built = note(image::INITRD, &steps.initrd);
    let initrd = cache.step(image::INITRD, &steps.initrd, |out| {
        image::initrd(&root, request.image.kernel, out)
    })?;
    ended(image::INITRD, built);

    progress.begin(image::STEP, "");
    rebuilt.push(image::STEP);
    let boot_files = packages::files(cache, &lock, &packages::set(&request.stage, "boot"));
    let parts = image::Parts {
        root: &root,
        initrd: &initrd,
        boot: &boot_files,
        tools: &tool_root,
        drbd: &drbd_version,
    };
    let record = image::write(request, &steps, program, &parts, progress)?;
    progress.end(image::STEP);
    Ok(report(&record, &rebuilt))
}

/// Appends the verity tree to the root file system, and writes down what seals it.
fn seal(out: &Path) -> Result<()> {
    let path = out.join("root.erofs");
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("opening {}", path.display()))?;
    let parameters = verity::Parameters::derived_from(b"root");
    let sealed = verity::append(&file, &parameters, verity::all_cores())
        .context("sealing the root file system")?;
    let seal = image::Seal {
        root_hash: sealed.root_hash_hex(),
        data_blocks: sealed.data_blocks,
        salt: parameters.salt_hex(),
    };
    let text = serde_json::to_vec_pretty(&seal).context("writing the seal")?;
    std::fs::write(out.join("seal.json"), text).context("writing the seal")
}

/// Refuses a module that is known to lose data, and the kernel's own where another was asked for.
fn judge(drbd: &DrbdSettings, version: &str, progress: &dyn Progress) -> Result<()> {
    if drbd.module != DrbdModule::Kernel && version.starts_with("8.") {
        bail!(
            "the image would load DRBD {version}, which is the kernel's own, although `drbd.module` asks for another: the packages bring no module for the image's kernel in a folder that wins over it (`updates`). Take a package that was built for this kernel, or write `module: kernel`"
        );
    }
    match drbd::verdict(version) {
        drbd::Verdict::Good => {}
        drbd::Verdict::Better(why) => progress.warn(&format!("DRBD {version}: {why}")),
        drbd::Verdict::Bad(why) if drbd.accept_bad_version => {
            progress.warn(&format!(
                "DRBD {version} is baked although {why} (`accept_bad_version`)"
            ));
        }
        drbd::Verdict::Bad(why) => bail!(
            "DRBD {version} is refused: {why}. Take 9.2.19 or later of the 9.2 series; to bake it all the same set `accept_bad_version: true` under `drbd:`"
        ),
    }
    Ok(())
}

/// The version of the module that the finished root loads; it has to be the one that was built for it.
fn loaded_version(root: &Path, built: Option<&str>) -> Result<String> {
    let path = root.join("drbd-version");
    let found =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    match built {
        Some(built) if built != found => bail!(
            "the image would load DRBD {found} where {built} was built for it; another package of the site brings a module of its own"
        ),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn judged(module: DrbdModule, accept_bad_version: bool, version: &str) -> Result<(), String> {
        let drbd = DrbdSettings {
            module,
            debs: vec![],
            accept_bad_version,
        };
        judge(&drbd, version, &Silent).map_err(|e| e.to_string())
    }

    #[test]
    fn versions_that_lose_data_are_refused_with_the_way_out() {
        assert_eq!(judged(DrbdModule::Kernel, false, "8.4.11"), Ok(()));
        for module in [DrbdModule::Deb, DrbdModule::Linbit] {
            assert_eq!(judged(module, false, "9.2.19"), Ok(()));
            assert_eq!(judged(module, false, "9.2.18"), Ok(()));
            let refusal = judged(module, false, "9.3.2").unwrap_err();
            for part in [
                "DRBD 9.3.2 is refused",
                "wrong data",
                "9.2.19 or later",
                "accept_bad_version: true",
            ] {
                assert!(refusal.contains(part), "{refusal}");
            }
            assert_eq!(judged(module, true, "9.3.2"), Ok(()));
        }
    }

    #[test]
    fn the_kernels_own_module_never_stands_in_for_another() {
        for accepted in [false, true] {
            let refusal = judged(DrbdModule::Deb, accepted, "8.4.11").unwrap_err();
            assert!(
                refusal.contains("DRBD 8.4.11") && refusal.contains("module: kernel"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn another_module_than_the_one_built_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("drbd-version"), "9.2.18").unwrap();
        assert_eq!(loaded_version(dir.path(), None).unwrap(), "9.2.18");
        assert_eq!(
            loaded_version(dir.path(), Some("9.2.18")).unwrap(),
            "9.2.18"
        );
        let error = loaded_version(dir.path(), Some("9.2.19"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("9.2.18 where 9.2.19 was built"), "{error}");
    }
}
