//! placeholder
pub fn run() -> crate::step::Result {
    Ok(())
}
