//! Our own side: the `hive` command, run as a person would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::answer::Answer;
use crate::corpus::Question;
use crate::predecessor::{WORD, work};
use crate::refused::Wrong;

/// The command that `HIVE` names, or the one that cargo built last.
pub fn program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("HIVE") {
        return Some(path.into());
    }
    let profiles = ["debug", "release"].into_iter();
    let target = work().parent().unwrap().to_path_buf();
    let built = profiles.map(|profile| target.join(profile).join("hive"));
    built.filter(|path| path.exists()).max_by_key(|path| {
        let meta = fs::metadata(path);
        meta.and_then(|meta| meta.modified()).ok()
    })
}

/// What it says of a stage.
pub fn ask(hive: &Path, question: &Question) -> Answer {
    let name = format!("{}-{}", question.site, question.stage);
    let site = work().join("ours").join(name).join(&question.site);
    fs::create_dir_all(site.parent().unwrap()).unwrap();
    question.copy_to(&site);
    let run = |words: &[&str]| {
        let mut command = Command::new(hive);
        command
            .arg("-r")
            .arg(&site)
            .args(["-s", &question.stage, "inventory"])
            .args(words)
            .env(WORD.0, WORD.1)
            .current_dir(&site);
        json(&mut command, &site)
    };
    let inventory = match run(&["--json"]) {
        Ok(found) => found,
        Err(why) => return Answer::failure(why),
    };
    let mut answer = Answer {
        inventory,
        ..Answer::default()
    };
    match run(&["--evaluated", "--json"]) {
        Ok(values) => answer.values = values,
        Err(why) => return Answer::failure(why),
    }
    answer.persisted = persisted(&site);
    answer
}

/// Why it does not take a file: services are judged where they are deployed.
pub fn refusal(hive: &Path, file: &Wrong) -> Option<String> {
    let site = work().join("ours-refused").join(&file.name);
    file.copy_to(&site);
    let run = |words: &[&str]| {
        let mut command = Command::new(hive);
        command.arg("-r").arg(&site).args(["-s", "private"]);
        let output = command.args(words).current_dir(&site).output().unwrap();
        let said = hive_tests::said(&output);
        // Without machines a deployment ends there, after the inventory was read.
        let is_mistake = said.contains("--> inventory/");
        (!output.status.success() && is_mistake).then_some(said)
    };
    run(&["inventory", "--json"]).or_else(|| run(&["deploy-services", "--plan"]))
}

fn json(command: &mut Command, site: &Path) -> Result<Value, String> {
    let output = command.output().unwrap();
    if !output.status.success() {
        return Err(hive_tests::said(&output));
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.replace(site.to_str().unwrap(), "{site}");
    serde_json::from_str(&text).map_err(|error| format!("{error} in: {text}"))
}

fn persisted(site: &Path) -> Value {
    let text = fs::read_to_string(site.join(".hive/persistents.yml")).unwrap_or_default();
    serde_saphyr::from_str(&text).unwrap_or_default()
}
