//! The boot image, the boot volume and the disk image around a sealed root.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hive_inventory::disk::{
    ARG_ROOT_BLOCKS, ARG_ROOT_HASH, ARG_ROOT_SALT, INITRD_CMDLINE, INITRD_IMAGE, INITRD_MODULES,
    INITRD_SITE_ETC,
};
use hive_inventory::image::{BAKED_IMAGE_VERSION, BakedImage, KernelFlavour};
use serde::{Deserialize, Serialize};

use super::record::{Record, modified};
use super::steps::Steps;
use super::{BakeRequest, Format, ImageFile};
use crate::cache::sha256_file;
use crate::chroot::ToolTask;
use crate::deb::Deb;
use crate::format::{disk, esp, initrd as cpio, modules, seed_volume, uki};
use crate::namespace::{self, Task};
use crate::progress::Progress;
use crate::tree::unpack::PackageFile;
use crate::{node_programs, recipe};

/// The name of the step that makes the part of the initrd that sites share.
pub const INITRD: &str = "initrd";
/// The name of the last step.
pub const STEP: &str = "image";
/// Words of the kernel command line that are the same in every image.
///
/// Both consoles get the kernel's words; the last one named is `/dev/console`. A panic restarts the
/// machine, so that the boot loader's count can fall back to the other slot.
const CMDLINE: &str = "console=tty0 console=ttyS0,115200 panic=30 systemd.gpt_auto=no";
/// Where modules lie in the initrd.
const MODULES_FOLDER: &str = "/lib/modules";
/// The file name of images, without its ending.
const NAME: &str = "hive";

/// What seals a root: written beside it, and into the kernel command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Root hash, hex.
    pub root_hash: String,
    /// Number of data blocks.
    pub data_blocks: u64,
    /// Salt, hex.
    pub salt: String,
}

/// What the image is put together from.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Output of the root step.
    pub root: &'a Path,
    /// Output of the initrd step.
    pub initrd: &'a Path,
    /// Packages with the boot loader and the stub.
    pub boot: &'a [PackageFile],
    /// The tool root.
    pub tools: &'a Path,
    /// Version of the DRBD module.
    pub drbd: &'a str,
}

/// Makes `initrd.zst` of our init and the kernel's modules.
///
/// # Errors
/// A module that is needed is not in the kernel's package.
pub fn initrd(root: &Path, flavour: KernelFlavour, out: &Path) -> Result<()> {
    let folder = root.join("modules");
    let tree = modules::ModuleTree::read(&folder)?;
    let wanted = modules::parse_list(&recipe::initrd_modules(flavour))?;
    let selection = modules::Selection::of(&tree, &wanted)?;
    let mut archive = cpio::Archive::with_devices()?;
    archive.add_file("/init", 0o755, node_programs::get("hive-init")?.to_vec())?;
    archive.add_file(
        INITRD_MODULES,
        0o644,
        selection.load_text(MODULES_FOLDER).into_bytes(),
    )?;
    archive.add_file(
        &format!("{INITRD_MODULES}.alias"),
        0o644,
        selection.coldplug_text(MODULES_FOLDER).into_bytes(),
    )?;
    for path in &selection.files {
        let file = folder.join(path);
        let content = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        archive.add_file(&format!("{MODULES_FOLDER}/{path}"), 0o644, content)?;
    }
    fs::write(out.join("initrd.zst"), archive.compressed()?).context("writing the initrd")
}

