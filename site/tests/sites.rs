//! Walks `valid/` and `invalid/`: every site there is compared with the text beside it, the summary
//! of what was read or the errors. A site is a file `NAME.yml` or a folder `NAME.d`.
//!
//! After a change that is meant, `UPDATE_FIXTURES=1 cargo test -p hive-site` writes the texts anew.

// Helpers of tests, which clippy does not see as tests themselves.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hive_site::{Parsed, Provider, Site, SourceFile, Stage};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// The sites of a folder, sorted by name.
fn sites(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yml" || e == "d"))
        .collect();
    paths.sort();
    paths
}

fn files(site: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    if site.is_file() {
        files.push(SourceFile {
            path: "inventory/hive.yml".into(),
            text: fs::read_to_string(site).unwrap(),
        });
    } else {
        collect(site, "inventory", &mut files);
    }
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &name, files);
        } else {
            files.push(SourceFile {
                path: name,
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}

/// Compares with the text beside a site, or writes it. Returns the difference.
fn compare(site: &Path, extension: &str, found: &str) -> Option<String> {
    let beside = site.with_extension(extension);
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

#[test]
fn valid_sites_read_as_described() {
    let mut differences = Vec::new();
    let mut providers = BTreeSet::new();
    for path in sites(&folder("valid")) {
        let parsed = match hive_site::parse(&files(&path)) {
            Ok(parsed) => parsed,
            Err(error) => panic!("{}:\n{error}", path.display()),
        };
        providers.extend(parsed.site.stages.values().map(|stage| stage.provider));
        differences.extend(compare(&path, "txt", &summary(&parsed)));
    }
    assert_none(&differences);
    assert_eq!(
        providers,
        BTreeSet::from(Provider::ALL),
        "a provider without a valid site"
    );
}

#[test]
fn invalid_sites_give_these_errors() {
    let mut differences = Vec::new();
    for path in sites(&folder("invalid")) {
        match hive_site::parse(&files(&path)) {
            Ok(parsed) => panic!("{} was taken:\n{}", path.display(), summary(&parsed)),
            Err(error) => differences.extend(compare(&path, "err", &error.to_string())),
        }
    }
    assert_none(&differences);
}

/// Every mistake of the fixtures is shown at a line of the file, but for a site without any.
#[test]
fn every_error_points_at_a_place() {
    for path in sites(&folder("invalid")) {
        let error = hive_site::parse(&files(&path)).unwrap_err();
        for diagnostic in error.iter() {
            assert!(
                diagnostic.excerpt.is_some() || path.ends_with("empty.d"),
                "{}: {diagnostic}",
                path.display()
            );
            assert!(
                diagnostic.help.is_some(),
                "{}: {diagnostic}",
                path.display()
            );
        }
    }
}

/// Whatever a person is in the middle of typing, parsing ends with an answer.
#[test]
fn no_beginning_of_a_site_panics() {
    for folder in [folder("valid"), folder("invalid")] {
        for path in sites(&folder) {
            let whole = files(&path);
            for index in 0..whole.len() {
                let mut cut = whole.clone();
                for (end, _) in whole[index].text.char_indices() {
                    cut[index].text = whole[index].text[..end].to_owned();
                    if let Err(error) = hive_site::parse(&cut) {
                        assert!(error.to_string().starts_with("error: "));
                    }
                }
            }
        }
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let text = format!("plugin: hive_inventory\nname: {}", "[".repeat(100_000));
    let file = SourceFile {
        path: "inventory/hive.yml".into(),
        text,
    };
    assert!(hive_site::parse(&[file]).is_err());
}

fn summary(parsed: &Parsed) -> String {
    let Site {
        name,
        stages,
        services,
        ..
    } = &parsed.site;
    let mut text = format!("site {name}\n");
    for service in services {
        writeln!(text, "services {}", service.path).unwrap();
    }
    for stage in stages.values() {
        describe(stage, &mut text);
    }
    for warning in &parsed.warnings {
        write!(text, "\n{warning}").unwrap();
    }
    text
}

fn describe(stage: &Stage, text: &mut String) {
    writeln!(
        text,
        "\nstage {} provider {} cidr {} mother {} separate {}",
        stage.name,
        stage.provider,
        stage.cidr,
        stage.mother(),
        stage.separate_repository
    )
    .unwrap();
    for subnet in &stage.subnets {
        writeln!(text, "  {subnet:?}").unwrap();
    }
    for host in stage.hosts() {
        let roles: Vec<String> = host.roles.iter().map(|role| format!("{role:?}")).collect();
        writeln!(
            text,
            "  {} {} in {} zone {:?} [{}]",
            host.name,
            host.address_with_prefix(),
            host.subnet,
            host.zone,
            roles.join(" ")
        )
        .unwrap();
        writeln!(
            text,
            "    memory {:?} cpus {:?} disk {:?} mirrored {:?} type {:?} encrypted {}/{}",
            host.memory_mb,
            host.cpus,
            host.disk_gb,
            host.mirrored_disk_gb,
            host.instance_type,
            host.disk_encrypted,
            host.mirrored_disk_encrypted
        )
        .unwrap();
        if host.is_hive() != host.may_manage || host.hardware != Default::default() {
            writeln!(text, "    {:?} {:?}", host.member(), host.hardware).unwrap();
        }
    }
    let others = [
        format!("{:?}", stage.internal),
        format!("{:?}", stage.shared_repository),
        format!("{:?}", stage.kickstart),
        format!("{:?}", stage.image_name),
        format!("{:?}", stage.root_password),
        format!(
            "{:?} {:?} {:?}",
            stage.region, stage.bridge, stage.kms_key_id
        ),
        format!(
            "{:?} {:?} {:?}",
            stage.nameservers, stage.filestore_cidr, stage.data_path_port
        ),
        format!("{:?}", stage.image),
        format!("{:?}", stage.drbd),
        format!("{:?}", stage.settings),
    ];
    for other in others {
        writeln!(text, "  {other}").unwrap();
    }
}
