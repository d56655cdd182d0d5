//! Values as Python has them: what the language underneath Ansible's templates does.

pub(crate) mod comparison;
pub(crate) mod literal;
pub(crate) mod methods;
pub(crate) mod number;
pub(crate) mod operators;
pub(crate) mod printing;
pub(crate) mod random;
pub(crate) mod undefined;
pub(crate) mod value;
