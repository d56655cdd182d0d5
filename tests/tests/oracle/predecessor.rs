//! The predecessor: installed once, asked once per question.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::corpus::{self, Question};
use crate::refused::Wrong;

/// `ansible` brings the collections whose filters inventories use.
const REQUIREMENTS: &[&str] = &[
    "hive-builder==3.9.12",
    "ansible-core==2.16.19",
    "ansible==9.13.0",
    "netaddr==1.3.0",
    "jmespath==1.1.0",
    "passlib==1.7.4 ; python_version >= '3.13'",
];

/// A word in the environment of both sides.
pub const WORD: (&str, &str) = ("ORACLE_WORD", "wort");

/// The predecessor in its virtual environment.
#[derive(Debug)]
pub struct Predecessor {
    python: PathBuf,
}

/// Where everything lies that is made here.
pub fn work() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap().join("oracle")
}

/// Installs it, unless that was done before.
pub fn install() -> Result<Predecessor, String> {
    // Tests run side by side.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    let name = &hex(REQUIREMENTS.join("\n").as_bytes())[..12];
    let folder = work().join(format!("venv-{name}"));
    let python = folder.join("bin/python");
    let done = folder.join("installed");
    if !done.exists() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder))?;
        run(Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(REQUIREMENTS))?;
        fs::write(done, "").map_err(|e| e.to_string())?;
    }
    Ok(Predecessor { python })
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = hive_tests::said(&output);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(format!("{program}: {}", last.unwrap_or("failed")))
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Predecessor {
    /// What it says of a stage; from the cache if it was asked the same before.
    pub fn ask(&self, question: &Question) -> Answer {
        let driver = corpus::folder().join("predecessor.py");
        let mut key = question.bytes();
        key.extend(fs::read(&driver).unwrap());
        key.extend(REQUIREMENTS.join("\n").bytes());
        key.extend(question.stage.bytes());
        let name = format!("{}-{}", question.site, question.stage);
        let answers = work().join("answers");
        fs::create_dir_all(&answers).unwrap();
        let answer = answers.join(format!("{name}-{}.json", &hex(&key)[..16]));
        if !answer.exists() {
            self.ask_now(question, &name, &driver, &answer);
        }
        let text = fs::read_to_string(&answer).unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        Answer {
            failed: found["failed"].as_str().map(str::to_owned),
            inventory: found["inventory"].clone(),
            values: found["values"].clone(),
            seen: found["seen"].clone(),
            persisted: found["persisted"].clone(),
        }
    }

    /// Why it does not take a file; from the cache if it was asked before.
    pub fn refusal(&self, file: &Wrong) -> Option<String> {
        let driver = corpus::folder().join("predecessor.py");
        let mut key = file.bytes();
        key.extend(fs::read(&driver).unwrap());
        key.extend(REQUIREMENTS.join("\n").bytes());
        let answers = work().join("answers");
        fs::create_dir_all(&answers).unwrap();
        let answer = answers.join(format!("refused-{}.json", &hex(&key)[..16]));
        if !answer.exists() {
            let site = work().join("theirs-refused").join(&file.name);
            file.copy_to(&site);
            let fresh = site.with_extension("json");
            let output = self
                .command(&driver, &site, "private", &fresh)
                // A file that can't be read is a warning otherwise.
                .env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "True")
                .output()
                .unwrap();
            let said = hive_tests::said(&output);
            assert!(output.status.success(), "{}: {said}", file.name);
            fs::rename(fresh, &answer).unwrap();
        }
        let found: Value = serde_json::from_str(&fs::read_to_string(&answer).unwrap()).unwrap();
        found["failed"].as_str().map(str::to_owned)
    }

    fn command(&self, driver: &Path, site: &Path, stage: &str, answer: &Path) -> Command {
        let mut command = Command::new(&self.python);
        command
            .arg(driver)
            .arg(site)
            .arg(stage)
            .arg(answer)
            .env(WORD.0, WORD.1)
            .env("PYTHONHASHSEED", "0")
            .env_remove("ANSIBLE_CONFIG");
        command
    }

    fn ask_now(&self, question: &Question, name: &str, driver: &Path, answer: &Path) {
        let folder = work().join("theirs").join(name);
        let site = folder.join(&question.site);
        fs::create_dir_all(&folder).unwrap();
        question.copy_to(&site);
        let fresh = folder.join("answer.json");
        let output = self
            .command(driver, &site, &question.stage, &fresh)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{name}: {}",
            hive_tests::said(&output)
        );
        fs::rename(fresh, answer).unwrap();
    }
}
