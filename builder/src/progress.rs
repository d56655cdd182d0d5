//! How long work reports itself. The command decides whether that becomes bars or plain lines.

/// Where progress goes.
pub trait Progress: Sync {
    /// A step begins; `detail` says why it is not taken from the cache.
    fn begin(&self, step: &str, detail: &str);
    /// A step was found in the cache.
    fn cached(&self, step: &str);
    /// So much of so much is done, in the unit of the step (bytes, packages).
    fn advance(&self, step: &str, done: u64, total: u64);
    /// A step has ended.
    fn end(&self, step: &str);
    /// Something that a person should know and that stops nothing.
    fn warn(&self, text: &str);
}

/// Reports to nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: &str) {}
    fn cached(&self, _: &str) {}
    fn advance(&self, _: &str, _: u64, _: u64) {}
    fn end(&self, _: &str) {}
    fn warn(&self, _: &str) {}
}
