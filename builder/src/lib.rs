//! Bakes a stage's golden image.

pub mod format;
