//! Lives on the node: `hived` brings the host into the site's swarm, sees how the machine is, says
//! so, and calls a good boot good.
//!
//! Level-triggered: every few seconds [`observe`] looks at everything anew, [`assess`] makes a
//! status of it, and [`daemon`] writes that down and acts on it. Nothing depends on an event not
//! being missed. The judgement in [`assess`], [`boot_entry`] and [`mount_table`] opens no file.
//!
//! Beside it [`member`] drives the protocol of `hive_membership`: [`peers`] carries its messages,
//! [`swarm`] asks and changes Docker, [`decisions`] takes what a person decides.
//!
//! [`volumes`] sees to the host's part of mirrored volumes.
//!
//! [`follow`] is a program of its own, `follow-swarm-service`; [`follow_status`] is `hived status --follow`.

pub mod assess;
pub mod boot_entry;
pub mod calendar;
pub mod console;
pub mod daemon;
pub mod decisions;
pub mod docker;
pub mod durable;
pub mod esp;
pub mod follow;
pub mod follow_status;
pub mod member;
pub mod mirrored_disk;
pub mod mount_table;
pub mod notify;
pub mod observe;
pub mod paths;
pub mod peers;
pub mod swarm;
pub mod unix_socket;
pub mod volumes;
