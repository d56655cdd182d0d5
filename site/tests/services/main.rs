//! Walks `services/valid/` and `services/invalid/`: service definitions beside one hive definition,
//! `hive.yml`, compared with the text beside them: what was read, or the errors. Definitions are a file
//! `NAME.yml` or a folder `NAME.d`; a first line `# stage: production` says which stage is read.
//!
//! After a change that is meant, `UPDATE_FIXTURES=1 cargo test -p hive-site --test services` writes the
//! texts anew.

// Helpers of tests, which clippy does not see as tests themselves.
#![allow(clippy::unwrap_used)]

mod numbers;
mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hive_site::service::model::{Image, Service, VolumeKind};
use hive_site::service::{HiveWide, Kept, Reading, TlsLogging};
use hive_site::{Diagnostics, SourceFile, StageName};

const HIVE: &str = include_str!("hive.yml");

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/services")
        .join(name)
}

/// The definitions of a folder, sorted by name.
fn definitions(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yml" || e == "d"))
        .collect();
    paths.sort();
    paths
}

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: format!("inventory/{path}"),
        text: text.to_owned(),
    }
}

fn files(path: &Path) -> Vec<SourceFile> {
    let mut files = vec![source("hive.yml", HIVE)];
    if path.is_file() {
        files.push(source("services.yml", &fs::read_to_string(path).unwrap()));
    } else {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            files.push(source(name, &fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

fn stage(files: &[SourceFile]) -> StageName {
    files
        .iter()
        .find_map(|file| file.text.strip_prefix("# stage: "))
        .and_then(|rest| rest.lines().next()?.parse().ok())
        .unwrap_or(StageName::Private)
}

fn read(files: &[SourceFile], kept: &Kept) -> Result<Reading, Diagnostics> {
    read_with(files, kept, |_| {})
}

fn read_with(
    files: &[SourceFile],
    kept: &Kept,
    change: impl Fn(&mut HiveWide),
) -> Result<Reading, Diagnostics> {
    let site = hive_site::parse(files)?.site;
    let stage = site.stage(&stage(files)).unwrap();
    let mut hive = HiveWide::of_stage(stage);
    let roles = ["python-aptk", "hive-syslog", "web", "web-init"];
    hive.roles = Some(roles.map(str::to_owned).into());
    hive.tag_mapping = BTreeMap::from([("mapped:latest".into(), "mapped@sha256:1234".into())]);
    change(&mut hive);
    site.services_as_written(stage.name, &hive, kept).unwrap()
}

fn one(text: &str) -> Service {
    let files = [source("hive.yml", HIVE), source("services.yml", text)];
    let read = read(&files, &Kept::default()).unwrap_or_else(|error| panic!("{error}"));
    read.services.services.into_values().next().unwrap()
}

/// Compares with the text beside, or writes it. Returns the difference.
fn compare(path: &Path, extension: &str, found: &str) -> Option<String> {
    let beside = path.with_extension(extension);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&beside, found).unwrap();
        return None;
    }
    let expected = fs::read_to_string(&beside).unwrap_or_default();
    (expected != found).then(|| {
        format!(
            "{}\n--- expected\n{expected}\n--- found\n{found}",
            beside.display()
        )
    })
}

fn assert_none(differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{}\n(UPDATE_FIXTURES=1 writes the texts anew)",
        differences.join("\n")
    );
}

/// What was read, without what says nothing: `None`, empty lists and maps.
fn summary(reading: &Reading) -> String {
    let Reading {
        services,
        kept,
        warnings,
        ..
    } = reading;
    let mut text = String::new();
    for line in format!("{services:#?}\n{kept:#?}").lines() {
        let nothing = [": None,", ": [],", ": {},"];
        if !nothing.iter().any(|end| line.ends_with(end)) {
            writeln!(text, "{line}").unwrap();
        }
    }
    for warning in warnings {
        write!(text, "\n{warning}").unwrap();
    }
    text
}

#[test]
fn valid_definitions_read_as_described() {
    let mut differences = Vec::new();
    for path in definitions(&folder("valid")) {
        let reading = read(&files(&path), &Kept::default())
            .unwrap_or_else(|error| panic!("{}:\n{error}", path.display()));
        differences.extend(compare(&path, "txt", &summary(&reading)));
    }
    assert_none(&differences);
}

/// A fixture that shows no attribute would let it rot: each is written in one of the valid files.
#[test]
fn every_attribute_has_a_valid_example() {
    let mut text = String::new();
    for path in definitions(&folder("valid")) {
        for file in files(&path) {
            text.push_str(&file.text);
        }
    }
    let attributes = "available_on backup_scripts cap_add cap_drop command configs cpu_limit dns
        endpoint_mode entrypoint environment healthcheck hosts ignore_error image init initialize_roles
        labels logging mem_limit mode monitor_error networks placement ports read_only replicas
        reservations restart_config rollback_config secrets standalone stop_grace_period sysctls
        ulimits update_config user volumes working_dir";
    for attribute in attributes.split_whitespace() {
        assert!(
            text.contains(&format!("    {attribute}:")),
            "no valid example of `{attribute}`"
        );
    }
}

#[test]
fn invalid_definitions_give_these_errors() {
    let mut differences = Vec::new();
    let paths = definitions(&folder("invalid"));
    assert!(paths.len() >= 45, "only {} invalid files", paths.len());
    for path in paths {
        match read(&files(&path), &Kept::default()) {
            Ok(reading) => panic!("{} was taken:\n{}", path.display(), summary(&reading)),
            Err(error) => differences.extend(compare(&path, "err", &error.to_string())),
        }
    }
    assert_none(&differences);
}

/// Each file shows a mistake of its own: no two give the same messages.
#[test]
fn every_invalid_file_is_about_something_else() {
    let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in definitions(&folder("invalid")) {
        let error = read(&files(&path), &Kept::default()).unwrap_err();
        let messages: BTreeSet<String> = error.iter().map(|d| d.message.clone()).collect();
        let key = format!("{messages:?}");
        if let Some(other) = seen.insert(key, path.clone()) {
            panic!("{} says the same as {}", path.display(), other.display());
        }
    }
}

#[test]
fn every_error_points_at_a_place_and_says_what_to_do() {
    for path in definitions(&folder("invalid")) {
        let error = read(&files(&path), &Kept::default()).unwrap_err();
        for diagnostic in error.iter() {
            let excerpt = diagnostic.excerpt.as_ref();
            assert!(
                excerpt.is_some_and(|e| e.path != "inventory/hive.yml"),
                "{}: {diagnostic}",
                path.display()
            );
            assert!(
                diagnostic
                    .help
                    .as_ref()
                    .is_some_and(|help| !help.is_empty()),
                "{}: {diagnostic}",
                path.display()
            );
        }
    }
}

/// Whatever a person is in the middle of typing, reading ends with an answer.
#[test]
fn no_beginning_of_a_definition_panics() {
    for folder in [folder("valid"), folder("invalid")] {
        for path in definitions(&folder) {
            let whole = files(&path);
            for index in 1..whole.len() {
                let mut cut = whole.clone();
                // Every line's end, and the middle of each word in between.
                for (end, _) in whole[index].text.char_indices().step_by(5) {
                    cut[index].text = whole[index].text[..end].to_owned();
                    if let Err(error) = read(&cut, &Kept::default()) {
                        assert!(error.to_string().starts_with("error: "));
                    }
                }
            }
        }
    }
}

#[test]
fn the_sample_of_hive_init_reads() {
    let files: Vec<SourceFile> = hive_site::sample::FILES
        .iter()
        .filter(|file| file.path.starts_with("inventory/"))
        .map(|file| SourceFile {
            path: file.path.to_owned(),
            text: file.text.to_owned(),
        })
        .collect();
    let site = hive_site::parse(&files).unwrap().site;
    for stage in site.stages.values() {
        let hive = HiveWide::of_stage(stage);
        let reading = site.services_as_written(stage.name, &hive, &Kept::default());
        assert!(reading.unwrap().is_ok(), "{}", stage.name);
    }
    let missing = StageName::ALL
        .into_iter()
        .find(|name| site.stage(name).is_none());
    if let (Some(missing), Some(stage)) = (missing, site.stages.values().next()) {
        let hive = HiveWide::of_stage(stage);
        assert!(
            site.services_as_written(missing, &hive, &Kept::default())
                .is_none()
        );
    }
}

#[test]
fn variables_of_the_hive_decide_what_services_share() {
    let text = "plugin: hive_services
services:
  web:
    image: {from: mapped:latest, roles: [web]}
    environment: {NO_PROXY: mine}
";
    let files = [source("hive.yml", HIVE), source("services.yml", text)];
    let reading = read_with(&files, &Kept::default(), |hive| {
        hive.registry = "elsewhere:5001".into();
        hive.syslog_port = 6514;
        hive.network_attachable = false;
        hive.proxies = [("HTTP_PROXY", "http://proxy:3128"), ("NO_PROXY", "theirs")]
            .map(|(name, value)| (name.into(), value.into()))
            .into();
        hive.tls_logging = Some(TlsLogging {
            ca_cert: "/c/ca.pem".into(),
            cert: "/c/cert.pem".into(),
            key: "/c/key.pem".into(),
        });
        let built = "elsewhere:5001/image_web:latest".to_owned();
        hive.tag_mapping
            .insert(built, "elsewhere:5001/image_web:7".into());
    })
    .unwrap();
    let web = &reading.services.services["web"];
    assert_eq!(web.image.reference(), "elsewhere:5001/image_web:7");
    let Image::Built { build, .. } = &web.image else {
        panic!("{:?}", web.image)
    };
    assert_eq!(build.from, "mapped@sha256:1234");
    assert_eq!(web.environment["HTTP_PROXY"], "http://proxy:3128");
    assert_eq!(web.environment["NO_PROXY"], "mine");
    let options = &web.logging.as_ref().unwrap().options;
    assert_eq!(
        options["syslog-address"],
        "tcp+tls://p-hive3.example.com:6514"
    );
    assert_eq!(options["syslog-tls-key"], "/c/key.pem");
    assert!(!reading.services.networks["hive_default_network"].attachable);
}

#[test]
fn the_same_image_is_pulled_on_one_stage_and_built_on_another() {
    let text = "plugin: hive_services
services:
  web:
    image: {from: debian, roles: [web], pull_on: [production], pull_from: 'example.com/web:1.0'}
";
    assert_eq!(
        one(text).image.reference(),
        "p-hive3.example.com:5000/image_web:latest"
    );
    assert_eq!(
        one(&format!("# stage: production\n{text}"))
            .image
            .reference(),
        "example.com/web:1.0"
    );
}
