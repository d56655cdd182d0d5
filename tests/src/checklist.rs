//! A checklist: boxes with a name each, run one after the other; one that fails stops no other.

use std::any::Any;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

/// A box: what is to be true.
#[derive(Debug)]
pub struct Item<C> {
    /// Its number: a letter for the section, and a count.
    pub id: &'static str,
    /// What is looked at, in a few words.
    pub name: &'static str,
    /// How.
    pub how: How<C>,
}

/// How a box is looked at.
#[derive(Debug)]
pub enum How<C> {
    /// By this, which panics if it is not so.
    Run(fn(&C)),
    /// Not in this story; the reason.
    Skip(&'static str),
}

/// Ends a box that can't be looked at here, from within; the reason.
pub fn skip(why: impl Into<String>) -> ! {
    resume_unwind(Box::new(Skipped(why.into())))
}

struct Skipped(String);

/// Results, as far as they are known.
#[derive(Debug, Default)]
pub struct Checklist {
    passed: usize,
    skipped: usize,
    failed: Vec<String>,
    only: Option<String>,
}

impl Checklist {
    /// An empty one. `HIVE_BOXES` names the only ones to run: `B3,C` is B3 and all of C.
    pub fn new() -> Self {
        let only = std::env::var("HIVE_BOXES").ok();
        Self {
            only,
            ..Self::default()
        }
    }

    /// Looks at boxes in their order; `mend` runs after one that failed.
    pub fn run<C>(&mut self, items: &[Item<C>], subject: &C, mend: impl Fn(&C)) {
        for item in items {
            if !self.wants(item.id) {
                continue;
            }
            let title = format!("{} {}", item.id, item.name);
            match item.how {
                How::Run(look) => {
                    if !self.check(&title, || look(subject)) {
                        mend(subject);
                    }
                }
                How::Skip(reason) => {
                    self.skipped += 1;
                    println!("{title}: SKIPPED: {reason}");
                }
            }
        }
    }

    /// Looks at one thing, and tells whether it is so, or was [skipped](skip).
    pub fn check(&mut self, title: &str, look: impl FnOnce()) -> bool {
        let since = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(look));
        let seconds = since.elapsed().as_secs_f64();
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("{title}: ok ({seconds:.0} s)");
                true
            }
            Err(panic) => match panic.downcast_ref::<Skipped>() {
                Some(Skipped(reason)) => {
                    self.skipped += 1;
                    println!("{title}: SKIPPED: {reason}");
                    true
                }
                None => {
                    println!("{title}: FAILED ({seconds:.0} s)");
                    self.failed.push(format!("{title}: {}", text(&*panic)));
                    false
                }
            },
        }
    }

    /// Ends it.
    ///
    /// # Panics
    /// Something failed.
    pub fn end(self) {
        let Self {
            passed, skipped, ..
        } = self;
        let failed = self.failed.len();
        println!("{passed} ok, {failed} failed, {skipped} skipped");
        assert!(self.failed.is_empty(), "{}", self.failed.join("\n\n"));
    }

    /// Whether a box is among those to run.
    pub fn wants(&self, id: &str) -> bool {
        let Some(only) = &self.only else { return true };
        only.split(',').any(|word| {
            let letters = word.chars().all(char::is_alphabetic);
            id == word || letters && id.starts_with(word)
        })
    }
}

/// The boxes of a section as rows of a Markdown table.
pub fn rows<C>(items: &[Item<C>]) -> String {
    let mut rows = String::new();
    for Item { id, name, how } in items {
        let how = match how {
            How::Run(_) => "runs",
            How::Skip(reason) => reason,
        };
        writeln!(rows, "| {id} | {name} | {how} |").unwrap();
    }
    rows
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let word = || panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(word).unwrap_or_default()
}

#[test]
fn a_box_that_skips_itself_is_neither_ok_nor_failed_and_nothing_is_mended() {
    let item = |id, look| Item {
        id,
        name: "",
        how: How::Run(look),
    };
    let items = [
        item("A1", |()| skip("no time")),
        item("A2", |()| panic!("broken")),
    ];
    let (mut list, mended) = (Checklist::default(), std::cell::Cell::new(0));
    list.run(&items, &(), |()| mended.set(mended.get() + 1));
    assert_eq!((list.passed, list.skipped, list.failed.len()), (0, 1, 1));
    assert_eq!(mended.get(), 1);
}
