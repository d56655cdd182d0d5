//! A plan as people read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hive_deploy::plan::{Action, Change, Kind, Plan, Step};

/// Longer values are cut when shown.
const LONGEST: usize = 300;

/// The plan; what stays as it is in one line of each kind.
pub fn text(plan: &Plan) -> String {
    let mut text = String::new();
    let mut unchanged: BTreeMap<Kind, Vec<&Step>> = BTreeMap::new();
    let mut elsewhere = Vec::new();
    for step in &plan.steps {
        match &step.action {
            Action::Unchanged => unchanged.entry(step.kind).or_default().push(step),
            Action::Elsewhere => elsewhere.push(step),
            action => write_step(&mut text, step, action),
        }
    }
    let quiet = text.is_empty();
    for (kind, steps) in unchanged {
        let mut names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        names.dedup();
        // Grants come and go with services; alone they are no news.
        if quiet && matches!(kind, Kind::Secret | Kind::Config) {
            continue;
        }
        let count = names.len();
        let plural = if count == 1 { "" } else { "s" };
        let _ = match quiet {
            true => writeln!(text, "{count} {kind}{plural} unchanged"),
            false => writeln!(
                text,
                "= {count} {kind}{plural} unchanged: {}",
                names.join(", ")
            ),
        };
    }
    for step in elsewhere {
        let _ = writeln!(
            text,
            "  {} {} is not made by this command",
            step.kind, step.name
        );
    }
    for left in &plan.leftovers {
        let _ = writeln!(
            text,
            "  {} {} is not in the inventory any more, and stays",
            left.kind, left.name
        );
    }
    text
}

fn write_step(text: &mut String, step: &Step, action: &Action) {
    let place = match &step.host {
        Some(host) => format!(" on {host}"),
        None => String::new(),
    };
    let (sign, changes, remark) = match action {
        Action::Create { changes } => ("+", changes.as_slice(), String::new()),
        Action::Update { changes, force } => {
            let anew = |why| format!(": tasks start anew, {why}");
            (
                "~",
                changes.as_slice(),
                force.as_ref().map(anew).unwrap_or_default(),
            )
        }
        Action::Recreate { changes } => ("±", changes.as_slice(), ": removed and made anew".into()),
        Action::Remove { why } => ("-", &[][..], format!(": {why}")),
        Action::Blocked {
            changes,
            why,
            way_out,
        } => (
            "!",
            changes.as_slice(),
            format!(": {why}\n    way out: {way_out}"),
        ),
        Action::Unchanged | Action::Elsewhere => return,
    };
    let _ = writeln!(
        text,
        "{sign} {} {} {}{place}{remark}",
        action.word(),
        step.kind,
        step.name
    );
    for change in changes {
        let _ = writeln!(text, "    {}", change_text(change));
    }
}

fn change_text(change: &Change) -> String {
    let path = &change.path;
    match (&change.old, &change.new) {
        (None, Some(new)) => format!("{path}: {}", shown(new)),
        (Some(old), Some(new)) => format!("{path}: {} → {}", shown(old), shown(new)),
        (Some(old), None) => format!("{path}: {} → (nothing)", shown(old)),
        (None, None) => path.clone(),
    }
}

fn shown(value: &str) -> String {
    let line = value.replace('\n', "\\n");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "\"\"".into(),
        None => line,
    }
}

/// A step in a few words, for the lines that tell of it.
pub fn step_words(step: &Step) -> String {
    let place = match &step.host {
        Some(host) => format!(" on {host}"),
        None => String::new(),
    };
    format!("{} {} {}{place}", step.action.word(), step.kind, step.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(steps: serde_json::Value) -> Plan {
        serde_json::from_value(json!({"version": 1, "steps": steps, "leftovers": []})).unwrap()
    }

    #[test]
    fn changes_read_field_by_field() {
        let plan = plan(json!([
            {"kind": "network", "name": "back", "action": "create", "changes": [{"path": "driver", "old": null, "new": "overlay"}]},
            {"kind": "service", "name": "api", "action": "update", "changes": [
                {"path": "environment.MODE", "old": "a", "new": "b"}, {"path": "labels.x", "old": "1", "new": null}]},
            {"kind": "service", "name": "db", "action": "unchanged"},
            {"kind": "service", "name": "web", "action": "unchanged"},
        ]));
        assert_eq!(
            text(&plan),
            "+ create network back\n    driver: overlay\n~ update service api\n    environment.MODE: a → b\n    \
             labels.x: 1 → (nothing)\n= 2 services unchanged: db, web\n"
        );
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        let steps: Vec<_> = (0..50)
            .map(|n| json!({"kind": "service", "name": format!("s{n}"), "action": "unchanged"}))
            .chain([json!({"kind": "secret", "name": "p-1", "action": "unchanged"})])
            .collect();
        assert_eq!(text(&plan(json!(steps))), "50 services unchanged\n");
    }
}
