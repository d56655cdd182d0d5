//! Which accelerator runs a machine, and which QEMU.
//!
//! The accelerator is never guessed: one that is silently another than yesterday's makes tests
//! that pass on one computer fail on the next for reasons nobody sees.

use std::fmt;
use std::fs::OpenOptions;

use hive_system::Program;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// Emulation in software, one thread per virtual CPU. Works everywhere.
    #[default]
    Tcg,
    /// The kernel's virtualisation; needs a working `/dev/kvm`.
    Kvm,
}

impl Accelerator {
    /// The value of QEMU's `-accel`.
    pub fn option(self) -> &'static str {
        match self {
            Self::Tcg => "tcg,thread=multi",
            Self::Kvm => "kvm",
        }
    }

    /// The value of QEMU's `-cpu` that goes with it.
    ///
    /// Before QEMU 8, `cx16` under emulation makes Linux double-fault early in its boot.
    pub fn cpu(self, version: Version) -> &'static str {
        match self {
            Self::Tcg if version.major < 8 => "max,cx16=off",
            Self::Tcg => "max",
            Self::Kvm => "host",
        }
    }

    /// Checks that it can work here at all.
    ///
    /// # Errors
    /// KVM was asked for, and `/dev/kvm` can't be opened.
    pub fn check(self) -> Result<()> {
        if self == Self::Tcg {
            return Ok(());
        }
        let opened = OpenOptions::new().read(true).write(true).open("/dev/kvm");
        opened.map(drop).map_err(|e| Error::Accelerator {
            accelerator: "kvm",
            problem: format!("/dev/kvm: {e}; use tcg, or join the group `kvm`"),
        })
    }
}

/// A version of QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// As the 7 in 7.2.22.
    pub major: u32,
    /// As the 2 in 7.2.22.
    pub minor: u32,
    /// As the 22 in 7.2.22.
    pub micro: u32,
}

impl Version {
    /// The oldest that has `-netdev stream`, which switches are made of.
    pub const OLDEST: Self = Self::new(7, 2, 0);

    /// A version by its three numbers.
    pub const fn new(major: u32, minor: u32, micro: u32) -> Self {
        Self {
            major,
            minor,
            micro,
        }
    }

    /// Reads what `qemu-system-x86_64 --version` prints.
    pub fn parse(text: &str) -> Option<Self> {
        let after = text.split("version ").nth(1)?;
        let number = after.split([' ', '\n', '(', '-']).next()?;
        let mut parts = number.split('.').map(|p| p.parse().ok());
        Some(Self {
            major: parts.next()??,
            minor: parts.next()??,
            micro: parts.next().flatten().unwrap_or(0),
        })
    }

    /// Asks a QEMU for its version.
    ///
    /// # Errors
    /// It is missing, fails, prints no version, or is older than [`Version::OLDEST`].
    pub fn query(program: &str) -> Result<Self> {
        let text = qemu(program).arg("--version").text()?;
        let too_old = |found: &str| Error::TooOld {
            program: program.to_owned(),
            found: found.to_owned(),
        };
        let version = Self::parse(&text).ok_or_else(|| too_old(text.trim()))?;
        if version < Self::OLDEST {
            return Err(too_old(&version.to_string()));
        }
        Ok(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// The QEMU program, with the Debian package that has it.
pub(crate) fn qemu(program: &str) -> Program {
    Program::new(program).package("qemu-system-x86")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_qemu_prints() {
        let debian =
            "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c)";
        assert_eq!(Version::parse(debian), Some(Version::new(7, 2, 22)));
        let candidate = "QEMU emulator version 10.0.0-rc2\n";
        assert_eq!(Version::parse(candidate), Some(Version::new(10, 0, 0)));
        assert_eq!(Version::parse("bash: qemu: not found"), None);
    }

    #[test]
    fn cx16_is_off_only_where_it_must_be() {
        let (old, new) = (Version::new(7, 2, 0), Version::new(8, 0, 0));
        assert_eq!(Accelerator::Tcg.cpu(old), "max,cx16=off");
        assert_eq!(Accelerator::Tcg.cpu(new), "max");
        assert_eq!(Accelerator::Kvm.cpu(old), "host");
    }

    #[test]
    fn a_missing_qemu_names_its_package() {
        let error = Version::query("qemu-that-is-not-there").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("apt-get install qemu-system-x86"),
            "{error}"
        );
    }
}
