//! From a stage's settings to its golden image. [`bake`] reads as the list of steps; what is asked
//! is in [`request`], what decides each step in [`steps`], what the last bake was made of in [`record`].

pub mod image;
pub mod local_debs;
mod module_version;
pub mod packages;
pub mod plan;
pub mod record;
pub mod relock;
pub mod request;
pub mod steps;
mod wanted;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cache::{Cache, Inputs};
use crate::format::verity;
use crate::lock::Lock;
use crate::namespace::{self, Task};
use crate::progress::Progress;
use crate::tree::ground::Place;
use crate::tree::unpack::PackageFile;
use crate::{fetch, modules, tools, tree};
use module_version::{is_asked_for, judge, loaded_version};
pub use plan::{StepPlan, plan};
use record::Record;
pub use request::{BakeReport, BakeRequest, Format, ImageFile};
use steps::Steps;

/// Bakes the image. `program` is the `hive` command, which also does the work inside namespaces.
///
/// # Errors
/// Whatever step fails, with what it was doing; nothing half-made stands under a final name.
pub fn bake(
    request: &BakeRequest,
    cache: &Cache,
    program: &Path,
    progress: &dyn Progress,
) -> Result<BakeReport> {
    let start = Instant::now();
    fs::create_dir_all(&request.out)
        .with_context(|| format!("making {}", request.out.display()))?;
    let lock = relock::lock_for(request, cache, progress)?;
    let steps = Steps::of(request, &lock)?;
    if let Some(record) =
        Record::load(&request.out).filter(|r| r.holds(&steps.image, &request.formats))
    {
        judge(&request.drbd, &record.image.drbd, progress)?;
        return Ok(report(&record, &[], start));
    }
    let mut bake = Bake {
        request,
        cache,
        program,
        progress,
        lock,
        steps,
        rebuilt: Vec::new(),
    };
    bake.fetch()?;
    let tools = bake.tools()?;
    let modules = bake.modules()?;
    let root = bake.root(&tools, modules.as_ref())?;
    let drbd = loaded_version(&root, modules.as_ref().map(|m| m.version.as_str()))?;
    if modules.is_none() {
        is_asked_for(&request.drbd, &drbd, &root)?;
        judge(&request.drbd, &drbd, progress)?;
    }
    let initrd = bake.initrd(&root)?;
    let record = bake.image(&root, &initrd, &tools, &drbd)?;
    Ok(report(&record, &bake.rebuilt, start))
}

fn report(record: &Record, rebuilt: &[&str], start: Instant) -> BakeReport {
    BakeReport {
        image_version: record.image.image_version.clone(),
        root_hash: record.image.root_hash.clone(),
        drbd: record.image.drbd.clone(),
        files: record.files.clone(),
        rebuilt: rebuilt.iter().map(|s| (*s).to_owned()).collect(),
        seconds: start.elapsed().as_secs_f64(),
    }
}

/// Modules that were built at bake time.
#[derive(Debug)]
struct BuiltModules {
    folder: PathBuf,
    version: String,
}

/// A bake under way.
struct Bake<'a> {
    request: &'a BakeRequest,
    cache: &'a Cache,
    program: &'a Path,
    progress: &'a dyn Progress,
    lock: Lock,
    steps: Steps,
    rebuilt: Vec<&'static str>,
}

