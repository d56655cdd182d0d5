//! How templates in service definitions get their values: somebody else knows; here is what is asked.

use crate::yaml::report::Report;
use crate::yaml::tree::{Entry, Node};

/// Gives values to the templates of a definition.
pub(crate) trait Evaluate {
    /// The tree with all its templates evaluated, as `host` sees them; `host` is a service, an image
    /// (`image_NAME`), a volume (`volume_NAME`), a network or a real host. `None`: the report says why,
    /// or the value asks to be left out.
    fn node(&self, node: &Node, host: &str, report: &mut Report<'_>) -> Option<Node>;

    /// What the service's own file in `host_vars/` says of a variable; it wins over the definition.
    fn overriding(&self, _host: &str, _variable: &str) -> Option<Entry> {
        None
    }

    /// What the service's groups say of a variable; the definition wins over it.
    fn fallback(&self, _host: &str, _variable: &str) -> Option<Entry> {
        None
    }
}

/// As [`Evaluate::node`], but `None` when anything in the tree has no value: what is missing then is not
/// the definition's fault, and must not be told as another mistake.
pub(crate) fn whole(
    evaluate: &dyn Evaluate,
    node: &Node,
    host: &str,
    report: &mut Report<'_>,
) -> Option<Node> {
    let before = report.errors();
    let node = evaluate.node(node, host, report)?;
    (report.errors() == before).then_some(node)
}

/// Takes every value as it is written.
pub(crate) struct AsWritten;

impl Evaluate for AsWritten {
    fn node(&self, node: &Node, _host: &str, _report: &mut Report<'_>) -> Option<Node> {
        Some(node.clone())
    }
}
