//! This host in the site's swarm: drives the protocol of `hive_membership` with a disk, a network and Docker.
pub mod record;
