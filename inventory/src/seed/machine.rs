//! Which machine a seed is for.

use serde::{Deserialize, Serialize};

/// What a machine must have to be a host: everything that is said here has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineMatch {
    /// Hardware address of one of its network interfaces, `52:54:00:12:34:56`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Serial number of the machine (SMBIOS type 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// UUID of the machine (SMBIOS type 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
}

/// What a machine is, as its firmware and interfaces tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Hardware addresses of its network interfaces.
    pub macs: Vec<String>,
    /// `/sys/class/dmi/id/product_serial`.
    pub serial: Option<String>,
    /// `/sys/class/dmi/id/product_uuid`.
    pub uuid: Option<String>,
}

impl MachineMatch {
    /// Whether nothing is said: any machine will do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What of it the machine does not have, in words; `None` when everything holds.
    pub fn mismatch(&self, machine: &Machine) -> Option<String> {
        let same = |a: &str, b: &str| a.trim().eq_ignore_ascii_case(b.trim());
        if let Some(mac) = &self.mac
            && !machine.macs.iter().any(|have| same(have, mac))
        {
            let have = match machine.macs.as_slice() {
                [] => "no network interface was found".to_owned(),
                macs => format!("this machine has {}", macs.join(", ")),
            };
            return Some(format!("it wants the hardware address {mac}, {have}"));
        }
        for (what, wanted, have) in [
            ("serial number", &self.serial, &machine.serial),
            ("UUID", &self.uuid, &machine.uuid),
        ] {
            let Some(wanted) = wanted else { continue };
            if !have.as_deref().is_some_and(|have| same(have, wanted)) {
                let have = have.as_deref().unwrap_or("none that is readable");
                return Some(format!(
                    "it wants the {what} {wanted}, this machine has {have}"
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_said_has_to_hold() {
        let machine = Machine {
            macs: vec!["52:54:00:00:00:01".into(), "52:54:00:00:00:0a".into()],
            serial: Some("S1 ".into()),
            uuid: None,
        };
        let wants = |mac: Option<&str>, serial: Option<&str>, uuid: Option<&str>| MachineMatch {
            mac: mac.map(Into::into),
            serial: serial.map(Into::into),
            uuid: uuid.map(Into::into),
        };
        assert_eq!(wants(None, None, None).mismatch(&machine), None);
        let both = wants(Some("52:54:00:00:00:0A"), Some("s1"), None);
        assert_eq!(both.mismatch(&machine), None);
        let told = |wants: MachineMatch| wants.mismatch(&machine).unwrap();
        let other = told(wants(Some("52:54:00:00:00:02"), Some("S1"), None));
        assert!(other.contains("52:54:00:00:00:0a"), "{other}");
        assert!(told(wants(None, Some("S2"), None)).contains("serial number S2"));
        assert!(told(wants(None, None, Some("u"))).contains("none that is readable"));
    }
}
