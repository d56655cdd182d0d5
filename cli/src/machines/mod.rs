//! The hosts of a stage as virtual machines on this computer: [`machine`] starts and stops one,
//! [`disk`] makes its disk of the baked image, [`identity`] is what its seed says, [`wiring`] its
//! network, and [`readiness`] waits until it does its work.

pub mod disk;
pub mod identity;
pub mod machine;
pub mod readiness;
pub mod wiring;
