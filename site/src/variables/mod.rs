//! The variables of `group_vars/` and `host_vars/`.

pub mod host_settings;
pub mod layers;
