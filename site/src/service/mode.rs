//! How many tasks a service has.

use super::model::Mode;
use super::values;
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;

/// Reads `mode` and `replicas`.
pub(crate) fn read(fields: &Fields<'_>, report: &mut Report<'_>) -> Mode {
    let modes = [("replicated", false), ("global", true)];
    let global = values::choice(fields, "mode", &modes, report).unwrap_or(false);
    let Some(entry) = fields.entry("replicas") else {
        return if global {
            Mode::Global
        } else {
            Mode::Replicated(None)
        };
    };
    let number = values::integer(&entry.node).filter(|number| *number >= -1);
    if number.is_none() {
        report.error(
            entry.node.place,
            format!(
                "`replicas` must be a whole number, found {}",
                entry.node.kind()
            ),
            "write how many tasks shall run, or -1 to leave what is there",
        );
    }
    if global {
        if number.is_some_and(|number| number >= 0) {
            report.warn(
                entry.place,
                "`replicas` has no effect on a global service: it has one task on every host",
                "remove it, or write `mode: replicated`",
            );
        }
        return Mode::Global;
    }
    Mode::Replicated(number.and_then(|number| u64::try_from(number).ok()))
}
