//! dpkg's database (dpkg(1), deb-triggers(5)): written as dpkg itself would after unpacking, so that
//! it configures the packages from there.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::unpack::Unpacked;

/// Where dpkg keeps its database, below the root.
pub const ADMIN_DIR: &str = "var/lib/dpkg";

/// Writes the database for packages that are unpacked and not yet configured.
///
/// # Errors
/// The files can't be written.
pub fn write(root: &Path, packages: &[Unpacked]) -> Result<()> {
    let admin = root.join(ADMIN_DIR);
    for dir in ["info", "updates", "triggers", "alternatives", "parts"] {
        fs::create_dir_all(admin.join(dir)).with_context(|| format!("making {ADMIN_DIR}/{dir}"))?;
    }
    let put = |name: &str, content: &[u8]| {
        fs::write(admin.join(name), content).with_context(|| format!("writing {ADMIN_DIR}/{name}"))
    };
    put("status", status(packages).as_bytes())?;
    put("available", b"")?;
    put("arch", b"amd64\n")?;
    put("info/format", b"1\n")?;
    for package in packages {
        let name = package.control.info_name();
        put(
            &format!("info/{name}.list"),
            (package.paths.join("\n") + "\n").as_bytes(),
        )?;
        for (member, content) in &package.scripts {
            let file = format!("info/{name}.{member}");
            put(&file, content)?;
            if is_script(member) {
                fs::set_permissions(admin.join(&file), fs::Permissions::from_mode(0o755))
                    .with_context(|| format!("making {ADMIN_DIR}/{file} executable"))?;
            }
        }
    }
    for (file, content) in triggers(packages) {
        put(&format!("triggers/{file}"), content.as_bytes())?;
    }
    Ok(())
}

/// Whether a control member is a program that dpkg or debconf starts.
pub fn is_script(member: &str) -> bool {
    ["preinst", "postinst", "prerm", "postrm", "config"].contains(&member)
}

fn status(packages: &[Unpacked]) -> String {
    let mut text = String::new();
    for package in packages {
        let mut lines = package.control.text().trim_end().lines();
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}", lines.next().unwrap_or_default());
        text.push_str("Status: install ok unpacked\n");
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        if let Some(list) = package.scripts.get("conffiles") {
            text.push_str("Conffiles:\n");
            // A line may carry a flag before the path (`remove-on-upgrade /etc/x`): such a file is not there.
            for path in String::from_utf8_lossy(list)
                .lines()
                .filter(|l| l.starts_with('/'))
            {
                let _ = writeln!(text, " {path} newconffile");
            }
        }
        text.push('\n');
    }
    text
}

/// Who wants to hear of which trigger: `File` for paths, a file of its own for each name.
fn triggers(packages: &[Unpacked]) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::from([("File".into(), String::new())]);
    for package in packages {
        let Some(text) = package.scripts.get("triggers") else {
            continue;
        };
        let name = package.control.info_name();
        for line in String::from_utf8_lossy(text).lines() {
            let mut words = line.split_whitespace();
            let (Some(verb), Some(trigger)) = (words.next(), words.next()) else {
                continue;
            };
            if !verb.starts_with("interest") {
                continue;
            }
            let wait = if verb.ends_with("noawait") {
                "/noawait"
            } else {
                ""
            };
            let (file, line) = if trigger.starts_with('/') {
                ("File".to_owned(), format!("{trigger} {name}{wait}\n"))
            } else {
                (trigger.to_owned(), format!("{name}{wait}\n"))
            };
            files.entry(file).or_default().push_str(&line);
        }
    }
    files
}
