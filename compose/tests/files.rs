//! Compose files in `valid/` against what they are mapped to, those in `invalid/` against what a
//! person reads. `HIVE_BLESS=1` writes the expectations anew.

// As in every test; clippy sees helpers of integration tests as ordinary code.
#![allow(clippy::unwrap_used)]

mod surroundings;

use std::fs;
use std::path::{Path, PathBuf};

use hive_compose::{SourceFile, map};
use hive_deploy::desired::{Content, Desired, DesiredMaterial};
use proptest::prelude::*;
use serde_json::{Value, json};
use surroundings::Folder;

const KEY: &[u8] = b"key";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// The cases of a folder: the files of each, the second over the first.
fn cases(name: &str) -> Vec<(String, Vec<SourceFile>)> {
    let folder = folder(name);
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".yml")?.to_owned()))
        .filter(|name| !name.ends_with(".2"))
        .collect();
    names.sort();
    let cases = names.into_iter().map(|name| {
        let paths = [format!("{name}.yml"), format!("{name}.2.yml")].into_iter();
        let files = paths.filter_map(|path| {
            let text = fs::read_to_string(folder.join(&path)).ok()?;
            Some(SourceFile { path, text })
        });
        let files = files.collect();
        (name, files)
    });
    cases.collect()
}

fn expect(path: &Path, found: &str) {
    if std::env::var_os("HIVE_BLESS").is_some() {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

/// Sorted, whatever serde_json was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        value => value,
    }
}

fn material(material: &DesiredMaterial) -> Value {
    let content = match &material.content {
        Content::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
        Content::External => Value::Null,
    };
    json!({"name": material.name, "content": content, "labels": material.labels})
}

fn shown(desired: &Desired) -> Value {
    let services = desired.services.iter().map(|service| &service.spec);
    let networks = desired.networks.iter().map(|network| &network.request);
    sorted(json!({
        "services": services.collect::<Vec<_>>(),
        "networks": networks.collect::<Vec<_>>(),
        "secrets": desired.secrets.iter().map(material).collect::<Vec<_>>(),
        "configs": desired.configs.iter().map(material).collect::<Vec<_>>(),
    }))
}

#[test]
fn valid_files_are_what_they_mean() {
    let folder = folder("valid");
    for (name, files) in cases("valid") {
        let stack = map("shop", &files, &Folder::new(&folder), KEY);
        let stack = stack.unwrap_or_else(|problems| panic!("{name}:\n{problems}"));
        let text = serde_json::to_string_pretty(&shown(&stack.desired)).unwrap();
        expect(&folder.join(format!("{name}.json")), &format!("{text}\n"));
        let warnings: Vec<String> = stack.warnings.iter().map(ToString::to_string).collect();
        expect(
            &folder.join(format!("{name}.warnings")),
            &warnings.join("\n"),
        );
    }
}

#[test]
fn invalid_files_are_told_with_their_places() {
    let folder = folder("invalid");
    for (name, files) in cases("invalid") {
        let problems = map("shop", &files, &Folder::new(&folder), KEY);
        let problems = problems.expect_err(&name);
        expect(&folder.join(format!("{name}.txt")), &problems.to_string());
    }
}

#[test]
fn a_name_that_docker_would_not_take_is_told() {
    let files = [SourceFile {
        path: "compose.yml".into(),
        text: "services: {web: {image: x}}".into(),
    }];
    for name in ["", "a b", "-a", "ä"] {
        let problems = map(name, &files, &Folder::new(Path::new("/")), KEY).unwrap_err();
        assert!(
            problems
                .to_string()
                .contains("can't be the name of a stack")
        );
    }
}

#[test]
fn the_same_file_is_the_same_twice() {
    for (_, files) in cases("valid") {
        let read = || {
            let stack = map("shop", &files, &Folder::new(&folder("valid")), KEY);
            shown(&stack.unwrap().desired)
        };
        assert_eq!(read(), read());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_truncated_file_makes_it_panic(case in 0_usize..100, at in 0_usize..3000) {
        let valid = cases("valid");
        let (_, files) = &valid[case % valid.len()];
        let mut files = files.clone();
        let text: String = files[0].text.chars().take(at).collect();
        files[0].text = text;
        let _ = map("shop", &files, &Folder::new(&folder("valid")), KEY);
    }

    #[test]
    fn no_changed_letter_makes_it_panic(case in 0_usize..100, at in 0_usize..1500, letter in any::<char>()) {
        let valid = cases("valid");
        let (_, files) = &valid[case % valid.len()];
        let mut files = files.clone();
        let text = files[0].text.chars().enumerate();
        files[0].text = text.map(|(i, c)| if i == at { letter } else { c }).collect();
        if let Err(problems) = map("shop", &files, &Folder::new(&folder("valid")), KEY) {
            prop_assert!(!problems.to_string().is_empty());
        }
    }
}
