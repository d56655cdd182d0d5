//! Options that several phases share.

use crate::names;

/// `-l` with hosts.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct HostLimit {
    /// Only these hosts, separated by commas
    #[arg(short = 'l', long = "limit-target", alias = "limit_target", value_name = "HOSTS", value_delimiter = ',', add = names::hosts())]
    pub names: Vec<String>,
}

/// `-l` with services.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServiceLimit {
    /// Only these services, separated by commas
    #[arg(short = 'l', long = "limit-target", alias = "limit_target", value_name = "SERVICES", value_delimiter = ',', add = names::services())]
    pub names: Vec<String>,
}

/// `-C`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Check {
    /// Only tell what would be done
    #[arg(short = 'C', long = "check-mode", alias = "check_mode")]
    pub check: bool,
}

/// `-l` with networks.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct NetworkLimit {
    /// Only these networks, separated by commas
    #[arg(
        short = 'l',
        long = "limit-target",
        alias = "limit_target",
        value_name = "NETWORKS",
        value_delimiter = ','
    )]
    pub names: Vec<String>,
}

/// `-l` with volumes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct VolumeLimit {
    /// Only these volumes, separated by commas
    #[arg(
        short = 'l',
        long = "limit-target",
        alias = "limit_target",
        value_name = "VOLUMES",
        value_delimiter = ','
    )]
    pub names: Vec<String>,
}
