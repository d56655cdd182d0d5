//! Finding UEFI firmware: a named one, the distribution's, at last a download.
//!
//! Code and variables always come from one source: the layout of the variables belongs to the
//! build that made them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where distributions put their pairs; the first that is there is taken. The 4 MiB builds come
/// first, the 2 MiB ones have too little room for variables. None of them enforces Secure Boot.
const DISTRIBUTION: &[(&str, &str)] = &[
    // Debian, Ubuntu
    (
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "/usr/share/OVMF/OVMF_VARS_4M.fd",
    ),
    // Arch
    (
        "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
        "/usr/share/edk2/x64/OVMF_VARS.4m.fd",
    ),
    // Fedora
    (
        "/usr/share/edk2/ovmf/OVMF_CODE.fd",
        "/usr/share/edk2/ovmf/OVMF_VARS.fd",
    ),
    // Gentoo
    (
        "/usr/share/edk2-ovmf/OVMF_CODE.fd",
        "/usr/share/edk2-ovmf/OVMF_VARS.fd",
    ),
    // openSUSE
    (
        "/usr/share/qemu/ovmf-x86_64-4m-code.bin",
        "/usr/share/qemu/ovmf-x86_64-4m-vars.bin",
    ),
    // older Debian
    (
        "/usr/share/OVMF/OVMF_CODE.fd",
        "/usr/share/OVMF/OVMF_VARS.fd",
    ),
];

/// A pair of firmware files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// The code, used in place and read-only.
    pub code: PathBuf,
    /// Fresh variables, copied for each machine.
    pub vars: PathBuf,
}

/// How to find firmware. [`FirmwareSearch::default`] is right nearly always.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FirmwareSearch {
    /// This pair and no other.
    pub explicit: Option<Firmware>,
    /// Where a downloaded pair is kept; without it, under the user's cache folder.
    pub cache: Option<PathBuf>,
}

impl FirmwareSearch {
    /// Finds firmware: the explicit pair; `HIVE_OVMF_CODE` and `HIVE_OVMF_VARS`; the
    /// distribution's; a download (crate feature `ovmf-prebuilt`).
    ///
    /// The download blocks, for about 15 s before it fails where there is no network: keep this
    /// off threads that must not block.
    ///
    /// # Errors
    /// A pair that was named is not there, or none was found at all.
    pub fn find(&self) -> Result<Firmware> {
        let mut tried = Vec::new();
        let named = |name: &str| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let local = local(
            self.explicit.clone(),
            named("HIVE_OVMF_CODE"),
            named("HIVE_OVMF_VARS"),
            Path::exists,
            &mut tried,
        )?;
        if let Some(found) = local {
            return Ok(found);
        }
        self.download(&mut tried).ok_or(Error::NoFirmware { tried })
    }

    #[cfg(not(feature = "ovmf-prebuilt"))]
    fn download(&self, tried: &mut Vec<String>) -> Option<Firmware> {
        tried.push("ovmf-prebuilt: built without this feature".to_owned());
        None
    }

    #[cfg(feature = "ovmf-prebuilt")]
    fn download(&self, tried: &mut Vec<String>) -> Option<Firmware> {
        use ovmf_prebuilt::{Arch, FileType, Prebuilt, Source};
        let Some(cache) = self.cache.clone().or_else(user_cache) else {
            tried.push("ovmf-prebuilt: neither XDG_CACHE_HOME nor HOME is set".to_owned());
            return None;
        };
        // A folder of its own: fetching empties it first.
        let dir = cache.join(Source::LATEST.tag);
        // Two tests of one run would otherwise unpack over each other.
        let _one_at_a_time = crate::process::lock(&cache, "fetch.lock")
            .map_err(|e| tried.push(format!("ovmf-prebuilt: {e}")))
            .ok()?;
        match Prebuilt::fetch(Source::LATEST, &dir) {
            Ok(found) => Some(Firmware {
                code: found.get_file(Arch::X64, FileType::Code),
                vars: found.get_file(Arch::X64, FileType::Vars),
            }),
            Err(error) => {
                tried.push(format!(
                    "ovmf-prebuilt {}: {}",
                    Source::LATEST.tag,
                    chain(&error)
                ));
                None
            }
        }
    }
}

