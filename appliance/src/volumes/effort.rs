//! How often the same step was tried, how long to wait before it is tried again, and when a person is told.

use std::time::Duration;

use hive_volumes::upkeep::Step;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// So many tries, with half a minute of waits between them, are no passing trouble: a swarm that elects another
/// leader takes no writes for some seconds, and nobody is called for that.
const TROUBLE: u32 = 5;
/// A step that is done well and is still the next one may only need others; as long again.
const IDLE: u32 = 7;

/// The tries of a volume's next step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effort {
    step: Option<Step>,
    times: u32,
    said: Option<String>,
}

impl Effort {
    /// A step was tried; how long to wait before the next one.
    pub fn tried(&mut self, step: &Step, outcome: Result<(), String>) -> Duration {
        if !self.is_on(step) {
            *self = Self {
                step: Some(step.clone()),
                ..Self::default()
            };
        }
        self.times += 1;
        let failed = self.said.is_some();
        self.said = outcome.err();
        match (&self.said, self.times) {
            // The next look shows what it did.
            (None, 1) => Duration::ZERO,
            (None, _) if failed => Duration::ZERO,
            (None, times) => doubled(times - 2),
            (Some(_), times) => doubled(times),
        }
    }

    /// It could not even be seen what to do; how long to wait before the next look.
    pub fn is_blind(&mut self, why: String) -> Duration {
        if self.step.is_some() {
            *self = Self::default();
        }
        self.times += 1;
        self.said = Some(why);
        doubled(self.times)
    }

    /// Whether this step was tried last.
    pub fn is_on(&self, step: &Step) -> bool {
        self.step.as_ref() == Some(step)
    }

    /// There is nothing to do now.
    pub fn rests(&mut self) {
        *self = Self::default();
    }

    /// What was tried in vain, in words.
    pub fn vain(&self) -> Option<String> {
        match (&self.step, &self.said) {
            (Some(step), Some(said)) => Some(format!("{step}: {said}")),
            (Some(step), None) if self.times > 1 => Some(format!(
                "{step}: done {} times, and nothing changed",
                self.times
            )),
            (Some(_), None) => None,
            (None, said) => said.clone(),
        }
    }

    /// Whether a person should know.
    pub fn is_trouble(&self) -> bool {
        match self.said {
            Some(_) => self.times >= TROUBLE,
            None => self.times >= IDLE,
        }
    }
}

fn doubled(exponent: u32) -> Duration {
    Duration::from_secs(1 << exponent.min(6)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> Result<(), String> {
        Err("lvcreate: no".into())
    }

    #[test]
    fn what_fails_is_tried_again_ever_later_and_becomes_trouble() {
        let mut effort = Effort::default();
        let step = Step::CreateBacking { bytes: 1 };
        let mut waits = Vec::new();
        for _ in 0..8 {
            // The wait before this try, and those before that.
            let waited: u64 = waits.iter().sum();
            waits.push(effort.tried(&step, fails()).as_secs());
            assert_eq!(effort.is_trouble(), waited >= 30, "after {waited} s");
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        let words = effort.vain().unwrap();
        assert_eq!(words, "making the logical volume: lvcreate: no");
    }

    #[test]
    fn one_failure_is_told_and_is_no_trouble_yet() {
        let mut effort = Effort::default();
        effort.tried(&Step::Adjust, fails());
        assert!(effort.vain().is_some() && !effort.is_trouble());
        // What it did at last is looked at without a wait.
        assert_eq!(effort.tried(&Step::Adjust, Ok(())), Duration::ZERO);
        assert!(!effort.is_trouble());
        assert_eq!(effort.tried(&Step::Adjust, Ok(())).as_secs(), 2);
        effort.rests();
        assert_eq!(effort, Effort::default());
    }

    #[test]
    fn who_can_not_see_says_so_and_looks_less_often() {
        let mut effort = Effort::default();
        effort.tried(&Step::Adjust, fails());
        let waits: Vec<u64> = (0..5)
            .map(|_| effort.is_blind("lvs: no".into()).as_secs())
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 32]);
        assert!(effort.is_trouble());
        assert_eq!(effort.vain().as_deref(), Some("lvs: no"));
    }

    #[test]
    fn steps_that_do_something_follow_each_other_at_once() {
        let mut effort = Effort::default();
        for step in [Step::WriteFile, Step::CreateMetaData, Step::Adjust] {
            assert_eq!(effort.tried(&step, Ok(())), Duration::ZERO);
            assert_eq!(effort.vain(), None);
        }
        let waits: Vec<u64> = (0..6)
            .map(|_| effort.tried(&Step::Adjust, Ok(())).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32]);
        assert!(effort.is_trouble());
        assert!(effort.vain().unwrap().contains("7 times"));
        assert_eq!(effort.tried(&Step::Mint, Ok(())), Duration::ZERO);
    }
}
