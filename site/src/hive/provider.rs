//! Who makes the machines of a stage, and which keys of a stage go with whom.

use std::fmt;

/// The `provider` of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// The embedded default: QEMU on this machine, without root.
    Qemu,
    /// Vagrant, with libvirt or VirtualBox.
    Vagrant,
    /// Amazon EC2.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Compute Engine.
    Gcp,
    /// OpenStack.
    Openstack,
    /// Machines that run an operating system already.
    Prepared,
    /// Bare metal, by an install medium.
    Kickstart,
}

impl Provider {
    /// Every provider, in the order shown to people.
    pub const ALL: [Self; 8] = [
        Self::Qemu,
        Self::Vagrant,
        Self::Aws,
        Self::Azure,
        Self::Gcp,
        Self::Openstack,
        Self::Prepared,
        Self::Kickstart,
    ];

    /// The name as written in a hive definition.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Vagrant => "vagrant",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Openstack => "openstack",
            Self::Prepared => "prepared",
            Self::Kickstart => "kickstart",
        }
    }

    /// The provider with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// The user that operators log in as, unless `hive_admin` says otherwise.
    pub fn admin(self) -> &'static str {
        match self {
            Self::Vagrant => "vagrant",
            Self::Aws => "ec2-user",
            Self::Azure => "hiveadmin",
            _ => "admin",
        }
    }

    /// Whether its machines are rented by type in a region.
    pub fn is_cloud(self) -> bool {
        matches!(self, Self::Aws | Self::Azure | Self::Gcp | Self::Openstack)
    }

    /// Whether its machines are made here, in a size given in megabytes and processors.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Qemu | Self::Vagrant)
    }

    /// Whether its machines may be real ones, which need more drivers than virtual ones.
    pub fn may_be_metal(self) -> bool {
        matches!(self, Self::Prepared | Self::Kickstart)
    }

    /// Whether a key of a stage goes with this provider.
    pub(crate) fn takes(self, key: &str) -> Fit {
        let fits = |fits: bool, otherwise: Fit| if fits { Fit::Takes } else { otherwise };
        match key {
            "memory_size" => fits(
                self.is_local() || self.may_be_metal(),
                Fit::Refuses("its machines take their size from `instance_type`"),
            ),
            "repository_memory_size" => fits(
                self.is_local(),
                Fit::Refuses("it goes with `qemu` and `vagrant` only"),
            ),
            "cpus" | "repository_cpus" => fits(self.is_local(), Fit::Ignores),
            "bridge" | "dev" => fits(
                self == Self::Vagrant,
                Fit::Refuses("it goes with `vagrant` only"),
            ),
            "instance_type" | "region" if self.is_local() => {
                Fit::Refuses("its machines are made here; give `memory_size` and `cpus`")
            }
            "instance_type" | "repository_instance_type" | "region" | "az_suffix_list" => {
                fits(self.is_cloud(), Fit::Ignores)
            }
            "subnets" => fits(
                !self.is_local(),
                Fit::Refuses("its machines share the one network of `cidr`"),
            ),
            "disk_encrypted"
            | "repository_disk_encrypted"
            | "mirrored_disk_encrypted"
            | "kms_key_id" => fits(self == Self::Aws, Fit::Ignores),
            "prepared_resource_group" | "not_support_az" => fits(
                self == Self::Azure,
                Fit::Refuses("it goes with `azure` only"),
            ),
            "filestore_cidr" => fits(self == Self::Gcp, Fit::Ignores),
            "kickstart_config" => fits(
                self == Self::Kickstart,
                Fit::Refuses("it goes with `kickstart` only"),
            ),
            "nameservers" => fits(self == Self::Kickstart, Fit::Ignores),
            _ => Fit::Takes,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a provider deals with a key of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It means something.
    Takes,
    /// It means nothing; the predecessor let it pass, so it is a warning.
    Ignores,
    /// It is an error, for this reason.
    Refuses(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_megabytes_are_for_machines_made_here() {
        assert_eq!(Provider::Qemu.takes("memory_size"), Fit::Takes);
        assert_eq!(Provider::Kickstart.takes("memory_size"), Fit::Takes);
        assert!(matches!(
            Provider::Aws.takes("memory_size"),
            Fit::Refuses(_)
        ));
        assert!(matches!(
            Provider::Prepared.takes("repository_memory_size"),
            Fit::Refuses(_)
        ));
    }

    #[test]
    fn names_read_back() {
        for provider in Provider::ALL {
            assert_eq!(Provider::from_name(provider.name()), Some(provider));
        }
    }
}
