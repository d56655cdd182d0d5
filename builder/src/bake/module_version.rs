//! Which DRBD module the image loads, and whether it may.

use std::path::Path;

use anyhow::{Context, Result, bail};
use hive_inventory::image::{DrbdModule, DrbdSettings};

use crate::drbd;
use crate::progress::Progress;

/// Refuses the kernel's own module where another was asked for. `root` is the folder of the finished root.
pub(super) fn is_asked_for(drbd: &DrbdSettings, version: &str, root: &Path) -> Result<()> {
    if drbd.module == DrbdModule::Kernel || !version.starts_with("8.") {
        return Ok(());
    }
    let kernel = read(root, "kernel-release")?;
    bail!(
        "the image would load DRBD {version}, which is the kernel's own, although `drbd.module` asks for another: the packages bring no module for the image's kernel, {kernel}, in a folder that wins over it (`updates`). Take a package that was built for this kernel (`image.kernel` says which of Debian's it is), or write `module: kernel`"
    );
}

/// Refuses a module that is known to lose data.
pub(super) fn judge(drbd: &DrbdSettings, version: &str, progress: &dyn Progress) -> Result<()> {
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
pub(super) fn loaded_version(root: &Path, built: Option<&str>) -> Result<String> {
    let found = read(root, "drbd-version")?;
    match built {
        Some(built) if built != found => bail!(
            "the image would load DRBD {found} where {built} was built for it; another package of the site brings a module of its own"
        ),
        _ => Ok(found),
    }
}

fn read(root: &Path, file: &str) -> Result<String> {
    let path = root.join(file);
    std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn settings(module: DrbdModule, accept_bad_version: bool) -> DrbdSettings {
        DrbdSettings {
            module,
            debs: vec![],
            accept_bad_version,
            ..DrbdSettings::default()
        }
    }

    fn judged(module: DrbdModule, accept_bad_version: bool, version: &str) -> Result<(), String> {
        let drbd = settings(module, accept_bad_version);
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
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("kernel-release"), "6.12.1-cloud-amd64").unwrap();
        let asked = |module, version| {
            is_asked_for(&settings(module, true), version, root.path()).map_err(|e| e.to_string())
        };
        let refusal = asked(DrbdModule::Deb, "8.4.11").unwrap_err();
        for part in ["DRBD 8.4.11", "6.12.1-cloud-amd64", "module: kernel"] {
            assert!(refusal.contains(part), "{refusal}");
        }
        assert_eq!(asked(DrbdModule::Deb, "9.2.19"), Ok(()));
        assert_eq!(asked(DrbdModule::Kernel, "8.4.11"), Ok(()));
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
