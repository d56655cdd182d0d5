//! What is found, and steps as commands.

use serde::Serialize;

/// A situation that the guide has a repair for; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// No copy is good enough to be used.
    AllOutdated,
    /// Two hosts gave up connecting, because their data went different ways.
    SplitBrain,
    /// A pool takes no more writes, or soon will not.
    PoolFull,
    /// A file system needs to be mended.
    FileSystemDamaged,
    /// A copy is not there where one should be.
    FailedCopy,
    /// A host gave up connecting, its peer did not.
    StandAlone,
    /// One side thinks it is connected, the other does not.
    HalfConnected,
    /// Blocks are marked as different, and nothing is being filled.
    Marked,
    /// A volume is nearly full.
    VolumeNearlyFull,
    /// What hived says in words.
    Other,
}

/// A command on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Short name of the host; without one it is a command on this computer.
    pub host: Option<String>,
    /// Its words.
    pub words: Vec<String>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub situation: Situation,
    /// The volume, unless it concerns a whole host.
    pub volume: Option<String>,
    /// Hosts that it is about.
    pub hosts: Vec<String>,
    /// What was seen.
    pub what: String,
    /// What to do, in this order.
    pub steps: Vec<Step>,
    /// Whether the steps lose nothing in any case, so that `--fix` does them.
    pub safe: bool,
    /// What to know before they are done.
    pub advice: Option<String>,
}

impl Step {
    /// A program on a host, as root.
    pub fn on(host: &str, words: &[&str]) -> Self {
        Self {
            host: Some(host.to_owned()),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// A command of hive.
    pub fn here(words: &[&str]) -> Self {
        Self {
            host: None,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// As a person would type it.
    pub fn command(&self) -> String {
        let words = self.words.join(" ");
        match &self.host {
            Some(host) => format!("hive ssh -t {host} -- sudo {words}"),
            None => words,
        }
    }
}

impl Finding {
    /// Of a volume.
    pub fn of(situation: Situation, volume: &str, hosts: &[&str], what: String) -> Self {
        Self {
            situation,
            volume: Some(volume.to_owned()),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            what,
            steps: Vec::new(),
            safe: false,
            advice: None,
        }
    }

    /// With steps.
    pub fn steps(mut self, steps: Vec<Step>) -> Self {
        self.steps = steps;
        self
    }

    /// Its steps lose nothing.
    pub fn safe(mut self) -> Self {
        self.safe = true;
        self
    }

    /// With what to know before.
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Volume and host of all that it explains.
    pub fn parts(&self) -> Vec<String> {
        let volume = self.volume.as_deref().unwrap_or_default();
        let hosts = self.hosts.iter();
        hosts.map(|host| part(volume, host)).collect()
    }
}

/// A volume on a host.
pub fn part(volume: &str, host: &str) -> String {
    format!("{volume} on {host}")
}

/// All of it for a person.
pub fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let subject = match &finding.volume {
            Some(volume) => format!("volume {volume}"),
            None => finding.hosts.join(", "),
        };
        text.push_str(&format!("{subject}: {}\n", finding.what));
        if let Some(advice) = &finding.advice {
            text.push_str(&format!("  {advice}\n"));
        }
        for step in &finding.steps {
            let sign = if finding.safe { "safe" } else { "you" };
            text.push_str(&format!("  {sign:<5} {}\n", step.command()));
        }
    }
    text
}
