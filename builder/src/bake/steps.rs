//! What decides the output of each step. Nothing here depends on where the site or the cache lie,
//! on who bakes, or on when.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use hive_inventory::image::ImageSettings;

use super::BakeRequest;
use super::image::{INITRD, STEP as IMAGE};
use super::local_debs::LocalDebs;
use super::packages::{TOOLS, set};
use super::wanted;
use crate::cache::{Inputs, sha256_hex};
use crate::lock::Lock;
use crate::{modules, node_programs, recipe, site_layer, tools, tree};

/// The builder's own sources: another builder may make something else from the same inputs.
const CODE: &str = env!("HIVE_BUILDER_SOURCES");

/// The inputs of every step of a bake.
#[derive(Debug)]
pub struct Steps {
    /// Tool root.
    pub tools: Inputs,
    /// Modules built at bake time, if any.
    pub modules: Option<Inputs>,
    /// Root file system.
    pub root: Inputs,
    /// The part of the initrd that is the same for all sites with this root.
    pub initrd: Inputs,
    /// The finished image.
    pub image: Inputs,
    /// The site's addon programs.
    pub addons: Vec<(String, Vec<u8>)>,
    /// The site layer.
    pub layer: Vec<site_layer::LayerFile>,
}

impl Steps {
    /// The inputs of the steps for a request under a lock.
    ///
    /// # Errors
    /// A file that the site names can't be read, or its settings make no valid site layer.
    pub fn of(request: &BakeRequest, lock: &Lock) -> Result<Self> {
        let tools = package_inputs(Inputs::default().text("hive itself", CODE), lock, TOOLS);
        let modules = wanted::builds_modules(request, &LocalDebs::of(request)?).then(|| {
            package_inputs(
                Inputs::default().text("hive itself", CODE),
                lock,
                &set(&request.stage, "modules"),
            )
        });
        let addons = addons(&request.site, request.image.addon.as_deref())?;
        let mut root = Inputs::default()
            .text("hive itself", CODE)
            .text("tools", tools.key())
            .text("compression", compression(&request.image))
            .text("locale", &request.image.locale);
        for name in node_programs::IN_ROOT {
            let program = node_programs::get(name).unwrap_or_default();
            root = root.bytes(&format!("program {name}"), program);
        }
        if let Some(modules) = &modules {
            root = root.text("modules", modules.key());
        }
        for (name, content) in &addons {
            root = root.bytes(&format!("addon {name}"), content);
        }
        root = recipe::tree_inputs(root);
        root = package_inputs(root, lock, &set(&request.stage, "host"));
        root = package_inputs(root, lock, &set(&request.stage, "kernel"));
        let initrd = Inputs::default()
            .text("hive itself", CODE)
            .text("root", root.key())
            .bytes(
                "program hive-init",
                node_programs::get("hive-init").unwrap_or_default(),
            )
            .bytes(
                "modules",
                recipe::initrd_modules(request.image.kernel).as_bytes(),
            );
        let keys = request.keys.as_ref();
        let layer = site_layer::render(&request.name, &request.stage, &request.settings, keys)
            .context("turning the site's settings into files of the hosts")?;
        let mut image = Inputs::default()
            .text("hive itself", CODE)
            .text("root", root.key())
            .text("initrd", initrd.key())
            .text("site", &request.name)
            .text("stage", &request.stage);
        image = package_inputs(image, lock, &set(&request.stage, "boot"));
        for file in &layer {
            let link = file.symlink.clone().unwrap_or_default();
            let shape = format!("{:o} {link} {}", file.mode, sha256_hex(&file.content));
            image = image.text(&format!("site file /etc/{}", file.path), shape);
        }
        Ok(Self {
            tools,
            modules,
            root,
            initrd,
            image,
            addons,
            layer,
        })
    }

    /// The steps whose output lies in the cache, in order.
    pub fn cached(&self) -> Vec<(&'static str, &Inputs)> {
        let mut list = vec![(tools::STEP, &self.tools)];
        list.extend(self.modules.iter().map(|m| (modules::STEP, m)));
        list.extend([(tree::STEP, &self.root), (INITRD, &self.initrd)]);
        list
    }

    /// All steps by name, for the record.
    pub fn all(&self) -> Vec<(&'static str, &Inputs)> {
        let mut list = self.cached();
        list.push((IMAGE, &self.image));
        list
    }
}

fn package_inputs(mut inputs: Inputs, lock: &Lock, set: &str) -> Inputs {
    let part = set.rsplit('.').next().unwrap_or(set);
    for package in lock.set(set) {
        inputs = inputs.text(
            &format!("package {} ({part})", package.name),
            &package.sha256,
        );
    }
    inputs
}

/// How the root is compressed. Kernel 6.1 of bookworm reads no zstd.
pub fn compression(image: &ImageSettings) -> &'static str {
    if image.suite == "bookworm" {
        "lz4hc,12"
    } else {
        "zstd,3"
    }
}

/// The executable files of the site's addon folder, by name.
fn addons(site: &Path, folder: Option<&str>) -> Result<Vec<(String, Vec<u8>)>> {
    let Some(folder) = folder else {
        return Ok(Vec::new());
    };
    let dir = site.join(folder);
    let reading = || {
        format!(
            "reading the addon folder {} named in the inventory",
            dir.display()
        )
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(&dir).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        let meta = fs::metadata(&path).with_context(reading)?;
        let program = meta.is_file()
            && std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o100 != 0;
        if program {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            found.push((name, fs::read(&path).with_context(reading)?));
        }
    }
    found.sort();
    Ok(found)
}
