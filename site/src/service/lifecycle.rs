//! The life of a task: health, restarts, updates and rollbacks.

use std::time::Duration;

use super::model::{FailureAction, Healthcheck, Restart, RestartCondition, Rollout, UpdateOrder};
use super::values;
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;
use crate::yaml::tree::Entry;

const HEALTH_KEYS: &[&str] = &["test", "interval", "timeout", "retries", "start_period"];
const RESTART_KEYS: &[&str] = &["condition", "delay", "max_attempts", "window"];
const ROLLOUT_KEYS: &[&str] = &[
    "parallelism",
    "delay",
    "failure_action",
    "monitor",
    "max_failure_ratio",
    "order",
];
/// What a test may begin with.
const TESTS: &[&str] = &["NONE", "CMD", "CMD-SHELL"];
/// Docker refuses shorter ones.
const SHORTEST: Duration = Duration::from_millis(1);

/// Reads `healthcheck`.
pub(crate) fn healthcheck(entry: &Entry, report: &mut Report<'_>) -> Option<Healthcheck> {
    let what = "`healthcheck`";
    let fields = Fields::open(&entry.node, entry.place, what, HEALTH_KEYS, report)?;
    let mut check = Healthcheck {
        test: test(&fields, report),
        retries: fields.whole("retries", 0..=u64::from(u32::MAX), report),
        ..Healthcheck::default()
    };
    for (key, target) in [
        ("interval", &mut check.interval),
        ("timeout", &mut check.timeout),
        ("start_period", &mut check.start_period),
    ] {
        *target = values::duration(&fields, key, report);
        if let Some(entry) = fields.entry(key)
            && target.is_some_and(|given| !given.is_zero() && given < SHORTEST)
        {
            report.error(
                entry.node.place,
                format!("`{key}` is shorter than docker allows, a millisecond"),
                "write it with its unit, such as `10s`",
            );
        }
    }
    Some(check)
}

fn test(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<String> {
    let Some(entry) = fields.entry("test") else {
        return Vec::new();
    };
    if let Some(text) = entry.node.as_text() {
        return match text.trim() {
            "" => Vec::new(),
            "NONE" => vec!["NONE".to_owned()],
            _ => vec!["CMD-SHELL".to_owned(), text.to_owned()],
        };
    }
    let words = values::texts(&entry.node, "test", report);
    let reason = match words.first().map(String::as_str) {
        None => return words,
        Some("NONE") if words.len() > 1 => Some("nothing can follow `NONE`".to_owned()),
        Some("CMD" | "CMD-SHELL") if words.len() < 2 => Some("the command is missing".to_owned()),
        Some(first) if !TESTS.contains(&first) => Some(format!("it begins with `{first}`")),
        Some(_) => None,
    };
    if let Some(reason) = reason {
        report.error(
            entry.node.place,
            format!("`test` is no test: {reason}"),
            "write `[CMD, program, argument]`, `[CMD-SHELL, \"a shell command\"]`, a text for the shell, or `[NONE]`",
        );
    }
    words
}

/// Reads `restart_config`.
pub(crate) fn restart(entry: &Entry, report: &mut Report<'_>) -> Option<Restart> {
    let what = "`restart_config`";
    let conditions = [
        ("none", RestartCondition::None),
        ("on-failure", RestartCondition::OnFailure),
        ("any", RestartCondition::Any),
    ];
    let fields = Fields::open(&entry.node, entry.place, what, RESTART_KEYS, report)?;
    Some(Restart {
        condition: values::choice(&fields, "condition", &conditions, report),
        delay: values::duration(&fields, "delay", report),
        max_attempts: fields.whole("max_attempts", 0..=u64::from(u32::MAX), report),
        window: values::duration(&fields, "window", report),
    })
}

/// Reads `update_config` or `rollback_config`.
pub(crate) fn rollout(entry: &Entry, report: &mut Report<'_>) -> Option<Rollout> {
    let what = format!("`{}`", entry.key);
    let actions = [
        ("pause", FailureAction::Pause),
        ("continue", FailureAction::Continue),
        ("rollback", FailureAction::Rollback),
    ];
    // A rollback that fails has nowhere to go back to.
    let actions = match entry.key.as_str() {
        "rollback_config" => &actions[..2],
        _ => &actions[..],
    };
    let orders = [
        ("stop-first", UpdateOrder::StopFirst),
        ("start-first", UpdateOrder::StartFirst),
    ];
    let fields = Fields::open(&entry.node, entry.place, what, ROLLOUT_KEYS, report)?;
    Some(Rollout {
        parallelism: fields.whole("parallelism", 0..=u64::from(u32::MAX), report),
        delay: values::duration(&fields, "delay", report),
        failure_action: values::choice(&fields, "failure_action", actions, report),
        monitor: values::duration(&fields, "monitor", report),
        max_failure_ratio: ratio(&fields, report),
        order: values::choice(&fields, "order", &orders, report),
    })
}

fn ratio(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<f64> {
    let node = &fields.entry("max_failure_ratio")?.node;
    let number = node.as_text().and_then(|text| text.trim().parse().ok());
    let ratio = number.filter(|ratio| (0.0..=1.0).contains(ratio));
    if ratio.is_none() {
        report.error(
            node.place,
            format!(
                "`max_failure_ratio` must be a number from 0 to 1, found {}",
                node.kind()
            ),
            "write `0.25` for a quarter",
        );
    }
    ratio
}
