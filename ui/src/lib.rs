//! `hive ui`: a page, served to this machine only, that shows a swarm as it is now.
//!
//! The way of the data: [`watch`] asks the engine of a manager for its lists, [`snapshot`] makes of them what a
//! person wants to know (pure), [`server`] hands it to the page in `assets/`. Nothing here changes anything on
//! the swarm.

pub mod server;
pub mod snapshot;
pub mod watch;

pub use server::{Server, ServerError};
pub use watch::{Connector, watch};
