//! Puts the programs of the node into the builder, and a hash of the builder's own sources: the
//! cache must never hand out what an older builder made.
//!
//! `cargo xtask build` makes them as static programs and names their folder in `HIVE_NODE_PROGRAMS`.
//! Without it the builder works for everything but a bake, which says what is missing.

use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

const PROGRAMS: [&str; 3] = ["hive-init", "hived", "follow-swarm-service"];

fn main() {
    println!("cargo::rerun-if-env-changed=HIVE_NODE_PROGRAMS");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut table = String::from("&[\n");
    if let Some(dir) = env::var_os("HIVE_NODE_PROGRAMS").map(PathBuf::from) {
        for name in PROGRAMS {
            let path = dir.join(name);
            println!("cargo::rerun-if-changed={}", path.display());
            assert!(
                path.is_file(),
                "HIVE_NODE_PROGRAMS has no {name}: {} is missing",
                path.display()
            );
            table.push_str(&format!(
                "    ({name:?}, include_bytes!({:?}).as_slice()),\n",
                path.display().to_string()
            ));
        }
    }
    table.push_str("]\n");
    fs::write(out.join("node_programs.rs"), table).expect("OUT_DIR can be written");

    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=../images");
    let mut hash = Sha256::new();
    sources(Path::new("src"), &mut hash);
    let hex: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    println!("cargo::rustc-env=HIVE_BUILDER_SOURCES={hex}");
}

fn sources(dir: &Path, hash: &mut Sha256) {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .expect("src can be listed")
        .map(|e| e.expect("src can be listed").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            sources(&path, hash);
        } else {
            hash.update(path.to_string_lossy().as_bytes());
            hash.update(fs::read(&path).expect("sources can be read"));
        }
    }
}
