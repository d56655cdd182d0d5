//! Processor and memory: what a task may take, and what is set aside for it.

use super::model::Resources;
use super::values;
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;

/// The swarm refuses less.
const LEAST_NANO_CPUS: i64 = 1_000_000;
/// The swarm refuses less.
const LEAST_MEMORY: u64 = 4 << 20;

/// Reads `cpu_limit` and `mem_limit`, and `reservations`, of a service.
pub(crate) fn read(fields: &Fields<'_>, report: &mut Report<'_>) -> (Resources, Resources) {
    let limits = pair(fields, "cpu_limit", "mem_limit", report);
    let mut reservations = Resources::default();
    if let Some(entry) = fields.entry("reservations")
        && let Some(inner) = Fields::open(
            &entry.node,
            entry.place,
            "`reservations`",
            &["cpus", "memory"],
            report,
        )
    {
        reservations = pair(&inner, "cpus", "memory", report);
        for (key, reserved, limit, limit_key) in [
            (
                "cpus",
                reservations.nano_cpus,
                limits.nano_cpus,
                "cpu_limit",
            ),
            ("memory", reservations.memory, limits.memory, "mem_limit"),
        ] {
            if let (Some(reserved), Some(limit), Some(entry)) = (reserved, limit, inner.entry(key))
                && reserved > limit
            {
                report.error(
                    entry.node.place,
                    format!("more is reserved with `{key}` than `{limit_key}` allows to take"),
                    format!("raise `{limit_key}`, or reserve less"),
                );
            }
        }
    }
    (limits, reservations)
}

fn pair(fields: &Fields<'_>, cpus: &str, memory: &str, report: &mut Report<'_>) -> Resources {
    let nano_cpus = values::nano_cpus(fields, cpus, report);
    let bytes = values::bytes(fields, memory, report);
    // Zero is docker's word for no limit.
    let nano_cpus = nano_cpus.filter(|nano| *nano != 0);
    let bytes = bytes.filter(|bytes| *bytes != 0);
    for (key, little, least) in [
        (
            cpus,
            nano_cpus.is_some_and(|nano| nano < LEAST_NANO_CPUS),
            "0.001",
        ),
        (memory, bytes.is_some_and(|b| b < LEAST_MEMORY), "4M"),
    ] {
        if let Some(entry) = fields.entry(key).filter(|_| little) {
            report.error(
                entry.node.place,
                format!("`{key}` is less than the swarm takes"),
                format!("write `{least}` at least"),
            );
        }
    }
    Resources {
        nano_cpus,
        memory: bytes.and_then(|bytes| i64::try_from(bytes).ok()),
        pids: None,
    }
}
