//! A hive definition: stages, hosts, networks, image settings.
//!
//! | module | what it decides |
//! |---|---|
//! | `definition`, `stage_section`, `attributes` | the keys of a definition |
//! | `provider`, `rules`, `stage_keys` | which key goes with which provider |
//! | `layout`, `machine`, [`addresses`] | how many hosts, their roles, sizes, addresses, zones |
//! | `hardware` | which machine is which host |
//! | [`internal`] | how `internal_cidr` is shared out |
//! | `stage_settings`, `templated` | what of a stage depends on variables, and is a template itself |
//! | `sealed`, `package_sources` | `mirror`, `image` and `drbd` |

pub mod addresses;
mod attributes;
pub mod definition;
pub mod hardware;
pub mod host;
pub mod internal;
pub mod kickstart;
mod layout;
mod machine;
mod network;
mod package_sources;
pub mod provider;
mod rules;
pub mod sealed;
pub mod shared_repository;
pub mod stage;
mod stage_keys;
mod stage_section;
pub mod stage_settings;
pub mod templated;
