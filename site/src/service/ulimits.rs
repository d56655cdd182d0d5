//! `ulimits`: limits of the kernel for a container's processes.

use std::collections::BTreeMap;

use super::values;
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;
use crate::yaml::spelling;
use crate::yaml::tree::{Entry, Node, Value};

/// The limits that Linux knows.
const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Reads `ulimits`: a number for both, or soft and hard.
pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> BTreeMap<String, (i64, i64)> {
    let mut limits = BTreeMap::new();
    let Some(fields) = Fields::open_any(&entry.node, entry.place, "`ulimits`", report) else {
        return limits;
    };
    for limit in fields.entries() {
        if !ULIMITS.contains(&limit.key.as_str()) {
            report.error(
                limit.place,
                format!("there is no limit `{}`", limit.key),
                spelling::advice(&limit.key, ULIMITS),
            );
        }
        let mut bound = |node: &Node| {
            let number = values::integer(node).filter(|number| *number >= -1);
            if number.is_none() {
                report.error(
                    node.place,
                    format!(
                        "`{}` must be a whole number, found {}",
                        limit.key,
                        node.kind()
                    ),
                    "write a number, or -1 for no limit",
                );
            }
            number
        };
        let (soft, hard) = match &limit.node.value {
            Value::Map(_) => {
                let (soft, hard) = (limit.node.get("soft"), limit.node.get("hard"));
                let soft = soft.and_then(|entry| bound(&entry.node));
                let hard = hard.and_then(|entry| bound(&entry.node));
                let what = format!("limit `{}`", limit.key);
                let inner = Fields::open(&limit.node, limit.place, what, &["soft", "hard"], report);
                if let Some(inner) = inner {
                    inner.required("soft", "1024", report);
                    inner.required("hard", "2048", report);
                }
                (soft, hard)
            }
            _ => {
                let both = bound(&limit.node);
                (both, both)
            }
        };
        let (Some(soft), Some(hard)) = (soft, hard) else {
            continue;
        };
        if hard != -1 && (soft > hard || soft == -1) {
            report.error(
                limit.place,
                format!(
                    "the soft limit of `{}`, {soft}, is beyond the hard one, {hard}",
                    limit.key
                ),
                "raise `hard`, or lower `soft`",
            );
        }
        limits.insert(limit.key.clone(), (soft, hard));
    }
    limits
}
