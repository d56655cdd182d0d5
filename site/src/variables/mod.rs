//! The variables of a site: who has which, and what their templates evaluate to.
//!
//! | module | what it does |
//! |---|---|
//! | `layers` | the files of `group_vars/` and `host_vars/` |
//! | `groups` | groups, who is in them, which is stronger |
//! | `inventory`, `hosts`, `pseudo_hosts` | all names and the variables that definitions give them |
//! | `numbers` | ports and device ids that the definitions leave open |
//! | `world` | all of these, and their precedence |
//! | `evaluation` | values on demand; `facts`, `injected`, `trace`, `scalar`, `time` serve it |
//! | `host_settings` | the variables that travel in the site layer |

pub mod evaluation;
mod facts;
pub mod for_services;
pub mod groups;
pub mod host_settings;
pub mod hosts;
pub mod injected;
pub mod inventory;
pub mod layers;
mod numbers;
pub mod pseudo_hosts;
pub mod scalar;
mod time;
mod trace;
pub mod world;