/// The part of the search that needs no network.
fn local(
    explicit: Option<Firmware>,
    code: Option<PathBuf>,
    vars: Option<PathBuf>,
    exists: impl Fn(&Path) -> bool,
    tried: &mut Vec<String>,
) -> Result<Option<Firmware>> {
    let problem = |problem: String| Err(Error::Firmware { problem });
    let both = |pair: Firmware| {
        // One that was named and is not there is an error: another in its place would surprise.
        for path in [&pair.code, &pair.vars] {
            if !exists(path) {
                return problem(format!("{} does not exist", path.display()));
            }
        }
        Ok(Some(pair))
    };
    if let Some(pair) = explicit {
        return both(pair);
    }
    match (code, vars) {
        (Some(code), Some(vars)) => return both(Firmware { code, vars }),
        (Some(_), None) => {
            return problem(
                "HIVE_OVMF_CODE is set, HIVE_OVMF_VARS is not; they belong together".to_owned(),
            );
        }
        (None, Some(_)) => {
            return problem(
                "HIVE_OVMF_VARS is set, HIVE_OVMF_CODE is not; they belong together".to_owned(),
            );
        }
        (None, None) => tried.push("HIVE_OVMF_CODE, HIVE_OVMF_VARS: not set".to_owned()),
    }
    for (code, vars) in DISTRIBUTION {
        if exists(Path::new(code)) && exists(Path::new(vars)) {
            return Ok(Some(Firmware {
                code: code.into(),
                vars: vars.into(),
            }));
        }
        tried.push(format!("{code} and {vars}: not there"));
    }
    Ok(None)
}

#[cfg(feature = "ovmf-prebuilt")]
fn user_cache() -> Option<PathBuf> {
    let named = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
    Some(cache.join("ovmf-prebuilt"))
}

/// An error with all its causes, on one line.
#[cfg(feature = "ovmf-prebuilt")]
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(
        explicit: Option<(&str, &str)>,
        env: (Option<&str>, Option<&str>),
        there: &[&str],
    ) -> Result<Option<Firmware>> {
        let explicit = explicit.map(|(code, vars)| Firmware {
            code: code.into(),
            vars: vars.into(),
        });
        let exists = |p: &Path| there.iter().any(|t| Path::new(t) == p);
        local(
            explicit,
            env.0.map(Into::into),
            env.1.map(Into::into),
            exists,
            &mut Vec::new(),
        )
    }

    const DEBIAN: [&str; 2] = [
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "/usr/share/OVMF/OVMF_VARS_4M.fd",
    ];

    #[test]
    fn what_is_named_comes_first_and_must_be_there() {
        let there = [DEBIAN[0], DEBIAN[1], "/c", "/v", "/ec", "/ev"];
        let env = (Some("/ec"), Some("/ev"));
        let code = |found: Result<Option<Firmware>>| found.unwrap().unwrap().code;
        assert_eq!(
            code(search(Some(("/c", "/v")), env, &there)),
            Path::new("/c")
        );
        assert_eq!(code(search(None, env, &there)), Path::new("/ec"));
        assert_eq!(
            code(search(None, (None, None), &there)),
            Path::new(DEBIAN[0])
        );
        let error = search(None, (Some("/gone"), Some("/ev")), &there).unwrap_err();
        assert_eq!(error.to_string(), "firmware: /gone does not exist");
    }

    #[test]
    fn halves_of_a_pair_are_never_mixed() {
        let error = search(None, (Some("/ec"), None), &["/ec", DEBIAN[0], DEBIAN[1]]).unwrap_err();
        assert!(error.to_string().contains("belong together"), "{error}");
        // Debian's code without its variables: go on to the next complete pair.
        let there = [DEBIAN[0], DISTRIBUTION[2].0, DISTRIBUTION[2].1];
        let found = search(None, (None, None), &there).unwrap().unwrap();
        assert_eq!(found.code, Path::new(DISTRIBUTION[2].0));
        assert_eq!(found.vars, Path::new(DISTRIBUTION[2].1));
    }

    #[test]
    fn nothing_found_says_where_it_looked() {
        let mut tried = Vec::new();
        assert_eq!(
            local(None, None, None, |_| false, &mut tried).unwrap(),
            None
        );
        let text = Error::NoFirmware { tried }.to_string();
        assert!(text.contains("apt-get install ovmf"), "{text}");
        assert!(text.contains(DEBIAN[0]), "{text}");
    }
}
