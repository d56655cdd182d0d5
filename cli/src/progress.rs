//! Progress of long work: bars on a terminal, a line at the end of each step elsewhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hive_builder::progress::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output;

/// Where progress of a command goes.
#[derive(Debug)]
pub struct Reporter {
    /// None: plain lines.
    bars: Option<MultiProgress>,
    steps: Mutex<BTreeMap<String, Step>>,
}

#[derive(Debug)]
struct Step {
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Reporter {
    /// For whoever looks at standard error.
    pub fn new() -> Self {
        Self::with(output::is_watched().then(MultiProgress::new))
    }

    fn with(bars: Option<MultiProgress>) -> Self {
        Self {
            bars,
            steps: Mutex::default(),
        }
    }

    /// Says something between the bars.
    pub fn say(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| output::say(text)),
            None => output::say(text),
        }
    }

    /// Shows what a step is doing or waiting for; off a terminal a line, if it is news.
    pub fn note(&self, step: &str, text: &str) {
        let steps = self.steps();
        match steps.get(step).and_then(|s| s.bar.as_ref()) {
            Some(bar) if bar.message() != text => bar.set_message(text.to_owned()),
            Some(_) => {}
            None => output::say(&format!("  {step}: {text}")),
        }
    }

    /// Ends a step with a word about how it went.
    pub fn finish(&self, step: &str, outcome: &str) {
        let Some(done) = self.steps().remove(step) else {
            return;
        };
        if let Some(bar) = done.bar {
            bar.finish_and_clear();
        }
        let outcome = if outcome.is_empty() {
            String::new()
        } else {
            format!("  {outcome}")
        };
        self.say(&format!(
            "  {step:<10} {}{outcome}",
            seconds(done.since.elapsed())
        ));
    }

    fn steps(&self) -> MutexGuard<'_, BTreeMap<String, Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Reporter {
    fn begin(&self, step: &str, detail: &str) {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_style(style("  {prefix:<10} {elapsed:>4} {spinner} {wide_msg}"));
            bar.set_prefix(step.to_owned());
            bar.set_message(detail.to_owned());
            bar.enable_steady_tick(Duration::from_millis(150));
            bar
        });
        if bar.is_none() {
            let detail = if detail.is_empty() {
                String::new()
            } else {
                format!(" ({detail})")
            };
            output::say(&format!("  {step} …{detail}"));
        }
        self.steps().insert(
            step.to_owned(),
            Step {
                since: Instant::now(),
                bar,
            },
        );
    }

    fn cached(&self, step: &str) {
        self.say(&format!("  {step:<10} cached"));
    }

    fn advance(&self, step: &str, done: u64, total: u64) {
        let steps = self.steps();
        let Some(bar) = steps.get(step).and_then(|s| s.bar.as_ref()) else {
            return;
        };
        if bar.length() != Some(total) {
            bar.set_length(total);
            // Steps count bytes or things; nothing else has so many.
            let unit = if total > 1 << 20 {
                "{bytes}/{total_bytes}"
            } else {
                "{pos}/{len}"
            };
            bar.set_style(style(&format!(
                "  {{prefix:<10}} {{elapsed:>4}} [{{bar:30}}] {unit} {{wide_msg}}"
            )));
        }
        bar.set_position(done);
    }

    fn end(&self, step: &str) {
        self.finish(step, "");
    }

    fn warn(&self, text: &str) {
        self.say(&format!("warning: {text}"));
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates stand above, and a test reads them.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// Seconds as steps show them.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_and_go() {
        for bars in [
            None,
            Some(MultiProgress::with_draw_target(
                indicatif::ProgressDrawTarget::hidden(),
            )),
        ] {
            let reporter = Reporter::with(bars);
            reporter.begin("root", "because");
            reporter.advance("root", 1, 3);
            reporter.advance("other", 1, 3);
            reporter.note("root", "busy");
            assert_eq!(reporter.steps().len(), 1);
            reporter.end("root");
            reporter.end("root");
            assert!(reporter.steps().is_empty());
        }
    }

    #[test]
    fn templates_are_valid() {
        for template in [
            "  {prefix:<10} {elapsed:>4} {spinner} {wide_msg}",
            "  {prefix:<10} {elapsed:>4} [{bar:30}] {bytes}/{total_bytes} {wide_msg}",
            "  {prefix:<10} {elapsed:>4} [{bar:30}] {pos}/{len} {wide_msg}",
        ] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
