//! Which DRBD module the image loads, and whether it may.

use std::path::Path;

use anyhow::{Context, Result, bail};
use hive_inventory::image::{DrbdModule, DrbdSettings};

use crate::drbd;
use crate::progress::Progress;

/// Refuses a module that is known to lose data, and the kernel's own where another was asked for.
pub(super) fn judge(drbd: &DrbdSettings, version: &str, progress: &dyn Progress) -> Result<()> {
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
pub(super) fn loaded_version(root: &Path, built: Option<&str>) -> Result<String> {
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
            ..DrbdSettings::default()
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
