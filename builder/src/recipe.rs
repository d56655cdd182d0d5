//! The recipe: what lies in `images/`, carried inside the program.

use hive_inventory::image::{ImageSettings, KernelFlavour};
use rust_embed::RustEmbed;

use crate::cache::Inputs;

#[derive(RustEmbed)]
#[folder = "../images/"]
#[exclude = "*README.md"]
struct Images;

/// A file of the recipe's tree and where it lies on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Path below the root, without a leading slash.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Content.
    pub content: Vec<u8>,
}

fn text(path: &str) -> String {
    Images::get(path)
        .map(|f| String::from_utf8_lossy(&f.data).into_owned())
        .unwrap_or_default()
}

/// Names in a package list: one a line, `#` starts a comment.
fn names(list: &str) -> impl Iterator<Item = String> + '_ {
    list.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
        .filter(|name| !name.is_empty())
}

/// The kernel flavour's name in file names.
pub fn flavour(kernel: KernelFlavour) -> &'static str {
    match kernel {
        KernelFlavour::Cloud => "cloud",
        KernelFlavour::Generic => "generic",
    }
}

/// The packages of the root file system, the site's own among them.
pub fn packages(image: &ImageSettings) -> Vec<String> {
    let docker = match image.docker {
        hive_inventory::image::DockerEngine::DockerIo => "docker-io",
        hive_inventory::image::DockerEngine::DockerCe => "docker-ce",
    };
    let mut variants = vec![image.suite.as_str(), flavour(image.kernel), docker];
    if image.locale != "C.UTF-8" {
        variants.push("locales");
    }
    let mut found: Vec<String> = Images::iter()
        .filter(|path| {
            // node/NN-SUBJECT[.VARIANT…].packages; every variant has to be one of this image's.
            path.strip_prefix("node/")
                .filter(|name| !name.contains('/'))
                .and_then(|name| name.strip_suffix(".packages"))
                .is_some_and(|stem| stem.split('.').skip(1).all(|v| variants.contains(&v)))
        })
        .flat_map(|path| names(&text(&path)).collect::<Vec<_>>())
        .collect();
    found.extend(image.packages.iter().cloned());
    found.extend(image.firmware.iter().cloned());
    found.sort();
    found.dedup();
    found
}

/// The kernel's packages.
pub fn kernel_packages(kernel: KernelFlavour) -> Vec<String> {
    names(&text(&format!("kernel/{}.packages", flavour(kernel)))).collect()
}

/// Packages with the boot loader and the stub of the unified kernel image.
pub fn boot_packages() -> Vec<String> {
    names(&text("boot/packages")).collect()
}

/// Packages of the tool root.
pub fn tool_packages() -> Vec<String> {
    names(&text("tools/packages")).collect()
}

/// The list of modules for the initrd.
pub fn initrd_modules(kernel: KernelFlavour) -> String {
    text(&format!("initrd/modules.{}", flavour(kernel)))
}

/// What is deleted from the finished tree.
pub fn scrub() -> String {
    text("node/scrub")
}

/// The files that are laid over the packages' own.
pub fn tree() -> Vec<TreeFile> {
    let modes = text("node/modes");
    let special = |path: &str| {
        modes.lines().find_map(|line| {
            let (name, mode) = line.split_once(' ')?;
            (name.trim_start_matches('/') == path)
                .then(|| u32::from_str_radix(mode.trim(), 8).ok())?
        })
    };
    Images::iter()
        .filter_map(|name| {
            let path = name.strip_prefix("node/tree/")?.to_owned();
            let content = Images::get(&name)?.data.into_owned();
            let program = ["usr/bin/", "usr/sbin/", "usr/lib/hive/"]
                .iter()
                .any(|dir| path.starts_with(dir))
                || content.starts_with(b"#!");
            let mode = special(&path).unwrap_or(if program { 0o755 } else { 0o644 });
            Some(TreeFile {
                path,
                mode,
                content,
            })
        })
        .collect()
}

/// Everything of the recipe that shapes the root besides its packages, as inputs of a step.
pub fn tree_inputs(mut inputs: Inputs) -> Inputs {
    for file in tree() {
        inputs = inputs
            .text(
                &format!("file /{} mode", file.path),
                format!("{:o}", file.mode),
            )
            .bytes(&format!("file /{}", file.path), &file.content);
    }
    inputs.bytes("scrub list", scrub().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_decide_about_package_lists() {
        let image = ImageSettings {
            packages: vec!["htop".into()],
            ..ImageSettings::default()
        };
        let list = packages(&image);
        for name in ["systemd-sysv", "docker.io", "drbd-utils", "htop"] {
            assert!(
                list.iter().any(|n| n == name),
                "{name} is missing in {list:?}"
            );
        }
        assert!(!list.iter().any(|n| n == "docker-ce" || n == "locales"));
        let other = ImageSettings {
            docker: hive_inventory::image::DockerEngine::DockerCe,
            locale: "ja_JP.UTF-8".into(),
            ..ImageSettings::default()
        };
        let list = packages(&other);
        assert!(
            list.iter().any(|n| n == "docker-ce") && list.iter().any(|n| n == "locales"),
            "{list:?}"
        );
        assert!(!list.iter().any(|n| n == "docker.io"));
    }

    #[test]
    fn every_part_of_the_recipe_is_there() {
        assert_eq!(
            kernel_packages(KernelFlavour::Cloud),
            ["linux-image-cloud-amd64"]
        );
        assert_eq!(boot_packages(), ["systemd-boot-efi"]);
        assert!(tool_packages().contains(&"erofs-utils".to_owned()));
        assert!(initrd_modules(KernelFlavour::Generic).contains("dm-verity"));
        assert!(scrub().contains("etc/machine-id"));
        assert!(
            tree()
                .iter()
                .any(|f| f.path == "etc/systemd/system/hived.service" && f.mode == 0o644)
        );
    }
}
