//! Puts the programs of the node into the builder.
//!
//! `cargo xtask build` makes them as static programs and names their folder in `HIVE_NODE_PROGRAMS`.
//! Without it the builder works for everything but a bake, which says what is missing.

use std::path::PathBuf;
use std::{env, fs};

const PROGRAMS: [&str; 2] = ["hive-init", "hived"];

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
}