/// Writes the images and the record.
///
/// # Errors
/// The disk is full, or a tool fails; what is unfinished has no final name.
pub fn write(
    request: &BakeRequest,
    steps: &Steps,
    program: &Path,
    parts: &Parts<'_>,
    progress: &dyn Progress,
) -> Result<Record> {
    let seal: Seal = serde_json::from_slice(&read(&parts.root.join("seal.json"))?)
        .context("reading the root's seal")?;
    let kernel = String::from_utf8(read(&parts.root.join("kernel-release"))?)
        .context("reading the kernel's release")?;
    let root_part = &seal.root_hash[..8];
    let site_part = &steps.image.key()[..8];
    let image = BakedImage {
        version: BAKED_IMAGE_VERSION,
        site: request.name.clone(),
        stage: request.stage.clone(),
        image_version: format!("{}.{root_part}.{site_part}", request.image.suite),
        kernel: kernel.clone(),
        root_hash: seal.root_hash.clone(),
        drbd: parts.drbd.to_owned(),
    };
    let cmdline = format!(
        "{ARG_ROOT_HASH}={} {ARG_ROOT_BLOCKS}={} {ARG_ROOT_SALT}={} {CMDLINE}",
        seal.root_hash, seal.data_blocks, seal.salt
    );
    // On the same file system as the final names, so that a rename is all that is left to do.
    let work = tempfile::Builder::new()
        .prefix(".baking-")
        .tempdir_in(&request.out)
        .with_context(|| {
            format!(
                "making a folder for unfinished work in {}",
                request.out.display()
            )
        })?;
    let esp_file = scratch_file(work.path(), "esp")?;
    let boot = boot_files(parts.boot)?;
    let uki = uki::assemble(&uki::Parts {
        stub: &boot.stub,
        os_release: &os_release(request, &image),
        cmdline: &cmdline,
        uname: &kernel,
        linux: &read(&parts.root.join("vmlinuz"))?,
        initrd: &[
            &read(&parts.initrd.join("initrd.zst"))?,
            &site_part_of_initrd(steps, &image, &cmdline)?,
        ],
    })?;
    let content = esp::Content {
        boot_loader: &boot.loader,
        uki: &uki,
        image_version: &image.image_version,
    };
    esp::write(&esp_file, &content)?;
    let seed_file = scratch_file(work.path(), "seed")?;
    seed_volume::write(&seed_file, None)?;
    let root_path = parts.root.join("root.erofs");
    let root_file =
        File::open(&root_path).with_context(|| format!("opening {}", root_path.display()))?;
    let raw = scratch_file(work.path(), "hive.raw")?;
    let disk_parts = disk::Parts {
        esp: &esp_file,
        seed: &seed_file,
        root: &root_file,
        root_hash: &seal.root_hash,
    };
    let layout = disk::assemble(&raw, &disk_parts).context("putting the disk image together")?;
    progress.advance(STEP, 1, 2);

    let mut formats = request.formats.clone();
    formats.push(Format::Raw);
    formats.sort();
    formats.dedup();
    let hashes = std::thread::scope(|scope| -> Result<Vec<(Format, String, u64)>> {
        let raw_hash = scope.spawn(|| sha256_file(&work.path().join("hive.raw")));
        let mut found = Vec::new();
        if formats.contains(&Format::Qcow2) {
            qcow2(work.path(), program, parts.tools, progress)?;
            let (hash, size) =
                sha256_file(&work.path().join("hive.qcow2")).context("hashing the qcow2 image")?;
            found.push((Format::Qcow2, hash, size));
        }
        let (hash, size) = raw_hash
            .join()
            .map_err(|_| anyhow::anyhow!("the thread that hashes the image died"))?
            .context("hashing the raw image")?;
        found.insert(0, (Format::Raw, hash, size));
        Ok(found)
    })?;
    progress.advance(STEP, 2, 2);

    // From here the old images go; without a record the next bake starts over.
    drop(fs::remove_file(
        request.out.join(super::record::RECORD_FILE),
    ));
    let mut files = Vec::new();
    let mut changed = Vec::new();
    for (format, sha256, size) in hashes {
        let name = format!("{NAME}.{}", format.ending());
        let path = request.out.join(&name);
        fs::rename(work.path().join(&name), &path)
            .with_context(|| format!("keeping {}", path.display()))?;
        let meta = fs::metadata(&path).with_context(|| format!("looking at {}", path.display()))?;
        changed.push(modified(&meta));
        files.push(ImageFile {
            format,
            path,
            size,
            sha256,
        });
    }
    let packages = request.out.join("packages.txt");
    fs::copy(parts.root.join("packages.txt"), &packages)
        .with_context(|| format!("writing {}", packages.display()))?;
    let record = Record {
        image,
        files,
        changed,
        seed_offset: layout.seed.offset,
        steps: steps
            .all()
            .into_iter()
            .map(|(name, inputs)| (name.to_owned(), inputs.clone()))
            .collect(),
    };
    record.save(&request.out)?;
    Ok(record)
}

/// The part of the initrd that changes with the site: cheap to make, last in the archive.
fn site_part_of_initrd(steps: &Steps, image: &BakedImage, cmdline: &str) -> Result<Vec<u8>> {
    let mut archive = cpio::Archive::new();
    archive.add_file(INITRD_CMDLINE, 0o644, cmdline.as_bytes().to_vec())?;
    archive.add_file(
        INITRD_IMAGE,
        0o644,
        serde_json::to_vec(image).context("describing the image")?,
    )?;
    for file in &steps.layer {
        let path = format!("{INITRD_SITE_ETC}/{}", file.path.trim_start_matches('/'));
        match &file.symlink {
            Some(target) => archive.add_link(&path, target)?,
            None => archive.add_file(&path, file.mode, file.content.clone())?,
        }
    }
    Ok(archive.plain()?)
}

fn os_release(request: &BakeRequest, image: &BakedImage) -> String {
    format!(
        "ID=hive\nNAME=hive\nPRETTY_NAME=\"hive {} {} ({})\"\nVERSION_ID={}\nIMAGE_VERSION={}\n",
        request.name, request.stage, image.image_version, image.image_version, image.image_version
    )
}

struct Boot {
    loader: Vec<u8>,
    stub: Vec<u8>,
}

fn boot_files(packages: &[PackageFile]) -> Result<Boot> {
    let mut loader = None;
    let mut stub = None;
    for package in packages {
        let deb = Deb::open_locked(&package.path, &package.name, &package.sha256)?;
        let mut archive = deb.data()?;
        for entry in archive
            .entries()
            .with_context(|| format!("reading {}", package.name))?
        {
            let mut entry = entry.with_context(|| format!("reading {}", package.name))?;
            let path = entry.path().context("reading a path")?.into_owned();
            let wanted = match path.file_name().and_then(|n| n.to_str()) {
                Some("systemd-bootx64.efi") => &mut loader,
                Some("linuxx64.efi.stub") => &mut stub,
                _ => continue,
            };
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content)
                .with_context(|| format!("reading {}", path.display()))?;
            *wanted = Some(content);
        }
    }
    match (loader, stub) {
        (Some(loader), Some(stub)) => Ok(Boot { loader, stub }),
        _ => bail!("the boot packages of the lock carry no systemd-boot with its stub"),
    }
}

fn qcow2(work: &Path, program: &Path, tools: &Path, progress: &dyn Progress) -> Result<()> {
    let task = ToolTask {
        tools: tools.to_owned(),
        binds: vec![(work.to_owned(), "out".into())],
        // One coroutine and in order: the bytes must not depend on the machine.
        command: [
            "qemu-img",
            "convert",
            "-m",
            "1",
            "-f",
            "raw",
            "-O",
            "qcow2",
            "/out/hive.raw",
            "/out/hive.qcow2",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    namespace::run(program, &Task::Tool(task), progress)
        .context("writing the qcow2 image (qemu-img)")
}

fn scratch_file(work: &Path, name: &str) -> Result<File> {
    let path: PathBuf = work.join(name);
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .with_context(|| format!("making {}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}
