//! A plan of mirrored volumes as people and programs read it.

use std::fmt::Write as _;

use hive_volumes::PartKind;
use hive_volumes::plan::{Action, Line, Plan};
use serde_json::{Value, json};

/// The plan, with what stays as it is in one line. `quiet`: nothing else is shown beside it.
pub fn text(plan: &Plan, quiet: bool) -> String {
    let mut text = plan.to_string();
    let unchanged = plan.lines.iter();
    let unchanged = unchanged.filter(|line| line.action == Action::Unchanged);
    let names: Vec<&str> = unchanged.map(|line| line.name.as_str()).collect();
    let count = names.len();
    let plural = if count == 1 { "" } else { "s" };
    let _ = match (count, quiet && text.is_empty()) {
        (0, _) => Ok(()),
        (_, true) => writeln!(text, "{count} mirrored volume{plural} unchanged"),
        (_, false) => writeln!(
            text,
            "= {count} mirrored volume{plural} unchanged: {}",
            names.join(", ")
        ),
    };
    text
}

/// Records that no definition stands for any more.
pub fn leftovers_text(names: &[String]) -> String {
    let mut text = String::new();
    for name in names {
        let _ = writeln!(
            text,
            "  volume {name} is not in the inventory any more, and stays; `hive build-volumes -D -l {name}` removes it"
        );
    }
    text
}

/// The same for programs.
pub fn value(plan: &Plan) -> Value {
    plan.lines.iter().map(line).collect()
}

fn line(Line { name, action }: &Line) -> Value {
    match action {
        Action::Create(new) => {
            let (identity, state) = &**new;
            let copies: Vec<&str> = state.copies().collect();
            let diskless = state.present();
            let diskless = diskless.filter(|(_, part)| part.kind == PartKind::Diskless);
            let diskless: Vec<&str> = diskless.map(|(host, _)| host).collect();
            json!({
                "name": name, "action": "create", "size": state.size,
                "file_system": identity.file_system.name(), "device": identity.device(),
                "copies": copies, "diskless": diskless,
            })
        }
        Action::Change { state, changes, .. } => {
            let action = match state.removal {
                Some(_) => "remove",
                None => "update",
            };
            json!({"name": name, "action": action, "size": state.size, "changes": changes})
        }
        Action::Unchanged => json!({"name": name, "action": "unchanged"}),
        Action::BeingRemoved => json!({"name": name, "action": "being_removed"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_volumes::VolumeName;

    #[test]
    fn what_stays_is_one_line() {
        let unchanged = |name: &str| Line {
            name: VolumeName::new(name).unwrap(),
            action: Action::Unchanged,
        };
        let mut plan = Plan {
            lines: vec![unchanged("db"), unchanged("web")],
        };
        assert_eq!(text(&plan, true), "2 mirrored volumes unchanged\n");
        let beside = "= 2 mirrored volumes unchanged: db, web\n";
        assert_eq!(text(&plan, false), beside);
        plan.lines[1].action = Action::BeingRemoved;
        assert_eq!(
            text(&plan, true),
            "- volume web: is being removed\n= 1 mirrored volume unchanged: db\n"
        );
        assert_eq!(
            value(&plan),
            json!([{"name": "db", "action": "unchanged"}, {"name": "web", "action": "being_removed"}])
        );
    }
}
