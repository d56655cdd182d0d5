//! Expressions with what ansible-core 2.16 makes of them, a file for each family.
//!
//! In `tests/expected/*.txt`, a line is a template (⏎ is a newline) and the indented one below it the
//! value, as JSON. The variables are those of `variables.json`; those that are templates themselves
//! are evaluated when they are used, as an inventory does it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hive_templates::{Error, InMemory, Templates, Value, Variables};

/// Variables that may be templates.
struct Inventory {
    values: BTreeMap<String, Value>,
    templates: Templates,
}

impl Inventory {
    fn read() -> Arc<Inventory> {
        Arc::new(Inventory {
            values: serde_json::from_str(include_str!("expected/variables.json"))
                .expect("variables"),
            templates: Templates::new(Arc::new(InMemory::new().with_env("HOME", "/root"))),
        })
    }
}

struct Scope(Arc<Inventory>);

impl Variables for Scope {
    fn value(&self, name: &str) -> Option<Result<Value, Error>> {
        let value = self.0.values.get(name)?;
        Some(match value.as_str() {
            Some(text) => self
                .0
                .templates
                .render(text, Arc::new(Scope(self.0.clone()))),
            None => Ok(value.clone()),
        })
    }

    fn is_written_as_template(&self, name: &str) -> bool {
        let value = self.0.values.get(name);
        value.is_some_and(|value| value.as_str().is_some())
    }

    fn names(&self) -> Vec<String> {
        self.0.values.keys().cloned().collect()
    }
}

fn check(family: &str, rows: &str) {
    let inventory = Inventory::read();
    let mut lines = rows.lines();
    let mut wrong = Vec::new();
    let mut count = 0;
    while let Some(template) = lines.next() {
        let expected = lines.next().expect("a value below each template").trim();
        let expected: serde_json::Value = serde_json::from_str(expected).expect(expected);
        let text = template.replace('⏎', "\n");
        let scope = Arc::new(Scope(inventory.clone()));
        let found = match inventory.templates.render(&text, scope) {
            Ok(found) => serde_json::to_value(&found).expect("a value as JSON"),
            Err(error) => format!("{error:?}").into(),
        };
        count += 1;
        if found != expected {
            wrong.push(format!(
                "{template}\n  expected {expected}\n  found    {found}"
            ));
        }
    }
    println!("{family}: {count} expressions");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

macro_rules! families {
    ($($name:ident: $family:literal,)*) => {
        $(#[test]
        fn $name() {
            check($family, include_str!(concat!("expected/", $family, ".txt")));
        })*
    };
}

families! {
    expressions_are_as_in_ansible: "expressions",
    statements_are_as_in_ansible: "statements",
    methods_are_as_in_ansible: "methods",
    filters_are_as_in_ansible: "filters",
    patterns_are_as_in_ansible: "patterns",
    json_is_as_in_ansible: "json",
    yaml_is_as_in_ansible: "yaml",
    predicates_are_as_in_ansible: "predicates",
    lookups_are_as_in_ansible: "lookups",
    addresses_are_as_in_ansible: "addresses",
}
