//! Services: what a service definition says.

pub mod model;
