//! P1 to P3: three hosts from one image, switched on in any order.

use std::thread::sleep;
use std::time::{Duration, Instant};

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::random::Random;
use hive_tests::swarm::eventually;
use hive_tests::{Site, sha256};

pub const BOXES: &[Item<Site>] = &[
    Item {
        id: "P1",
        name: "in any order they become one swarm of three managers, and the image stays as it is",
        how: How::Run(in_any_order),
    },
    Item {
        id: "P2",
        name: "a label that was taken away comes back, and one that was given by hand stays",
        how: How::Run(labels_are_kept_true),
    },
    Item {
        id: "P3",
        name: "no secret of the site is in the image",
        how: How::Run(no_secret_of_the_site_is_in_the_image),
    },
];

/// Longest pause between two hosts, in seconds.
const LONGEST: u64 = 60;

fn in_any_order(site: &Site) {
    let image = sha256(&site.images().join("hive.raw"));
    let mut random = Random::told();
    let mut order = HOSTS;
    random.shuffle(&mut order);
    let since = Instant::now();
    for (number, name) in order.iter().enumerate() {
        if number > 0 {
            let pause = random.below(LONGEST);
            println!("{pause} s later: {name}");
            sleep(Duration::from_secs(pause));
        }
        site.host(name).start();
    }
    site.joined();
    println!(
        "from the first power-on to one swarm: {:.0} s",
        since.elapsed().as_secs_f64()
    );
    assert_eq!(
        sha256(&site.images().join("hive.raw")),
        image,
        "the image that all were made from changed"
    );

    let first = site.host(HOSTS[0]);
    let nodes = first.nodes();
    let hosts: Vec<&str> = nodes.iter().map(|n| n.host.as_str()).collect();
    assert_eq!(hosts, HOSTS, "{nodes:?}");
    assert!(nodes.iter().all(|n| n.state == "Ready"), "{nodes:?}");
    let managers = |kind: &str| nodes.iter().filter(|n| n.manager == kind).count();
    assert_eq!(
        (managers("Leader"), managers("Reachable")),
        (1, 2),
        "{nodes:?}"
    );
    for (number, node) in nodes.iter().enumerate() {
        let mut expected = vec!["hives", "hosts", "private", "servers"];
        expected.extend((number == 0).then_some("first_hive"));
        expected.extend((number == 2).then_some("repository"));
        expected.sort_unstable();
        let labels = first.labels(&node.id);
        assert!(labels.values().all(|v| v == "true"), "{labels:?}");
        assert_eq!(labels.keys().collect::<Vec<_>>(), expected, "{node:?}");
    }
}

fn labels_are_kept_true(site: &Site) {
    let first = site.host(HOSTS[0]);
    let node = &first.nodes()[1].id;
    first.sh(&format!(
        "docker node update --label-rm hives --label-add mine=1 {node} >/dev/null"
    ));
    eventually("the label to come back", || {
        let labels = first.labels(node);
        labels
            .contains_key("hives")
            .then_some(())
            .ok_or(format!("{labels:?}"))
    });
    assert_eq!(first.labels(node)["mine"], "1");
}

/// What lies uncompressed, the seed volume first of all. For the rest the story of reproducible bakes
/// speaks: the same image comes of a folder that never had a private key.
fn no_secret_of_the_site_is_in_the_image(site: &Site) {
    let image = std::fs::read(site.images().join("hive.raw")).unwrap();
    let stage = site.path(".hive/private");
    let mut searched = 0;
    for file in files_below(&stage) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let key = name.contains("key") || name.starts_with("id_");
        if !key || name.ends_with(".pub") || file.starts_with(stage.join("run")) {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        // A run in the middle of the key, as it lies in the file and as the text says it.
        let text: Vec<u8> = bytes.iter().copied().filter(|b| *b != b'\n').collect();
        for bytes in [&bytes, &text] {
            let middle = &bytes[bytes.len() / 2 - 8..][..16];
            let found = image.windows(16).any(|w| w == middle);
            assert!(!found, "{} is in the image", file.display());
        }
        searched += 1;
    }
    assert!(
        searched >= 4,
        "only {searched} keys were found to search for"
    );
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => files.extend(files_below(&entry.path())),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}
