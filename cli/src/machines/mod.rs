//! The hosts of a stage as virtual machines on this computer: [`machine`] starts and stops one,
//! [`disk`] makes its disk of the baked image, [`wiring`] is its network, and [`readiness`] waits until
//! it does its work.

pub mod disk;
pub mod machine;
pub mod readiness;
pub mod wiring;
