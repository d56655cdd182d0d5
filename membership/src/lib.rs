//! Who is in the site's one swarm, and who founds it: one swarm or none.
//!
//! A hive here is a state machine without I/O, clock or randomness. Whoever drives it
//! hands in [`Event`]s with the time, and carries out the [`Effect`]s that come back, in order:
//! hived with a disk, a network and Docker, the simulation and the model checker with their own.

pub mod config;
pub mod effect;
pub mod event;
pub mod member;
pub mod message;
pub mod record;
pub mod status;
pub mod swarm;

pub use config::{Config, HiveEntry};
pub use effect::{Action, Effect};
pub use event::{Event, Order, OrderError};
pub use member::Member;
pub use message::{Hello, MESSAGE_AGE, Message, Refusal};
pub use record::{Decision, RECORD_VERSION, Record};
pub use status::{PeerView, Status};
pub use swarm::{Local, Node, Quorum};