impl Bake<'_> {
    /// Brings the packages of all steps that have to be done now.
    fn fetch(&self) -> Result<()> {
        let known = |(name, inputs): &(&str, &Inputs)| self.cache.lookup(name, inputs).is_some();
        let needed = if self.steps.cached().iter().all(known) {
            // Only the boot loader is read when everything else is there.
            self.lock.set(&packages::set(&self.request.stage, "boot"))
        } else {
            packages::of(&self.lock, self.request)
        };
        let archives = || packages::archives(self.request);
        fetch::fetch(
            self.cache,
            &self.request.site,
            archives,
            &needed,
            self.request.offline,
            self.progress,
        )
        .map(drop)
    }

    /// A step from the cache, or made now.
    fn step(
        &mut self,
        name: &'static str,
        inputs: &Inputs,
        make: impl FnOnce(&Self, &Path) -> Result<()>,
    ) -> Result<PathBuf> {
        if let Some(done) = self.cache.lookup(name, inputs) {
            self.progress.cached(name);
            return Ok(done);
        }
        self.progress.begin(name, "");
        self.rebuilt.push(name);
        let done = self.cache.step(name, inputs, |out| make(self, out))?;
        self.progress.end(name);
        Ok(done)
    }

    fn files(&self, part: &str) -> Vec<PackageFile> {
        packages::files(
            self.cache,
            &self.lock,
            &packages::set(&self.request.stage, part),
        )
    }

    fn tools(&mut self) -> Result<PathBuf> {
        let inputs = self.steps.tools.clone();
        let made = self.step(tools::STEP, &inputs, |bake, out| {
            tools::make(
                &packages::files(bake.cache, &bake.lock, packages::TOOLS),
                out,
                bake.progress,
            )
        })?;
        Ok(made.join(tools::ROOT))
    }

    fn modules(&mut self) -> Result<Option<BuiltModules>> {
        let Some(inputs) = self.steps.modules.clone() else {
            return Ok(None);
        };
        let folder = self.step(modules::STEP, &inputs, |bake, out| {
            let scratch = bake.cache.scratch(modules::STEP)?;
            let task = modules::ModulesTask {
                packages: bake.files("modules"),
                scratch: scratch.path().to_owned(),
                place: Place::choose()?,
                out: out.to_owned(),
            };
            namespace::run(bake.program, &Task::Modules(Box::new(task)), bake.progress)
        })?;
        let version = fs::read_to_string(folder.join("version"))
            .context("reading the version of the built module")?;
        // Before the root takes half a minute.
        judge(&self.request.drbd, &version, self.progress)?;
        Ok(Some(BuiltModules { folder, version }))
    }

    fn root(&mut self, tools: &Path, modules: Option<&BuiltModules>) -> Result<PathBuf> {
        let inputs = self.steps.root.clone();
        self.step(tree::STEP, &inputs, |bake, out| {
            let scratch = bake.cache.scratch("tree")?;
            let task = tree::RootTask {
                packages: bake.files("host"),
                kernel: bake.files("kernel"),
                modules: modules.map(|m| m.folder.clone()),
                image: bake.request.image.clone(),
                addons: bake.steps.addons.clone(),
                tools: tools.to_owned(),
                compression: steps::compression(&bake.request.image).to_owned(),
                scratch: scratch.path().to_owned(),
                place: Place::choose()?,
                out: out.to_owned(),
            };
            namespace::run(bake.program, &Task::Root(Box::new(task)), bake.progress)?;
            seal(out)
        })
    }

    fn initrd(&mut self, root: &Path) -> Result<PathBuf> {
        let inputs = self.steps.initrd.clone();
        self.step(image::INITRD, &inputs, |bake, out| {
            image::initrd(root, bake.request.image.kernel, out)
        })
    }

    fn image(&mut self, root: &Path, initrd: &Path, tools: &Path, drbd: &str) -> Result<Record> {
        self.progress.begin(image::STEP, "");
        self.rebuilt.push(image::STEP);
        let parts = image::Parts {
            root,
            initrd,
            boot: &self.files("boot"),
            tools,
            drbd,
        };
        let record = image::write(
            self.request,
            &self.steps,
            self.program,
            &parts,
            self.progress,
        )?;
        self.progress.end(image::STEP);
        Ok(record)
    }
}

/// Appends the verity tree to the root file system, and writes down what seals it.
fn seal(out: &Path) -> Result<()> {
    let path = out.join("root.erofs");
    let file = File::options()
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
    fs::write(out.join("seal.json"), text).context("writing the seal")
}
