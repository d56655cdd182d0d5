//! The package files named under `drbd.debs`, told apart by what they bring: source that a bake
//! builds, modules that somebody built for the image's kernel, or programs of the host.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use hive_inventory::image::DrbdModule;

use super::BakeRequest;
use crate::deb::Deb;

/// What a package brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A `dkms.conf` below `/usr/src` (dkms(8)).
    Source,
    /// A `drbd.ko` below `/lib/modules`.
    Modules,
    /// Anything else, such as drbd-utils.
    Host,
}

/// The package files of a stage, as the inventory names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalDebs {
    /// They are built in a tree of their own, and don't get into the image.
    pub source: Vec<String>,
    /// Their files are laid beside the kernel's; their scripts do not run.
    pub modules: Vec<String>,
    /// They are installed on the host.
    pub host: Vec<String>,
}

impl LocalDebs {
    /// Reads the packages of a stage with `drbd.module: deb`; other stages have none.
    ///
    /// # Errors
    /// A file can't be read, or none of them brings a module.
    pub fn of(request: &BakeRequest) -> Result<Self> {
        let mut found = Self::default();
        if request.drbd.module != DrbdModule::Deb {
            return Ok(found);
        }
        for deb in &request.drbd.debs {
            let list = match kind(&open(&request.site, deb)?)? {
                Kind::Source => &mut found.source,
                Kind::Modules => &mut found.modules,
                Kind::Host => &mut found.host,
            };
            list.push(deb.clone());
        }
        if found.source.is_empty() && found.modules.is_empty() {
            let named = if found.host.is_empty() {
                "`debs:` under `drbd:` names no file".to_owned()
            } else {
                format!("none is among those named: {}", found.host.join(", "))
            };
            bail!(
                "`drbd.module: deb` needs a package with the module: drbd-dkms, or one with a drbd.ko for the image's kernel; {named}"
            );
        }
        Ok(found)
    }
}

/// Opens a package file that the inventory names.
///
/// # Errors
/// It can't be read or is no package.
pub fn open(site: &Path, deb: &str) -> Result<Deb> {
    let path = fs::canonicalize(site.join(deb)).with_context(|| {
        format!("the package file `{deb}` named in the inventory can't be read")
    })?;
    Deb::open(&path)
}

fn kind(deb: &Deb) -> Result<Kind> {
    let reading = || format!("listing the files of {}", deb.control.package());
    for entry in deb.data()?.entries().with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let path = entry.path().with_context(reading)?;
        let mut parts = path
            .iter()
            .map(|p| p.to_string_lossy())
            .filter(|p| p != ".")
            .collect::<Vec<_>>();
        if parts.first().is_some_and(|p| p == "usr") && parts.get(1).is_some_and(|p| p == "lib") {
            parts.remove(0);
        }
        match parts.as_slice() {
            [usr, src, _, file] if usr == "usr" && src == "src" && file == "dkms.conf" => {
                return Ok(Kind::Source);
            }
            [lib, modules, .., file]
                if lib == "lib" && modules == "modules" && file.starts_with("drbd.ko") =>
            {
                return Ok(Kind::Modules);
            }
            _ => {}
        }
    }
    Ok(Kind::Host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deb::tests::package;

    fn kind_of(paths: &[&str]) -> Kind {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.deb");
        let files: Vec<(&str, &[u8])> = paths.iter().map(|p| (*p, b"x".as_slice())).collect();
        fs::write(&path, package("Package: x\n", &files)).unwrap();
        kind(&open(dir.path(), "x.deb").unwrap()).unwrap()
    }

    #[test]
    fn packages_are_told_apart_by_what_they_bring() {
        let doc = "./usr/share/doc/x/copyright";
        assert_eq!(
            kind_of(&[doc, "./usr/src/drbd-9.2.19-1/dkms.conf"]),
            Kind::Source
        );
        for place in ["./lib", "./usr/lib", "usr/lib"] {
            for ending in ["ko", "ko.xz"] {
                let module = format!("{place}/modules/6.12.1-amd64/updates/drbd.{ending}");
                assert_eq!(kind_of(&[doc, &module]), Kind::Modules);
            }
        }
        assert_eq!(kind_of(&[doc, "./usr/sbin/drbdadm"]), Kind::Host);
    }
}
