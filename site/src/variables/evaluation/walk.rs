//! A tree of YAML with its templates evaluated, and what is wrong with any of them told.

use hive_templates::Error;

use super::OMIT;
use super::scope::Scope;
use crate::variables::scalar;
use crate::yaml::report::Report;
use crate::yaml::tree::{self, Entry, Node};

/// The tree as a host sees it; `None`: something has no value, which is in the report, or it asks to be left out.
pub(super) fn tree(scope: Scope, node: &Node, report: &mut Report<'_>) -> Option<Node> {
    let mut walk = Walk {
        scope,
        path: Vec::new(),
        failed: false,
    };
    let found = walk.tree(node, report);
    found.filter(|_| !walk.failed)
}

/// A tree on the way to its values.
struct Walk {
    scope: Scope,
    /// The keys that lead to where it is.
    path: Vec<String>,
    /// Whether anything had no value. Counting errors would not do: a report keeps equal ones once.
    failed: bool,
}

impl Walk {
    fn tree(&mut self, node: &Node, report: &mut Report<'_>) -> Option<Node> {
        let value = match &node.value {
            tree::Value::Text(text) => match self.scope.text(node, text) {
                Ok(None) => node.value.clone(),
                Ok(Some(value)) if value.as_str() == Some(OMIT) => return None,
                Ok(Some(value)) => return scalar::node(&value, node.place),
                Err(error) => {
                    self.fail(&error, node, report);
                    return None;
                }
            },
            tree::Value::List(items) => tree::Value::List(
                items
                    .iter()
                    .filter_map(|item| self.tree(item, report))
                    .collect(),
            ),
            tree::Value::Map(entries) => {
                let mut found = Vec::new();
                for entry in entries {
                    self.path.push(entry.key.clone());
                    let evaluated = self.tree(&entry.node, report);
                    self.path.pop();
                    found.extend(evaluated.map(|node| Entry {
                        node,
                        ..entry.clone()
                    }));
                }
                tree::Value::Map(found)
            }
            other => other.clone(),
        };
        Some(Node {
            value,
            place: node.place,
        })
    }

    fn fail(&mut self, error: &Error, node: &Node, report: &mut Report<'_>) {
        self.failed = true;
        let evaluation = &self.scope.evaluation;
        let mut trace = evaluation.trace(error, node.place);
        // What stands at the place itself needs no explanation.
        if !trace.needed_by.is_empty() {
            let owner = evaluation.inner.world.inventory.describe(&self.scope.host);
            let what = match self.path.is_empty() {
                true => owner,
                false => format!("`{}` of {owner}", self.path.join(".")),
            };
            // A variable of a file that is read for its own sake was named just now.
            let line = (node.place.file, node.place.line);
            if let Some((last, place)) = trace.needed_by.last()
                && (place.file, place.line) == line
                && what.starts_with(last)
            {
                trace.needed_by.pop();
            }
            trace.needed_by.push((what, node.place));
        }
        trace.report(report);
    }
}
