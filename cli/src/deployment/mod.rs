//! From a plan to a swarm that has it: what the commands that change networks, volumes and services
//! have in common.
//!
//! | file | what it holds |
//! |---|---|
//! | `connected.rs` | the swarm and all hosts |
//! | `pulls.rs` | images on the hosts before an update |
//! | `missing.rs` | networks and volumes that services need and nobody made yet |
//! | `plan_text.rs` | a plan as people read it |
//! | `carrying_out.rs` | carries a plan out, and says how far it came |
//! | `waiting.rs` | waits until services run |
//! | `account.rs` | what state things are in when Ctrl-C ends it |

pub mod account;
pub mod carrying_out;
pub mod connected;
pub mod missing;
pub mod plan_text;
pub mod pulls;
pub mod waiting;
