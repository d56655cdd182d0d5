//! Which crate may use which: the arrows of docs/architecture.md, checked against cargo's own view.

use serde_json::Value;

use crate::step::{Result, cargo, read};

/// What is not written here is not used.
const ARROWS: [(&str, &[&str]); 20] = [
    ("hive-inventory", &[]),
    ("hive-templates", &[]),
    (
        "hive-site",
        &["hive-inventory", "hive-templates", "hive-volumes"],
    ),
    ("hive-deploy", &["hive-site"]),
    ("hive-compose", &["hive-deploy", "hive-site"]),
    ("hive-ui", &[]),
    ("hive-membership", &["hive-inventory"]),
    ("hive-disks", &["hive-inventory", "hive-system"]),
    ("hive-links", &["hive-system"]),
    // Its tests let DRBD's own programs read what it renders.
    ("hive-volumes", &["hive-system"]),
    ("hive-records", &["hive-volumes"]),
    ("hive-system", &[]),
    ("hive-fat", &[]),
    ("hive-qemu", &["hive-system"]),
    (
        "hive-firstboot",
        &["hive-inventory", "hive-system", "hive-fat"],
    ),
    (
        "hive-appliance",
        &[
            "hive-inventory",
            "hive-membership",
            "hive-disks",
            "hive-links",
            "hive-records",
            "hive-volumes",
            "hive-system",
            "hive-fat",
        ],
    ),
    (
        "hive-builder",
        &["hive-inventory", "hive-system", "hive-fat"],
    ),
    (
        "hive",
        &[
            "hive-inventory",
            "hive-templates",
            "hive-site",
            "hive-compose",
            "hive-deploy",
            "hive-ui",
            "hive-records",
            "hive-volumes",
            "hive-system",
            "hive-builder",
            "hive-qemu",
        ],
    ),
    // They use the command as a person would; the FAT reader looks at what it wrote.
    (
        "hive-tests",
        &["hive-inventory", "hive-system", "hive-qemu", "hive-fat"],
    ),
    ("xtask", &[]),
];

/// Checks them all.
pub fn check() -> Result {
    let text = read(&mut cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|e| format!("reading cargo's metadata: {e}"))?;
    let wrong = violations(&metadata);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\nthe arrows are in docs/architecture.md and xtask/src/arrows.rs",
        wrong.join("\n")
    ))
}

fn violations(metadata: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let packages = list(&metadata["packages"]);
    let ours: Vec<String> = packages.iter().map(name).collect();
    let mut wrong = Vec::new();
    for package in &packages {
        let from = name(package);
        let Some((_, allowed)) = ARROWS.iter().find(|(crate_, _)| *crate_ == from) else {
            wrong.push(format!("{from} is in no arrow"));
            continue;
        };
        for to in list(&package["dependencies"]).iter().map(name) {
            if ours.contains(&to) && !allowed.contains(&to.as_str()) {
                wrong.push(format!("{from} may not use {to}"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_allowed_is_named() {
        let metadata = json!({"packages": [
            {"name": "hive-qemu", "dependencies": [{"name": "hive-system"}, {"name": "serde"}]},
            {"name": "hive-system", "dependencies": [{"name": "hive-qemu"}]},
            {"name": "stranger", "dependencies": []},
        ]});
        assert_eq!(
            violations(&metadata),
            [
                "hive-system may not use hive-qemu",
                "stranger is in no arrow"
            ]
        );
    }
}
